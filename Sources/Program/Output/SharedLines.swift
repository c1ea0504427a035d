/// Texts of which each is said of a vCPU, for a report of all of them: what is the same of several is said once.
struct SharedLines {
    private struct Line {
        let text: PrintableText
        /// How many registers it speaks of.
        let count: Int
        var vcpus = VCPUNumbers()
        /// Whether other values are said of another of the vCPUs.
        var differs = false
    }

    private var places: [String: Int] = [:]
    private var lines: [Line] = []

    /// How many registers they speak of.
    var count: Int { lines.reduce(0) { $0 + $1.count } }

    /// - Parameter subject: what the text is about; of one subject one text is kept, the first.
    mutating func add(
        _ text: PrintableText, about subject: String, of vcpu: UInt32, counting count: Int = 1
    ) {
        let place = places[subject] ?? lines.count
        if place == lines.count {
            places[subject] = place
            lines.append(Line(text: text, count: count))
        } else if lines[place].text != text {
            lines[place].differs = true
        }
        lines[place].vcpus.append(vcpu)
    }

    /// The texts, with their vCPUs where that are not all.
    func texts(ofAll vcpus: VCPUNumbers) -> [PrintableText] {
        lines.map { line in
            let rest = line.differs ? VCPUNumbers.differing : ""
            return "\(line.vcpus.prefix(among: vcpus))\(line.text)\(rest)"
        }
    }
}

extension SharedLines {
    /// A line for each register, and one for all vectors of a vCPU that are cut off.
    mutating func add(
        _ registers: [LoadPlanOutput.Register], of vcpu: UInt32,
        _ text: (LoadPlanOutput.Register) -> String
    ) {
        for register in registers where !register.isCutVector {
            let isPardoned = register.pardon != nil
            add(
                PrintableText(text(register)),
                about: "\(register.id) \(register.fate) \(isPardoned)", of: vcpu)
        }
        for (cut, count) in LoadPlanOutput.Register.cutTexts(registers.filter(\.isCutVector)) {
            add(PrintableText(cut), about: cut, of: vcpu, counting: count)
        }
    }
}
