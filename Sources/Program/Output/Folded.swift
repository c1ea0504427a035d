internal import VCPUModel

extension UnitNumbers {
    /// What stands before a line that is said of these units: `vCPU 0: `, or nothing where they are all.
    func prefix(among all: UnitNumbers) -> String { self == all ? "" : title + ": " }
}

/// Statements about a guest's units: each subject once, in the order in which it first came up, with the units that
/// the statement is about.
///
/// So a report grows with what there is to say, not with the number of vCPUs.
struct Folded<Subject: Hashable, Statement> {
    struct Entry {
        let subject: Subject
        /// That of the first of its units.
        var statement: Statement
        fileprivate(set) var units: UnitNumbers
        /// Whether something else is said of the subject on another of its units.
        var differs = false

        /// A line about it, with its units where they are not all.
        func line(_ text: PrintableText, among all: UnitNumbers) -> PrintableText {
            "\(units.prefix(among: all))\(text)\(differs ? "; not the same on every vCPU" : "")"
        }
    }

    private var places: [Subject: Int] = [:]
    private(set) var entries: [Entry] = []

    /// - Parameters:
    ///   - statement: made for the first of the subject's units only.
    ///   - merge: adds to the entry what is new about another of them.
    mutating func add(
        _ subject: Subject, of unit: UnitID, _ statement: @autoclosure () -> Statement,
        merge: (inout Entry) -> Void = { _ in }
    ) {
        if let place = places[subject] {
            merge(&entries[place])
            entries[place].units.append(unit)
        } else {
            places[subject] = entries.count
            entries.append(
                Entry(subject: subject, statement: statement(), units: UnitNumbers(of: unit)))
        }
    }
}

extension Folded where Statement == Void {
    /// For a subject that says it all.
    mutating func add(_ subject: Subject, of unit: UnitID) { add(subject, of: unit, ()) }
}

extension Sequence {
    /// Elements with the same key together, in the order in which the keys first appear.
    func grouped<Key: Hashable>(by key: (Element) -> Key) -> [[Element]] {
        Dictionary(grouping: enumerated()) { key($0.element) }.values
            .sorted { $0[0].offset < $1[0].offset }
            .map { $0.map(\.element) }
    }
}

/// How many registers of each outcome units have, each time the least and the most.
struct FoldedCounts {
    private(set) var units = UnitNumbers()
    private var ranges: [String: ClosedRange<Int>] = [:]

    mutating func add(_ counts: [String: Int], of unit: UnitID) {
        for word in Set(counts.keys).union(ranges.keys) {
            let count = counts[word] ?? 0
            let known = ranges[word] ?? (units.count == 0 ? count...count : 0...0)
            ranges[word] = min(known.lowerBound, count)...max(known.upperBound, count)
        }
        units.append(unit)
    }

    /// `vCPUs 0-3: complete; 25 refused, 60-65 restored`, in the order of the words; nothing of no unit.
    /// - Parameters:
    ///   - verdict: `complete; `, if something is to stand before the counts.
    ///   - auxiliary: `may be `, if that is to stand before each word.
    func line(
        _ words: [String], _ style: TextStyle, verdict: PrintableText = "",
        before auxiliary: String = ""
    ) -> PrintableText {
        guard units.count > 0 else { return "" }
        let counts = words.compactMap { word -> String? in
            guard let range = ranges[word] else { return nil }
            let count = range.count == 1 ? "" : "-\(range.upperBound)"
            return "\(range.lowerBound)\(count) \(auxiliary)\(word)"
        }
        return
            "\(style.bold("\(units.title)")): \(verdict)\(counts.joined(separator: ", "))\n"
    }
}
