/// Lines of which each is said of a vCPU, for a report of all of them: what is the same of several is said once.
struct SharedLines {
    private struct Line {
        let text: String
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

    /// - Parameter subject: what the line is about; of one subject one line is kept, the first.
    mutating func add(
        _ text: String, about subject: String, of vcpu: UInt32, counting count: Int = 1
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

    /// The lines, with their vCPUs where that are not all.
    func texts(ofAll vcpus: VCPUNumbers) -> [String] {
        lines.map { line in
            (line.vcpus == vcpus ? "" : line.vcpus.title + ": ") + line.text
                + (line.differs ? "; not the same on every vCPU" : "")
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
            add(text(register), about: "\(register.id) \(register.fate) \(isPardoned)", of: vcpu)
        }
        for (cut, count) in LoadPlanOutput.Register.cutTexts(registers.filter(\.isCutVector)) {
            add(cut, about: cut, of: vcpu, counting: count)
        }
    }
}
