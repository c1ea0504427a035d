internal import Emulation
internal import LinuxSystem
internal import Planning
internal import QEMUStream
internal import Registers
internal import Transfer
internal import VCPUModel

/// The report of `plan`.
struct PlanOutput: Report {
    /// The verdict of `plan --qemu`.
    struct LoadVerdict {
        var qemu: String
        var verdict: String
    }

    struct CauseText {
        var cause: String
        var detail: String?
        var text: String
        var losses: [Loss]
    }

    struct Loss {
        var register: RestoreOutput.Register
        var notice: Notice
        var remedies: [RemedyText]
    }

    struct Notice {
        var changedSinceReset: Bool?
        var inUse: Bool?
        var text: String
    }

    struct RemedyText {
        var remedy: String
        var text: String
    }

    let source: String
    let policy: String
    /// What is to be said of the snapshot; nil for nothing.
    let notes: [String]?
    let profiles: [HostProfile]
    let values: ValueText
    /// Who ran the guest.
    let origin: StreamOrigin
    /// What QEMU does with a stream; empty for what is none.
    let verdicts: (HostProfile) throws -> [LoadVerdict]
    /// Makes the plan for a host; one after another, since each can be large.
    let plan: (HostProfile) throws -> MovePlan

    func write(text output: ReportWriter) throws {
        for (number, profile) in profiles.enumerated() {
            let plan = try plan(profile)
            let style = output.style
            let verdict = PrintableText(plan.verdict.text)
            let coloured = plan.verdict == .no ? style.bad(verdict) : style.good(verdict)
            if number > 0 { output.write("\n") }
            output.write("\(style.bold("\(source) on \(plan.host)")): \(coloured)\n")
            if number == 0 { output.write(style.notes(notes)) }
            if plan.verdict == .no, !origin.canBeOfKVM {
                output.write(Self.emulation(origin))
            } else {
                output.write(Self.line(try verdicts(profile)))
                write(plan, output)
            }
        }
    }

    private func write(_ plan: MovePlan, _ output: ReportWriter) {
        var text = PlanText(values: values)
        for vcpu in plan.vcpus { text.add(vcpu) }
        output.write(plan.counter.map(CounterText.init)?.line ?? "")
        text.write(to: output)
    }

    /// All that is to be said of state that no KVM has.
    private static func emulation(_ origin: StreamOrigin) -> PrintableText {
        "  \(origin.whyNoKVMTakesIt)\n  can be done: \(LoadRemedies.emulation(origin).text)\n"
    }

    /// That the verdict is a restore's, and those of QEMU.
    private static func line(_ verdicts: [LoadVerdict]) -> PrintableText {
        guard !verdicts.isEmpty else { return "" }
        let changes = verdicts.indices.filter {
            $0 == 0 || verdicts[$0].verdict != verdicts[$0 - 1].verdict
        }
        let ends = changes.dropFirst().map { ", before \(verdicts[$0].qemu)" } + [" on"]
        let parts = zip(changes, ends).map { change, end in
            "\(verdicts[change].verdict) (from \(verdicts[change].qemu)\(end))"
        }
        return """
              this is what vcpusnap restore does; QEMU's own load of the stream (--qemu VERSION) \
            \(parts.joined(separator: ", "))

            """
    }

    func write(json: JSONWriter) throws {
        try json.object {
            try json.member("hosts", array: profiles) { profile in
                write(try plan(profile), try verdicts(profile), json)
            }
            json.member("notes", array: notes)
            json.member("policy", policy)
            json.member("source", source)
        }
    }

    private func write(_ plan: MovePlan, _ verdicts: [LoadVerdict], _ json: JSONWriter) {
        json.object {
            json.member("counter", plan.counter.map(CounterText.init))
            json.member("host", plan.host)
            if !verdicts.isEmpty {
                json.member("qemu", array: verdicts) { verdict in
                    json.object {
                        json.member("qemu", verdict.qemu)
                        json.member("verdict", verdict.verdict)
                    }
                }
            }
            json.member("vcpus", array: plan.vcpus) { write($0, json) }
            json.member("verdict", plan.verdict.text)
        }
    }

    private func write(_ plan: VCPUPlan, _ json: JSONWriter) {
        json.object {
            json.member("causes", array: plan.byCause) { cause, losses in
                CauseText(cause, losses, values).write(to: json)
            }
            json.member("counts", counts: plan.report.counts)
            json.member("index", plan.report.vcpu)
            // What the restore will report.
            json.member("registers", array: plan.report.registers) {
                RestoreOutput.Register($0, values).write(to: json)
            }
        }
    }
}

extension PlanOutput.CauseText: JSONWritable {
    init(_ cause: Cause, _ losses: [PlannedLoss], _ values: ValueText) {
        self.cause = cause.kind.rawValue
        detail = cause.detail
        text = cause.text
        self.losses = losses.map { PlanOutput.Loss($0, values) }
    }

    func write(to json: JSONWriter) {
        json.object {
            json.member("cause", cause)
            json.member("detail", detail)
            json.member("losses", array: losses)
            json.member("text", text)
        }
    }

    /// The losses that count.
    var lost: [PlanOutput.Loss] { losses.filter { $0.register.pardon == nil } }
    var pardoned: [PlanOutput.Loss] { losses.filter { $0.register.pardon != nil } }

    /// The remedies of all losses that are not pardoned, each once, in order.
    var commonRemedies: [PlanOutput.RemedyText] {
        var seen: Set<String> = []
        return lost.flatMap(\.remedies).filter { seen.insert($0.text).inserted }
    }
}

extension PlanOutput.RemedyText: JSONWritable {
    init(_ remedy: Remedy) {
        self.init(remedy: remedy.name, text: remedy.text)
    }

    func write(to json: JSONWriter) {
        json.object {
            json.member("remedy", remedy)
            json.member("text", text)
        }
    }
}

extension PlanOutput.Loss: JSONWritable {
    init(_ loss: PlannedLoss, _ values: ValueText) {
        register = RestoreOutput.Register(loss.restore, values)
        notice = PlanOutput.Notice(
            changedSinceReset: loss.notice.isChangedFromReset, inUse: loss.notice.isInUse,
            text: loss.notice.text)
        remedies = loss.remedies.map { PlanOutput.RemedyText($0) }
    }

    func write(to json: JSONWriter) {
        json.object {
            json.member(
                "notice",
                object: {
                    json.member("changedSinceReset", notice.changedSinceReset)
                    json.member("inUse", notice.inUse)
                    json.member("text", notice.text)
                })
            json.member("register", register)
            json.member("remedies", array: remedies)
        }
    }

    /// What makes losses alike: everything that is said of them but names, values and proofs.
    var kind: [String?] {
        [register.outcome, register.reason, register.pardon?.rule, notice.text]
    }
}
