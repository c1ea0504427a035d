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
    struct LoadVerdict: JSONConvertible {
        var qemu: String
        var verdict: String

        var json: JSONObject { ["qemu": qemu, "verdict": verdict] }
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
        output.write(plan.counter?.line ?? "")
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

    var json: JSONObject {
        [
            "hosts": profiles.json { json(of: try plan($0), try verdicts($0)) }, "notes": notes,
            "policy": policy, "source": source,
        ]
    }

    private func json(of plan: MovePlan, _ verdicts: [LoadVerdict]) -> JSONObject {
        [
            "counter": plan.counter, "host": plan.host,
            "qemu": verdicts.isEmpty ? nil : verdicts,
            // Of each vCPU what the restore will report, and why.
            "vcpus": plan.vcpus.json { vcpu in
                vcpu.report.json(
                    values, ["causes": vcpu.byCause.json { $0.json($1, values) }])
            },
            "verdict": plan.verdict.text,
        ]
    }
}

extension Cause {
    fileprivate func json(_ losses: [PlannedLoss], _ values: ValueText) -> JSONObject {
        [
            "cause": kind.rawValue, "detail": detail, "text": text,
            "losses": losses.json { $0.json(values) },
        ]
    }
}

extension PlannedLoss {
    fileprivate func json(_ values: ValueText) -> JSONObject {
        [
            "notice": notice, "register": restore.json(values),
            "remedies": remedies.map { RemedyText($0) },
        ]
    }
}

extension GuestNotice: JSONConvertible {
    var json: JSONObject {
        ["changedSinceReset": isChangedFromReset, "inUse": isInUse, "text": text]
    }
}
