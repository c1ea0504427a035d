internal import LinuxSystem
internal import Registers
internal import Transfer
internal import VCPUModel

/// The report of `set` and `inject`.
struct EditOutput: WholeReport {
    let verb: String
    let target: String
    let edits: [(index: UInt32, edit: VCPUEdit)]
    /// What is to be said of the result; nil for nothing.
    let notes: [String]?
    let kernel: KernelVersion?
    let values: ValueText

    private var isComplete: Bool { edits.allSatisfy(\.edit.isComplete) }

    var status: ExitStatus { isComplete ? .success : .finding }

    var json: JSONObject {
        ["complete": isComplete, "notes": notes, "target": target]
            + .units(edits, { .vcpu($0.index) }) { _, edit in
                [
                    "complete": edit.isComplete,
                    "registers": edit.changes.json { $0.json(values, kernel) },
                ]
            }
    }

    /// What several vCPUs took alike is said once.
    func text(_ style: TextStyle) -> PrintableText {
        var said = Folded<PrintableText, Void>()
        for (index, edit) in edits { said.add(body(of: edit, style), of: .vcpu(index)) }
        let bodies = said.entries.map {
            "\(style.bold("\($0.units.title)")): \($0.subject)" as PrintableText
        }
        return "\(style.bold("\(verb): \(target)"))\n\(bodies.joined())\(style.notes(notes))"
    }

    private func body(of edit: VCPUEdit, _ style: TextStyle) -> PrintableText {
        let verdict = edit.isComplete ? style.good("made") : style.bad("not all made")
        let head = edit.changes.isEmpty ? "no register differs" : verdict
        let lines = edit.changes.map { "  \($0.line(values, kernel))\n" as PrintableText }
        return "\(head)\n\(lines.joined())"
    }
}

extension VCPUEdit.Change {
    private var word: String {
        switch outcome {
        case .keptButMasked: RegisterOutcome.acceptedThenChanged.name
        case .refused, .acceptedThenChanged, .absent: outcome.name
        default: "made"
        }
    }

    /// What the bank says, and of a refusal also the rule of the kernel's KVM.
    private func reason(_ kernel: KernelVersion?) -> String? {
        guard outcome.errno != nil else { return explanation }
        let rule = RegisterDictionary.entry(for: id)?.refusalRule(onKernel: kernel)
        let reasons = [explanation, rule].compactMap(\.self)
        return reasons.isEmpty ? nil : reasons.joined(separator: "; ")
    }

    fileprivate func json(_ values: ValueText, _ kernel: KernelVersion?) -> JSONObject {
        values.register(
            id, ["before": before, "found": found, "wanted": wanted],
            ["errno": outcome.errno, "outcome": word, "reason": reason(kernel)])
    }

    /// `SCTLR_EL1 (0x603000000013c080): 0x30d0198d -> 0x30d0198c`.
    fileprivate func line(_ values: ValueText, _ kernel: KernelVersion?) -> String {
        let held = [before, wanted].compactMap { values.text($0, of: id) }
        let found = values.text(found, of: id).map { "found \($0)" }
        let facts = word == "made" ? [] : [word, outcome.errno, found, reason(kernel)]
        return (["\(id.title): " + held.joined(separator: " -> ")] + facts.compactMap(\.self))
            .joined(separator: ", ")
    }
}
