internal import LinuxSystem
internal import Registers
internal import Transfer
internal import VCPUModel

/// The report of `set` and `inject`.
struct EditOutput: WholeReport {
    struct VCPU: Encodable {
        var index: UInt32
        var complete: Bool
        var registers: [Register]
    }

    struct Register: Encodable {
        var name: String
        var id: String
        var outcome: String
        var before: String?
        var wanted: String?
        var found: String?
        var errno: String?
        var reason: String?
    }

    var verb: String
    var target: String
    var complete: Bool
    /// What is to be said of the result; nil for nothing.
    var notes: [String]?
    var vcpus: [VCPU]

    private enum CodingKeys: CodingKey {
        case target, complete, notes, vcpus
    }

    init(
        verb: String, target: String, edits: [(index: UInt32, edit: VCPUEdit)],
        notes: [String]?, kernel: KernelVersion?, values: ValueText
    ) {
        self.notes = notes
        self.verb = verb
        self.target = target
        complete = edits.allSatisfy(\.edit.isComplete)
        vcpus = edits.map { index, edit in
            VCPU(
                index: index, complete: edit.isComplete,
                registers: edit.changes.map { Register($0, kernel, values) })
        }
    }

    func text(_ style: TextStyle) -> PrintableText {
        let bodies = vcpus.map { $0.text(style) }.joined()
        return "\(style.bold("\(verb): \(target)"))\n\(bodies)\(style.notes(notes))"
    }
}

extension EditOutput.VCPU {
    func text(_ style: TextStyle) -> PrintableText {
        let verdict = complete ? style.good("made") : style.bad("not all made")
        let head = registers.isEmpty ? "no register differs" : verdict
        let lines = registers.map { register -> PrintableText in "  \(register.text)\n" }
        return "\(style.bold("vCPU \(index)")): \(head)\n\(lines.joined())"
    }
}

extension EditOutput.Register {
    init(_ change: VCPUEdit.Change, _ kernel: KernelVersion?, _ values: ValueText) {
        name = change.id.name
        id = change.id.hex
        before = values.text(change.before, of: change.id)
        wanted = values.text(change.wanted, of: change.id)
        found = values.text(change.found, of: change.id)
        reason = change.explanation
        switch change.outcome {
        case .refused(let number):
            outcome = "refused"
            errno = number.symbol
            let rule = RegisterDictionary.entry(for: change.id)?.refusalRule(onKernel: kernel)
            let reasons = [change.explanation, rule].compactMap(\.self)
            reason = reasons.isEmpty ? nil : reasons.joined(separator: "; ")
        case .keptButMasked, .acceptedThenChanged: outcome = "accepted-then-changed"
        case .absent: outcome = "absent"
        default: outcome = "made"
        }
    }

    /// `SCTLR_EL1 (0x603000000013c080): 0x30d0198d -> 0x30d0198c`.
    var text: String {
        let head = "\(name) (\(id)): \(before ?? "nothing") -> \(wanted ?? "nothing")"
        guard outcome != "made" else { return head }
        let facts = [outcome, errno, found.map { "found \($0)" }, reason].compactMap { $0 }
        return head + ", " + facts.joined(separator: ", ")
    }
}
