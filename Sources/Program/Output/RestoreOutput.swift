internal import LinuxSystem
internal import Registers
internal import Transfer
internal import VCPUModel

/// The report of `restore`.
struct RestoreOutput: Report {
    let source: String
    let target: String
    let dryRun: Bool
    let policy: String
    /// What is to be said of the snapshot; nil for nothing.
    let notes: [String]?
    /// Whether the text has a line for each register that only the target has.
    var listsDestinationOnly = true
    let account: RestoreAccount
    let counter: CounterMismatch?
    let values: ValueText

    private var isComplete: Bool { account.isComplete && counter?.isLoss != true }

    var status: ExitStatus { isComplete ? .success : .finding }

    func write(text output: ReportWriter) {
        let verb = dryRun ? "dry run" : "restore"
        output.write(output.style.bold("\(verb) of \(source) into \(target)") + "\n")
        output.write(output.style.notes(notes))
        output.write(counter?.line ?? "")
        var fold = RestoreText(self, output.style)
        for report in account { fold.add(report) }
        fold.write(to: output)
    }

    var json: JSONObject {
        [
            "complete": isComplete, "counter": counter, "dryRun": dryRun, "notes": notes,
            "policy": policy, "source": source, "target": target,
            "vcpus": account.json { $0.json(values, ["complete": $0.isComplete]) },
        ]
    }
}

extension RestoreReport {
    /// What a restore did to a vCPU, and what else is to be said of it.
    func json(_ values: ValueText, _ members: JSONObject) -> JSONObject {
        .unit(
            vcpu,
            [
                "counts": JSONObject.counts(counts),
                "registers": registers.json { $0.json(values) },
                "undo": undo?.json { $0.json(values) }, "undone": undo?.allSatisfy(\.isUndone),
            ] + members)
    }
}

extension RegisterRestore {
    func json(_ values: ValueText) -> JSONObject {
        values.register(
            id,
            [
                "before": before, "found": found, "lostBits": outcome.lostBits, "wanted": wanted,
            ],
            [
                "errno": outcome.errno, "outcome": outcome.name,
                "overrides": overrides.isEmpty ? nil : overrides.map(\.description),
                "pardon": pardon, "reason": reason,
            ])
    }

    /// `TCR2_EL1 (0x603000000013c103): wanted 0x0, found nothing; reason`.
    func line(_ values: ValueText) -> String {
        let wanted = values.text(wanted, of: id)
        let facts = [
            pardon.map { _ in outcome.name }, wanted.map { "wanted \($0)" },
            values.text(found, of: id).map { (wanted == nil ? "holds " : "found ") + $0 },
            outcome.errno,
        ]
        let head = "\(id.title): " + facts.compactMap(\.self).joined(separator: ", ")
        let rules = overrides.isEmpty ? nil : overrides.map(\.description).joined(separator: ", ")
        return [head, reason, rules, pardon?.text].compactMap(\.self).joined(separator: "; ")
    }
}

extension RegisterUndo {
    /// A register that `--strict` put back, or could not.
    fileprivate func json(_ values: ValueText) -> JSONObject {
        values.register(
            id, ["before": before, "found": found], ["reason": reason, "undone": isUndone])
    }
}
