internal import LinuxSystem
internal import Registers
internal import Reports
internal import Transfer
internal import VCPUModel

/// The report of `set` and `inject`.
struct EditOutput: WholeReport {
    let verb: String
    let target: String
    let dryRun: Bool
    let edits: [(unit: UnitID, edit: VCPUEdit)]
    /// What is to be said of the result; nil for nothing.
    let notes: [String]?
    let kernel: KernelVersion?
    let values: ValueText

    private var isComplete: Bool { edits.allSatisfy(\.edit.isComplete) }

    var status: ExitStatus { isComplete ? .success : .finding }

    var json: JSONObject {
        ["complete": isComplete, "dryRun": dryRun, "notes": notes, "target": target]
            + .units(edits, \.unit) { _, edit in
                [
                    "complete": edit.isComplete,
                    "registers": edit.changes.json { $0.json(values, kernel) },
                ]
            }
    }

    /// What several vCPUs took alike is said once, and of a register that they hold different values of, the range.
    func text(_ style: TextStyle) -> PrintableText {
        let blocks = edits.grouped { verdict(on: $0.edit, style) }.map { members in
            var units = UnitNumbers()
            var changes = FoldedChanges<RegisterID>()
            for (unit, edit) in members {
                units.append(unit)
                for change in edit.changes {
                    changes.add(change.statement(values, kernel), of: unit)
                }
            }
            let lines = changes.lines.sorted { $0.subject < $1.subject }
                .map {
                    "  \($0.text(values.title(of: $0.subject), among: units))\n" as PrintableText
                }
            let verdict = verdict(on: members[0].edit, style)
            return "\(style.bold("\(units.title)")): \(verdict)\n\(lines.joined())" as PrintableText
        }
        let title = "\(verb): \(target)\(dryRun ? " (dry run)" : "")" as PrintableText
        return "\(style.bold(title))\n\(blocks.joined())\(style.notes(notes))"
    }

    private func verdict(on edit: VCPUEdit, _ style: TextStyle) -> PrintableText {
        guard !edit.changes.isEmpty else { return "no register differs" }
        return edit.isComplete ? style.good("made") : style.bad("not all made")
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

    fileprivate func statement(
        _ values: ValueText, _ kernel: KernelVersion?
    ) -> FoldedChanges<RegisterID>.Statement {
        let found = values.text(found, of: id).map { "found \($0)" }
        let facts = word == "made" ? [] : [word, outcome.errno, found, reason(kernel)]
        return FoldedChanges.Statement(
            subject: id,
            change: .init(
                left: values.text(before, of: id), right: values.text(wanted, of: id),
                facts: facts.compactMap(\.self)),
            left: before, right: wanted)
    }
}
