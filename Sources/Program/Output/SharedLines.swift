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
    private struct Line {
        let statement: Statement?
        let text: PrintableText
        /// How many registers it speaks of.
        let count: Int
        var vcpus = VCPUNumbers()
        /// Whether other values are said of another of the vCPUs.
        var differs = false
    }

    private var places: [SharedSubject: Int] = [:]
    private var lines: [Line] = []

    /// How many registers they speak of.
    var count: Int { lines.reduce(0) { $0 + $1.count } }

    /// - Parameter statement: what the text follows from, if that can be compared.
    mutating func add(
        _ statement: Statement?, about subject: SharedSubject, of vcpu: UInt32,
        counting count: Int = 1, _ text: () -> PrintableText
    ) {
        let place = places[subject] ?? lines.count
        if place == lines.count {
            places[subject] = place
            lines.append(Line(statement: statement, text: text(), count: count))
        } else if !lines[place].differs, !isSaid(statement, at: place) {
            lines[place].differs = lines[place].text != text()
        }
        lines[place].vcpus.append(vcpu)
    }

    private func isSaid(_ statement: Statement?, at place: Int) -> Bool {
        statement != nil && statement == lines[place].statement
    }

    /// The texts, with their vCPUs where that are not all.
    func texts(ofAll vcpus: VCPUNumbers) -> [PrintableText] {
        lines.map { line in
            let rest = line.differs ? VCPUNumbers.differing : ""
            return "\(line.vcpus.prefix(among: vcpus))\(line.text)\(rest)"
        }
    }
}

extension SharedLines<RegisterLoad> {
    /// A line for each register, and one for all vectors of a vCPU that are cut off.
    mutating func add(
        _ loads: [RegisterLoad], of vcpu: UInt32, _ text: (RegisterLoad) -> String
    ) {
        for load in loads where !load.isCutVector {
            let subject = SharedSubject(
                register: load.id, words: load.fate.rawValue, isPardoned: load.pardon != nil)
            add(load, about: subject, of: vcpu) { PrintableText(text(load)) }
        }
        for (text, count) in RegisterLoad.cutLines(loads.filter(\.isCutVector)) {
            add(nil, about: SharedSubject(words: text), of: vcpu, counting: count) {
                PrintableText(text)
            }
        }
    }
}
