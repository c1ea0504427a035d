internal import Emulation
internal import LinuxSystem
internal import Planning
internal import QEMUStream
internal import Registers
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

    private var notes: [String]? { moves.guest.snapshot.noteTexts }

    private func loads(_ profile: HostProfile) throws -> Loads {
        try moves.guest.loads(on: profile, policy: moves.policy)
    }

    func write(text output: ReportWriter) throws {
        for (number, profile) in moves.profiles.enumerated() {
            let plan = try moves.plan(on: profile)
            let style = output.style
            if number > 0 { output.write("\n") }
            output.write(
                "\(style.bold("\(source) on \(plan.host)")): \(plan.verdict.text(style))\n")
            if number == 0 { output.write(style.notes(notes)) }
            if let origin = moves.guest.origin(refusing: plan) {
                output.write(Self.emulation(origin))
            } else {
                output.write(Self.line(try loads(profile)))
                PlanBody(plan: plan, values: values).write(text: output)
            }
        }
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
        [
            "hosts": moves.profiles.json { profile in
                let (plan, loads) = (try moves.plan(on: profile), try loads(profile))
                return PlanBody(plan: plan, values: values).json
                    + ["qemu": loads.isEmpty ? nil : loads.json(Self.json)]
            }, "notes": notes, "policy": moves.policy.name, "source": source,
        ]
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
        var all = UnitNumbers()
        var (vm, counts) = (FoldedCounts(), FoldedCounts())
        var losses = FoldedRegisters<Cause>()
        // What is restored if whoever makes the VM does something.
        var conditional = FoldedRegisters<String>()
        for plan in plan.units {
            let (report, unit) = (plan.report, plan.report.unit)
            all.append(unit)
            if unit == .vm {
                vm.add(report.counts, of: unit)
            } else {
                counts.add(report.counts, of: unit)
            }
            for loss in plan.losses { losses.add(loss.restore, loss, in: loss.cause, of: unit) }
            for register in report.registers where register.isConditional {
                conditional.add(register, in: register.outcome.name, of: unit)
            }
        }
        output.write(plan.counter?.line ?? "")
        for counts in [vm, counts] {
            output.write(counts.line(RegisterOutcome.names, output.style))
        }
        for notice in plan.notices { output.write("  notice: \(notice.text)\n") }
        output.write(guessLine(losses.bySection.flatMap(\.value).map(\.subject.id)))
        let lines = FoldedLines(values: values, units: all)
        for (cause, members) in losses.bySection.sorted(by: { $0.key < $1.key }) {
            let pardoned = members.count(where: \.subject.isPardoned)
            let count = "\(members.count)" + (pardoned > 0 ? ", \(pardoned) pardoned" : "")
            output.write("  \(output.style.bold("\(cause.text)")) (\(count))\n")
            output.write(lines.text(of: members, isUnderOutcome: false) + Self.remedies(members))
        }
        for (word, members) in conditional.bySection {
            output.write("  \(word), on a condition (\(members.count))\n")
            output.write(lines.text(of: members, isUnderOutcome: true))
        }
    }

    private static let maximumHosts = 6

    /// A line for each remedy of what counts; of very many other hosts the first ones.
    private static func remedies(_ losses: [FoldedRegisters<Cause>.Entry]) -> PrintableText {
        let counting = losses.filter { !$0.subject.isPardoned }
        let all = Remedy.each(counting.compactMap(\.statement.loss).flatMap(\.remedies))
        let more = all.count(where: \.isOtherHost) - maximumHosts
        let texts = all.dropLast(max(more, 0)).map(\.text)
        return (texts + (more > 0 ? ["\(more) more of the kind"] : [])).map { text in
            "    can be done: \(text)\n"
        }.joined()
    }

    private func guessLine(_ lost: [RegisterID]) -> PrintableText {
        let names = plan.guessed(of: lost).map(\.name)
        guard !names.isEmpty else { return "" }
        return """
              guessed: what the host has in \(names.joined(separator: ", ")) is not known, so these losses may not be \
            (host --as-kernel)

            """
    }

    var json: JSONObject {
        let (guesses, notices) = (plan.guesses.map(\.name), plan.notices)
        return [
            "counter": plan.counter, "guessed": guesses.isEmpty ? nil : guesses, "host": plan.host,
            "notices": notices.isEmpty
                ? nil : notices.json { ["notice": $0.name, "text": $0.text] },
            "verdict": plan.verdict.text,
            // Of each unit what the restore will report, and why.
        ]
            + .units(plan.units, \.report.unit) {
                $0.report.json(values) + ["causes": $0.byCause.json { $0.json($1, values) }]
            }
    }
}

extension Cause {
    fileprivate func json(_ losses: [PlannedLoss], _ values: ValueText) -> JSONObject {
        [
            "cause": kind.rawValue, "detail": detail, "text": text,
            "losses": losses.json(values),
        ]
    }
}

extension PlannedLoss: ValueHolder {
    func json(_ values: ValueText) -> JSONObject {
        [
            "notice": notice, "register": restore.json(values),
            "remedies": remedies,
        ]
    }
}

extension GuestImpact: JSONConvertible {
    var json: JSONObject {
        ["changedSinceReset": isChangedFromReset, "inUse": isInUse, "text": text]
    }
}
