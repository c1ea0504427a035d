internal import Registers
internal import Transfer
internal import VCPUModel

/// The text of a restore's reports, those of all vCPUs together.
struct RestoreText {
    private let output: RestoreOutput
    private let style: TextStyle
    private var vcpus = VCPUNumbers()
    private var complete = FoldedCounts()
    private var incomplete = FoldedCounts()
    private var registers = FoldedStatements<String, RegisterRestore>()
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
        vcpus.append(report.vcpu)
        if report.isComplete {
            complete.add(report.counts, of: report.vcpu)
        } else {
            incomplete.add(report.counts, of: report.vcpu)
        }
        for register in report.registers { add(register, of: report.vcpu) }
        if let undo = report.undo { undone.add(text(of: undo), of: report.vcpu) }
    }

    private mutating func add(_ register: RegisterRestore, of vcpu: UInt32) {
        guard register.pardon == nil else {
            return registers.add(register, in: Self.pardoned, of: vcpu)
        }
        let outcome = register.outcome
        guard !Self.unlisted.contains(outcome.name) || register.isConditional,
            output.listsDestinationOnly || outcome != .untouched
        else { return }
        registers.add(register, in: outcome.name, of: vcpu)
    }

    func write(to output: ReportWriter) {
        let names = RegisterOutcome.names
        let lost = style.bad("registers were lost") + "; "
        output.write(incomplete.line(names, style, verdict: lost))
        output.write(complete.line(names, style, verdict: style.good("complete") + "; "))
        let lines = FoldedLines(values: self.output.values, vcpus: vcpus, isUnderOutcome: true)
        let sections = registers.bySection
        for title in names + [Self.pardoned] {
            guard let members = sections[title] else { continue }
            output.write("  \(title) (\(members.count))\n\(lines.text(of: members))")
        }
        for entry in undone.entries {
            output.write("  \(entry.line(entry.subject, among: vcpus))")
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

extension RegisterRestore: RegisterStatement {
    var outcomeWord: String { outcome.name }

    /// Whether it was restored because the VM was made in a certain way, which its reason says.
    var isConditional: Bool { outcome == .taken && reason != nil }

    func saysTheSame(as other: RegisterRestore) -> Bool {
        outcome == other.outcome && wanted == other.wanted && found == other.found
            && hasReason(of: other) && overrides == other.overrides && pardon == other.pardon
    }
}
