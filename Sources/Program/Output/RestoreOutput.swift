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
        ] + .units(account, \.unit) { $0.json(values) + ["complete": $0.isComplete] }
    }
}

extension RestoreReport {
    /// What a restore did to a unit.
    func json(_ values: ValueText) -> JSONObject {
        [
            "counts": JSONObject.counts(counts), "registers": registers.json(values),
            "undo": undo?.json(values), "undone": undo?.allSatisfy(\.isUndone),
        ]
    }
}

extension RegisterRestore: ValueHolder {
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

extension RegisterUndo: ValueHolder {
    /// A register that `--strict` put back, or could not.
    func json(_ values: ValueText) -> JSONObject {
        values.register(
            id, ["before": before, "found": found], ["reason": reason, "undone": isUndone])
    }
}

// MARK: - Text

/// The text of a restore's reports, those of all units together.
private struct RestoreText {
    private let output: RestoreOutput
    private let style: TextStyle
    private var units = UnitNumbers()
    private var complete = FoldedCounts()
    private var incomplete = FoldedCounts()
    private var registers = FoldedRegisters<String>()
    /// What is said of undoing.
    private var undone = Folded<PrintableText, Void>()

    init(_ output: RestoreOutput, _ style: TextStyle) {
        self.output = output
        self.style = style
    }

    /// Outcomes with nothing to say about single registers; their number is in the summary.
    private static let unlisted: Set = ["restored", "already-equal", "volatile", "skipped"]
    private static let pardoned = "pardoned by the policy"

    mutating func add(_ report: RestoreReport) {
        units.append(report.unit)
        if report.isComplete {
            complete.add(report.counts, of: report.unit)
        } else {
            incomplete.add(report.counts, of: report.unit)
        }
        for register in report.registers { add(register, of: report.unit) }
        if let undo = report.undo { undone.add(text(of: undo), of: report.unit) }
    }

    private mutating func add(_ register: RegisterRestore, of unit: UnitID) {
        guard register.pardon == nil else {
            return registers.add(register, in: Self.pardoned, of: unit)
        }
        let outcome = register.outcome
        guard !Self.unlisted.contains(outcome.name) || register.isConditional,
            output.listsDestinationOnly || outcome != .untouched
        else { return }
        registers.add(register, in: outcome.name, of: unit)
    }

    func write(to output: ReportWriter) {
        let names = RegisterOutcome.names
        let lost = style.bad("registers were lost") + "; "
        output.write(incomplete.line(names, style, verdict: lost))
        output.write(complete.line(names, style, verdict: style.good("complete") + "; "))
        let lines = FoldedLines(values: self.output.values, units: units, isUnderOutcome: true)
        let sections = registers.bySection
        for title in names + [Self.pardoned] {
            guard let members = sections[title] else { continue }
            output.write("  \(title) (\(members.count))\n\(lines.text(of: members))")
        }
        for entry in undone.entries {
            output.write("  \(entry.line(entry.subject, among: units))")
        }
    }

    private func text(of undo: [RegisterUndo]) -> PrintableText {
        guard !undo.isEmpty else { return "--strict: no register had been written\n" }
        let stuck = undo.filter { !$0.isUndone }
        guard !stuck.isEmpty else {
            let verb = undo.count == 1 ? "was" : "were"
            return "--strict: all \(undo.count.of("register")) written \(verb) put back and read "
                + "back\n"
        }
        let lines = stuck.map { register -> PrintableText in
            let before = output.values.text(register.before, of: register.id) ?? "nothing"
            let found = output.values.text(register.found, of: register.id) ?? "nothing"
            let reason = register.reason.map { "; \($0)" } ?? ""
            return "    \(register.id.label): before \(before), found \(found)\(reason)\n"
        }
        let back = "\(undo.count - stuck.count) of \(undo.count) registers written were put back"
        let verdict = style.bad("could not be put back")
        return "--strict: \(back) and read back; \(verdict):\n\(lines.joined())"
    }
}

extension RegisterRestore {
    /// Whether it was restored because the VM was made in a certain way, which its reason says.
    var isConditional: Bool { outcome == .taken && reason != nil }
}
