internal import LinuxSystem
internal import Registers
internal import Reports
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
    /// What `--host` takes for the target's host; nil where it has none.
    var host: String?
    let account: RestoreAccount
    let counter: CounterMismatch?
    let values: ValueText

    private var mold: RestoreJSON {
        RestoreJSON(
            account: account, counter: counter, policy: policy, notes: notes, source: source,
            target: target, dryRun: dryRun, values: values)
    }

    private var isComplete: Bool { mold.isComplete }

    var status: ExitStatus { isComplete ? .success : .finding }

    func write(text output: ReportWriter) {
        let verb = dryRun ? "dry run" : "restore"
        output.write(output.style.bold("\(verb) of \(source) into \(target)") + "\n")
        output.write(output.style.notes(notes))
        output.write(counter?.line ?? "")
        writeRegisters(output)
        if !isComplete { output.write(nextStep) }
    }

    /// A restore tells what its target did; what can be done is found by a plan.
    private var nextStep: PrintableText {
        guard let host else { return "" }
        let (source, place) = (FileName.word(source), FileName.word(host))
        return "  next: vcpusnap plan \(source) --host \(place) says what can be done\n"
    }

    var json: JSONObject { mold.json }
}

extension RegisterRestore {
    /// `TCR2_EL1: wanted 0x0, found nothing; reason`.
    func line(_ values: ValueText) -> String {
        let wanted = values.text(wanted, of: id)
        let facts = [
            pardon.map { _ in outcome.name }, wanted.map { "wanted \($0)" },
            values.text(found, of: id).map { (wanted == nil ? "holds " : "found ") + $0 },
            outcome.errno,
        ]
        let head = "\(values.title(of: id)): " + facts.compactMap(\.self).joined(separator: ", ")
        let rules = values.texts(overrides, of: id)?.joined(separator: ", ")
        return [head, reason, rules, pardon?.text].compactMap(\.self).joined(separator: "; ")
    }
}

// MARK: - Text

extension RestoreOutput {
    private func writeRegisters(_ output: ReportWriter) {
        var all = UnitNumbers()
        var (vm, complete, incomplete) = (FoldedCounts(), FoldedCounts(), FoldedCounts())
        var vmIsComplete = true
        var registers = FoldedRegisters<String>()
        var undone = Folded<PrintableText, Void>()
        for report in account {
            all.append(report.unit)
            switch (report.unit, report.isComplete) {
            case (.vm, let isComplete):
                vm.add(report.counts, of: .vm)
                vmIsComplete = isComplete
            case (.vcpu, true): complete.add(report.counts, of: report.unit)
            case (.vcpu, false): incomplete.add(report.counts, of: report.unit)
            }
            for register in report.registers {
                guard let section = section(of: register) else { continue }
                registers.add(register, in: section, of: report.unit)
            }
            if let undo = report.undo { undone.add(text(of: undo, output.style), of: report.unit) }
        }
        let (names, style) = (RegisterOutcome.names, output.style)
        let (done, lost) = (style.good("complete") + "; ", style.bad("registers were lost") + "; ")
        output.write(vm.line(names, style, verdict: vmIsComplete ? done : lost))
        output.write(incomplete.line(names, style, verdict: lost))
        output.write(complete.line(names, style, verdict: done))
        let lines = FoldedLines(values: values, units: all)
        let sections = registers.bySection
        for title in names {
            guard let members = sections[title] else { continue }
            output.write("  \(title) (\(members.count))\n")
            output.write(lines.text(of: members, isUnderOutcome: true))
        }
        output.write(lines.text(pardoned: registers.pardoned))
        for entry in undone.entries { output.write("  \(entry.line(entry.subject, among: all))") }
    }

    /// The heading under which a register is told; nil where it only counts.
    private func section(of register: RegisterRestore) -> String? {
        let outcome = register.outcome
        let isListed =
            outcome.isLoss || outcome == .skipped(.guestMemory) || register.isConditional
            || listsDestinationOnly && outcome == .untouched
        return isListed ? outcome.name : nil
    }

    private func text(of undo: [RegisterUndo], _ style: TextStyle) -> PrintableText {
        guard !undo.isEmpty else { return "--strict: no register had been written\n" }
        let stuck = undo.filter { !$0.isUndone }
        guard !stuck.isEmpty else {
            let verb = undo.count == 1 ? "was" : "were"
            return "--strict: all \(undo.count.of("register")) written \(verb) put back and read "
                + "back\n"
        }
        let lines = stuck.map { register -> PrintableText in
            let before = values.text(register.before, of: register.id) ?? "nothing"
            let found = values.text(register.found, of: register.id) ?? "nothing"
            let reason = register.reason.map { "; \($0)" } ?? ""
            return
                "    \(values.title(of: register.id)): before \(before), found \(found)\(reason)\n"
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
