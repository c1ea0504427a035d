internal import Planning
internal import Registers
internal import VCPUModel

/// What lines are about; of one subject one text is kept, the first.
struct SharedSubject: Hashable {
    var register: RegisterID?
    /// What is said of it, in short.
    var words = ""
    var isPardoned = false
}

/// Texts of which each is said of a vCPU, for a report of all of them: what is the same of several is said once.
///
/// A text is made only for the first of its vCPUs, and where it may be another one on a later vCPU.
struct SharedLines<Statement: Equatable> {
    private var lines = Folded<SharedSubject, (said: Statement?, text: PrintableText, count: Int)>()

    /// - Parameters:
    ///   - statement: what the text follows from, if that can be compared.
    ///   - count: of how many registers it speaks.
    mutating func add(
        _ statement: Statement?, about subject: SharedSubject, of unit: UnitID,
        counting count: Int = 1, _ text: () -> PrintableText
    ) {
        lines.add(subject, of: unit, (statement, text(), count)) { entry in
            let isSaid = statement != nil && statement == entry.statement.said
            if !entry.differs, !isSaid { entry.differs = entry.statement.text != text() }
        }
    }

    /// Whether nothing is said.
    var isEmpty: Bool { lines.entries.isEmpty }

    /// The texts, with their vCPUs where those are not all.
    func texts(ofAll units: UnitNumbers) -> [PrintableText] {
        lines.entries.map { $0.line($0.statement.text, among: units) }
    }

    /// The texts under a title, with how many registers they speak of.
    func list(_ title: PrintableText, ofAll units: UnitNumbers) -> PrintableText {
        let count = lines.entries.reduce(0) { $0 + $1.statement.count }
        return .list(title, texts(ofAll: units), count: count)
    }
}

extension SharedLines<RegisterLoad> {
    /// A line for each register, and one for all vectors of a vCPU that are cut off.
    mutating func add(
        _ loads: [RegisterLoad], of unit: UnitID, _ text: (RegisterLoad) -> String
    ) {
        for load in loads where !load.isCutVector {
            let subject = SharedSubject(
                register: load.id, words: load.fate.rawValue, isPardoned: load.pardon != nil)
            add(load, about: subject, of: unit) { PrintableText(text(load)) }
        }
        for (text, count) in RegisterLoad.cutLines(loads.filter(\.isCutVector)) {
            add(nil, about: SharedSubject(words: text), of: unit, counting: count) {
                PrintableText(text)
            }
        }
    }
}
