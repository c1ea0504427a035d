internal import Emulation
internal import LinuxSystem
internal import Machines
internal import Planning
internal import QEMUStream
internal import Registers
internal import Reports
internal import TextFormats
internal import Transfer
internal import VCPUModel

/// The report of `plan`.
struct PlanOutput: Report {
    /// What `plan --qemu` says of each kind of version.
    private typealias Loads = [(version: QEMUVersion, verdict: LoadPlan.Verdict)]

    let source: String
    /// Each plan is large, so it is written before the next one is made.
    let moves: GuestMoves
    let values: ValueText
    /// The hosts as they were named; empty where nothing is to be typed next.
    var hosts: [String] = []
    /// Whether the source is a file.
    var isFixable = false

    private var notes: [String]? { moves.guest.snapshot.noteTextsOfRestore }

    private func loads(_ profile: HostProfile) throws -> Loads {
        try moves.guest.loads(on: profile, policy: moves.policy)
    }

    func write(text output: ReportWriter) throws {
        var verdicts: [MovePlan.Verdict?] = []
        for (number, profile) in moves.profiles.enumerated() {
            let plan = try moves.plan(on: profile)
            let style = output.style
            if number > 0 { output.write("\n") }
            output.write(
                "\(style.bold("\(source) on \(plan.host)")): \(plan.verdict.text(style))\n")
            if number == 0 { output.write(style.notes(notes)) }
            if let origin = moves.guest.origin(refusing: plan) {
                output.write(Self.emulation(origin))
                verdicts.append(nil)
            } else {
                verdicts.append(plan.verdict)
                output.write(Self.line(try loads(profile)))
                PlanBody(plan: plan, values: values).write(text: output)
            }
        }
        output.write(nextStep(after: verdicts))
    }

    /// What to type next; nothing where no host was named, and of state that no KVM has.
    private func nextStep(after verdicts: [MovePlan.Verdict?]) -> PrintableText {
        let source = FileName.word(source)
        let places = zip(hosts.map(FileName.word), verdicts)
        guard let place = places.first(where: { $1 == .no })?.0 else {
            guard let place = places.first(where: { $1 != nil })?.0 else { return "" }
            return place.hasPrefix(SSHHost.scheme)
                ? "  next: vcpusnap move \(source) \(place) TARGET\n"
                : "  next: vcpusnap restore \(source) TARGET there\n"
        }
        return isFixable
            ? "  next: vcpusnap fix \(source) --host \(place) asks about each thing in the way\n"
            : "  next: vcpusnap plan \(source) --host \(place) --write-policy FILE writes the rules that would do\n"
    }

    /// All that is to be said of state that no KVM has.
    private static func emulation(_ origin: StreamOrigin) -> PrintableText {
        "  \(origin.whyNoKVMTakesIt)\n  can be done: \(origin.remedy)\n"
    }

    /// That the verdict is a restore's, and those of QEMU.
    private static func line(_ loads: Loads) -> PrintableText {
        guard !loads.isEmpty else { return "" }
        let changes = loads.indices.filter {
            $0 == 0 || loads[$0].verdict != loads[$0 - 1].verdict
        }
        let ends = changes.dropFirst().map { ", before \(loads[$0].version)" } + [" on"]
        let parts = zip(changes, ends).map { change, end in
            "\(loads[change].verdict.rawValue) (from \(loads[change].version)\(end))"
        }
        return """
              this is what vcpusnap restore does; QEMU's own load of the stream (--qemu VERSION) \
            \(parts.joined(separator: ", "))

            """
    }

    var json: JSONObject {
        PlanJSON(notes: notes, policy: moves.policy.name, source: source).json(moves.profiles) {
            let (plan, loads) = (try moves.plan(on: $0), try loads($0))
            return plan.json(values) + ["qemu": loads.isEmpty ? nil : loads.json(Self.json)]
        }
    }

    private static func json(_ load: Loads.Element) -> JSONObject {
        ["qemu": "\(load.version)", "verdict": load.verdict.rawValue]
    }
}

extension MovePlan.Verdict {
    func text(_ style: TextStyle) -> PrintableText {
        self == .no ? style.bad(PrintableText(text)) : style.good(PrintableText(text))
    }
}

/// What is said of one plan.
struct PlanBody: JSONConvertible {
    let plan: MovePlan
    let values: ValueText

    func write(text output: ReportWriter) {
        let said = Said(of: plan)
        output.write(plan.counter.map { $0.line + Self.remedies($0.remedies) } ?? "")
        for counts in [said.vm, said.vcpus] {
            output.write(counts.line(RegisterOutcome.names, output.style))
        }
        output.write(plan.notices.lines)
        output.write(guessLine(said.losses.bySection.flatMap(\.value).map(\.subject.id)))
        let lines = FoldedLines(values: values, units: said.units)
        for (cause, members) in said.losses.bySection.sorted(by: { $0.key < $1.key }) {
            output.write("  \(output.style.bold("\(cause.text)")) (\(members.count))\n")
            let remedies = members.compactMap(\.statement.loss).flatMap(\.remedies)
            output.write(
                lines.text(of: members, isUnderOutcome: false) + Self.remedies(remedies))
        }
        output.write(lines.text(pardoned: said.losses.pardoned))
        for (word, members) in said.conditional.bySection {
            output.write("  \(word), on a condition (\(members.count))\n")
            output.write(lines.text(of: members, isUnderOutcome: true))
        }
    }

    /// What all units say, the same once.
    private struct Said {
        var units = UnitNumbers()
        var vm = FoldedCounts()
        var vcpus = FoldedCounts()
        var losses = FoldedRegisters<Cause>()
        /// What is restored if whoever makes the VM does something.
        var conditional = FoldedRegisters<String>()

        init(of plan: MovePlan) {
            for plan in plan.units {
                let (report, unit) = (plan.report, plan.report.unit)
                units.append(unit)
                if unit == .vm {
                    vm.add(report.counts, of: unit)
                } else {
                    vcpus.add(report.counts, of: unit)
                }
                for loss in plan.losses {
                    losses.add(loss.restore, loss, in: loss.cause, of: unit)
                }
                for register in report.registers where register.isConditional {
                    conditional.add(register, in: register.outcome.name, of: unit)
                }
            }
        }
    }

    private static func remedies(_ remedies: [Remedy]) -> PrintableText {
        Remedy.lines(of: remedies).map { "    can be done: \($0)\n" }.joined()
    }

    private func guessLine(_ lost: [RegisterID]) -> PrintableText {
        let names = plan.guessed(of: lost).map(\.name)
        guard !names.isEmpty else { return "" }
        return """
              guessed: what the host has in \(names.joined(separator: ", ")) is not known, so these losses may not be \
            (host --as-kernel)

            """
    }

    var json: JSONObject { plan.json(values) }
}

extension CounterMismatch {
    var line: PrintableText {
        let pardoned = pardon.map { "; pardoned by \($0.text)" } ?? ""
        return "  the counter runs at \(host) Hz, the guest's at \(guest) Hz\(pardoned)\n"
    }
}

extension [MoveNotice] {
    /// A line for each.
    var lines: PrintableText { map { "  notice: \($0.text)\n" }.joined() }
}

extension UnreachableHosts {
    /// That the proposed rules do not make a move there possible; nil where there are no such hosts.
    var warning: PrintableText? {
        guard !hosts.isEmpty else { return nil }
        return "vcpusnap: even with every rule that can be proposed it may not go to "
            + "\(hosts.map(\.name).listed(atMost: 3)): choose another host (vcpusnap matrix)"
            + (areForced ? "; --policy force lets it go, whatever is lost\n" : "\n")
    }
}
