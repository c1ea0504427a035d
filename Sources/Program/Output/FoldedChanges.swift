internal import Registers
internal import VCPUModel

/// Values that become others, on many units: each subject is one line, however many values it has.
struct FoldedChanges<Subject: Hashable> {
    /// What becomes of a subject, as it is printed.
    struct Change: Hashable {
        /// The value of a side; nil where it has none.
        var left: String?
        var right: String?
        /// What else there is to say, each after a comma.
        var facts: [String] = []

        /// `0x1 -> 0x2, refused`, with `(none)` for a side that has nothing.
        var text: String {
            (["\(left ?? "(none)") -> \(right ?? "(none)")"] + facts).joined(separator: ", ")
        }
    }

    /// What becomes of a subject on one unit, with the values that are printed.
    struct Statement {
        let subject: Subject
        let change: Change
        let left: RegisterValue?
        let right: RegisterValue?
    }

    /// All that becomes of a subject.
    struct Line {
        let subject: Subject
        fileprivate(set) var units = UnitNumbers()
        fileprivate var changes = Folded<Change, Statement>()
    }

    private var places: [Subject: Int] = [:]
    /// In the order in which the subjects came up.
    private(set) var lines: [Line] = []

    /// Adds what becomes of a subject on a unit that is greater than those before it.
    mutating func add(_ statement: Statement, of unit: UnitID) {
        let place = places[statement.subject] ?? lines.count
        if place == lines.count {
            places[statement.subject] = place
            lines.append(Line(subject: statement.subject))
        }
        lines[place].units.append(unit)
        lines[place].changes.add(statement.change, of: unit, statement)
    }
}

extension FoldedChanges.Line {
    private var entries: [Folded<FoldedChanges.Change, FoldedChanges.Statement>.Entry] {
        changes.entries
    }

    /// Whether the same becomes of the subject on all of these units.
    func isAlike(among all: UnitNumbers) -> Bool { entries.count == 1 && units == all }

    /// How many changes of one subject are told beside each other.
    private static var maximumChanges: Int { 4 }

    /// Whether its text does not tell which unit has which value.
    var isShortened: Bool {
        entries.count > Self.maximumChanges
            || entries.count > 1 && entries.contains { $0.units.isShortened }
    }

    /// `x0: 0x1 -> 0x2`, with the units where they are not all: each of a few changes, or the range of many values.
    /// - Parameter name: what the subject is called.
    func text(_ name: String, among all: UnitNumbers) -> PrintableText {
        guard entries.count > 1 else {
            return "\(units.prefix(among: all))\(name): \(entries[0].subject.text)"
        }
        guard isShortened else {
            let texts = entries.map { "\($0.units.title): \($0.subject.text)" as PrintableText }
            return "\(name): \(texts.joined(separator: "; "))"
        }
        return "\(units.prefix(among: all))\(name): \(range.text)"
    }

    private var range: FoldedChanges.Change {
        let facts = entries.map(\.subject.facts)
        let shared = facts[0].filter { fact in facts.allSatisfy { $0.contains(fact) } }
        let isSame = facts.allSatisfy { $0 == facts[0] }
        return FoldedChanges.Change(
            left: Self.range(entries.map { ($0.subject.left, $0.statement.left) }),
            right: Self.range(entries.map { ($0.subject.right, $0.statement.right) }),
            facts: shared + (isSame ? [] : ["not the same on every vCPU"]))
    }

    /// `0x0, 0x1` or `0x0 to 0x3f (64 values)` of what one side holds, beside `(none)` where units have no value.
    private static func range(_ held: [(text: String?, value: RegisterValue?)]) -> String {
        let distinct = Dictionary(held.map { ($0.text, $0.value) }) { first, _ in first }
        let sorted = distinct.sorted { left, right in
            let (left, right) = (left.value, right.value)
            return (left?.littleEndianBytes.reversed() ?? [])
                .lexicographicallyPrecedes(right?.littleEndianBytes.reversed() ?? [])
        }.compactMap(\.key)
        let none = distinct.keys.contains(nil) ? ["(none)"] : []
        guard sorted.count > maximumChanges else { return (none + sorted).joined(separator: ", ") }
        let range = "\(sorted[0]) to \(sorted[sorted.count - 1]) (\(sorted.count) values)"
        return (none + [range]).joined(separator: ", ")
    }
}
