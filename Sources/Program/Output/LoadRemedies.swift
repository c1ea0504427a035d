internal import Planning
internal import Policy
internal import QEMULoad
internal import QEMUStream
internal import Registers
internal import Transfer
internal import VCPUModel

/// What can be done about a load that fails, or that loses something.
struct LoadRemedies {
    let plan: LoadPlan
    /// What a restore of the same guest there would lose, with its remedies.
    let move: MovePlan
    /// The stream, the profile and the policy as given on the command line.
    let source: String
    let host: String
    let policy: String

    /// In the order of use; empty when nothing is lost.
    var all: [PlanOutput.RemedyText] {
        guard plan.verdict != .loads else { return [] }
        guard plan.origin.canBeOfKVM else { return [Self.emulation(plan.origin)] }
        return mend + pardon + commandLine + ofTheMove
    }

    /// What a stream that KVM did not write is good for.
    static func emulation(_ origin: StreamOrigin) -> PlanOutput.RemedyText {
        let accelerator = origin == .hvf ? "hvf" : "tcg"
        return PlanOutput.RemedyText(
            remedy: "same-accelerator",
            text:
                "load it in QEMU with -accel \(accelerator), and the machine type and CPU model that "
                + "it was saved with")
    }

    // MARK: What counts

    var losses: [RegisterLoad] { plan.vcpus.flatMap(\.losses) }

    private var failing: [RegisterLoad] {
        plan.vcpus.flatMap(\.registers).filter { $0.fate.isFailure }
    }

    // MARK: The stream and the policy

    private var mend: [PlanOutput.RemedyText] {
        guard plan.verdict == .fails, losses.isEmpty else { return [] }
        return [
            PlanOutput.RemedyText(
                remedy: "mend", text: "\(mendCommand) -o FILE makes a stream that loads there")
        ]
    }

    private var mendCommand: String {
        "vcpusnap mend \(source) --host \(host)" + (policy == "safe" ? "" : " --policy \(policy)")
    }

    /// Rules for what the policy does not pardon.
    private var pardon: [PlanOutput.RemedyText] {
        let rules = PolicyProposal(losses, of: move, ValueText(showsKeys: false)).rules
        guard !rules.isEmpty else { return [] }
        let next =
            plan.verdict == .fails
            ? "vcpusnap mend \(source) --host \(host) --policy FILE -o MENDED then makes a stream that loads there"
            : "with it the verdict is loads"
        return [
            PlanOutput.RemedyText(
                remedy: "policy",
                text: "if the guest can do without: a policy with \(Self.list(rules)) "
                    + "(--write-policy FILE writes it); \(next)")
        ]
    }

    private static func list(_ rules: [String]) -> String {
        let shown = rules.prefix(mostRules).joined(separator: ", ")
        let more = rules.count - mostRules
        return "the \(rules.count == 1 ? "rule" : "rules") \(shown)"
            + (more > 0 ? " and \(more) more" : "")
    }

    private static let mostRules = 8

    // MARK: The guest's command line

    private var commandLine: [PlanOutput.RemedyText] {
        psciVersion.map {
            PlanOutput.RemedyText(
                remedy: "kvm-psci-version",
                text:
                    "before the guest's first run: -cpu host,kvm-psci-version=\($0) (QEMU 11.0 or newer)"
            )
        } + vectors
    }

    private var psciVersion: [String] {
        let refused = failing.first { $0.id == .psciVersion && $0.incoming != nil }
        return (refused?.held).map { ["\($0.lowBits >> 16).\($0.lowBits & 0xffff)"] } ?? []
    }

    private var vectors: [PlanOutput.RemedyText] {
        guard let vectors = plan.vcpus.compactMap(\.vectors).first(where: \.isCut) else {
            return []
        }
        let property = vectors.longest == 0 ? "sve=off" : "sve\(vectors.longest)=on"
        return [
            PlanOutput.RemedyText(
                remedy: "limit-vectors",
                text:
                    "before the guest's first run: -cpu host,\(property), so that its vectors are no "
                    + "longer than there"),
            PlanOutput.RemedyText(
                remedy: "other-host",
                text: "choose a host with vectors of \(vectors.shown) bits or longer"),
        ]
    }

    // MARK: Hosts

    /// Those of the same registers' losses in a restore, each once, and no host before all others.
    private var ofTheMove: [PlanOutput.RemedyText] {
        let ids = Set(losses.filter { !$0.isOfVectors }.map(\.id))
        let remedies = move.vcpus.flatMap(\.losses).filter { ids.contains($0.restore.id) }
            .flatMap(\.remedies)
        return Remedy.each(remedies).filter { remedy in
            switch remedy {
            case .dropSafely, .lowerPSCIVersion: false
            default: true
            }
        }.map { PlanOutput.RemedyText(remedy: $0.name, text: $0.text) }
    }
}

extension Remedy {
    /// Each once, other hosts last.
    static func each(_ remedies: [Remedy]) -> [Remedy] {
        var seen: Set<Remedy> = []
        let once = remedies.filter { seen.insert($0).inserted }
        return once.filter { !$0.isOtherHost } + once.filter(\.isOtherHost)
    }

    var isOtherHost: Bool {
        if case .otherHost = self { return true }
        return false
    }
}
