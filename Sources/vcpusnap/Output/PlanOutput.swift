internal import LinuxSystem
internal import Planning
internal import Policy
internal import Registers
internal import Transfer
internal import VCPUModel

/// The report of `plan`.
struct PlanOutput: Report {
    struct Host: Encodable {
        var host: String
        var verdict: String
        var counter: CounterText?
        var vcpus: [VCPU]
    }

    struct VCPU: Encodable {
        var index: UInt32
        var counts: [String: Int]
        var causes: [CauseText]
        /// What the restore will report.
        var registers: [RestoreOutput.Register]
    }

    struct CauseText: Encodable {
        var cause: String
        var detail: String?
        var text: String
        var losses: [Loss]
    }

    struct Loss: Encodable {
        var register: RestoreOutput.Register
        var notice: Notice
        var remedies: [RemedyText]
    }

    struct Notice: Encodable {
        var changedSinceReset: Bool?
        var inUse: Bool?
        var text: String
    }

    struct RemedyText: Encodable {
        var remedy: String
        var text: String
    }

    var source: String
    var policy: String
    var hosts: [Host]

    init(source: String, policy: String, plans: [MovePlan], values: ValueText) {
        self.source = source
        self.policy = policy
        hosts = plans.map { Host($0, values) }
    }

    func text(_ style: TextStyle) -> String {
        hosts.map { style.bold("\(source) on \($0.host)") + ": " + $0.text(style) }
            .joined(separator: "\n")
    }
}

extension PlanOutput.Host {
    init(_ plan: MovePlan, _ values: ValueText) {
        host = plan.host
        verdict = plan.verdict.text
        counter = plan.counter.map(CounterText.init)
        vcpus = plan.vcpus.map { PlanOutput.VCPU($0, values) }
    }

    func text(_ style: TextStyle) -> String {
        let coloured = verdict == "no" ? style.bad(verdict) : style.good(verdict)
        var text = coloured + "\n"
        if let counter { text += counter.line }
        return text + vcpus.map { $0.text(style) }.joined()
    }
}

extension PlanOutput.VCPU {
    init(_ plan: VCPUPlan, _ values: ValueText) {
        index = plan.report.vcpu
        counts = plan.report.counts
        causes = plan.byCause.map { PlanOutput.CauseText($0.cause, $0.losses, values) }
        registers = plan.report.registers.map { RestoreOutput.Register($0, values) }
    }

    func text(_ style: TextStyle) -> String {
        let parts = RestoreOutcome.names.compactMap { name in
            counts[name].map { "\($0) \(name)" }
        }
        return style.bold("vCPU \(index)") + ": " + parts.joined(separator: ", ") + "\n"
            + causes.map { $0.text(style) }.joined()
    }
}

extension PlanOutput.CauseText {
    init(_ cause: Cause, _ losses: [PlannedLoss], _ values: ValueText) {
        self.cause = cause.kind.rawValue
        detail = cause.detail
        text = cause.text
        self.losses = losses.map { PlanOutput.Loss($0, values) }
    }

    func text(_ style: TextStyle) -> String {
        let pardoned = pardoned.count
        let count = "\(losses.count)" + (pardoned > 0 ? ", \(pardoned) pardoned" : "")
        return "  " + style.bold(text) + " (\(count))\n" + alike.map(Self.lines).joined()
            + remedyLines
    }

    /// A line for each remedy; of very many the first ones.
    private var remedyLines: String {
        let all = commonRemedies
        let more = all.count - Self.mostRemedies
        return all.prefix(Self.mostRemedies).map { "    can be done: \($0)\n" }.joined()
            + (more > 0 ? "    can be done: \(more) more of the kind\n" : "")
    }

    private static let mostRemedies = 6

    /// The losses of which the same is to be said, together; those that count first.
    private var alike: [[PlanOutput.Loss]] {
        var groups: [[PlanOutput.Loss]] = []
        for loss in lost + pardoned {
            if let place = groups.firstIndex(where: { $0[0].kind == loss.kind }) {
                groups[place].append(loss)
            } else {
                groups.append([loss])
            }
        }
        return groups
    }

    private static func lines(_ group: [PlanOutput.Loss]) -> String {
        let first = group[0]
        let notice = first.notice.text.isEmpty ? "" : "      guest: \(first.notice.text)\n"
        guard group.count > 1 else { return "    " + first.line + "\n" + notice }
        let proofs = Set(group.compactMap(\.register.pardon?.proof))
        let proof = proofs.count > 1 ? "each with its proof, such as: " : ""
        let pardon = first.register.pardon.map { pardon in
            "      pardoned by \(pardon.rule)" + (pardon.proof.map { ", \(proof)\($0)" } ?? "")
                + "\n"
        }
        let head = "\(first.register.outcome), \(group.count): \(names(of: group))"
        let reason = first.register.reason.map { "; \($0)" } ?? ""
        return "    " + head + reason + "\n" + notice + (pardon ?? "")
    }

    /// The registers' names; of many only the first and the last.
    static func names(of losses: [PlanOutput.Loss]) -> String {
        let names = losses.map(\.register.name)
        let shown = names.count <= 8 ? names : names.prefix(4) + ["..."] + names.suffix(2)
        return shown.joined(separator: " ")
    }

    /// The losses that count.
    var lost: [PlanOutput.Loss] { losses.filter { $0.register.pardon == nil } }
    var pardoned: [PlanOutput.Loss] { losses.filter { $0.register.pardon != nil } }

    /// The remedies of all losses that are not pardoned, each once, in order.
    var commonRemedies: [String] {
        var seen: Set<String> = []
        return lost.flatMap(\.remedies).map(\.text)
            .filter { seen.insert($0).inserted }
    }
}

extension PlanOutput.Loss {
    init(_ loss: PlannedLoss, _ values: ValueText) {
        register = RestoreOutput.Register(loss.restore, values)
        notice = PlanOutput.Notice(
            changedSinceReset: loss.notice.isChangedFromReset, inUse: loss.notice.isInUse,
            text: loss.notice.text)
        remedies = loss.remedies.map {
            PlanOutput.RemedyText(remedy: $0.name, text: $0.text)
        }
    }

    /// What makes losses alike: everything that is said of them but names, values and proofs.
    var kind: [String?] {
        [register.outcome, register.reason, register.pardon?.rule, notice.text]
    }

    /// A line of its own.
    var line: String {
        register.pardon == nil ? register.outcome + ", " + register.text : register.text
    }
}
