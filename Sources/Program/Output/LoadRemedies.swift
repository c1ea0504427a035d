internal import Emulation
internal import Planning
internal import QEMUStream
internal import Registers
internal import Transfer
internal import VCPUModel

/// What can be done about a load that fails, or that loses something.
struct LoadRemedies {
    let plan: LoadPlan
    /// What a restore of the same guest there would lose, with its remedies.
    let move: MovePlan
    /// What a mend makes of the stream, where it fails.
    let mend: StreamMend?
    /// The oldest newer QEMU that loads it.
    let newerQEMU: QEMUVersion?
    /// The stream, the profile and the policy as given on the command line.
    let names: (source: String, host: String, policy: String)

    init(
        of stream: QEMUStream, _ snapshot: Snapshot, on profile: HostProfile,
        by version: QEMUVersion,
        _ policy: RestorePolicy, named names: (source: String, host: String, policy: String)
    ) throws {
        func load(_ version: QEMUVersion) throws -> LoadPlan {
            try LoadPlan(of: stream, on: profile, version: version, policy: policy)
        }
        plan = try load(version)
        move = try MovePlan(of: snapshot, on: profile, policy: policy)
        self.names = names
        guard plan.verdict == .fails, plan.origin.canBeOfKVM else {
            (mend, newerQEMU) = (nil, nil)
            return
        }
        mend = try StreamMend(of: stream, on: profile, policy: policy, versions: [version])
        newerQEMU = try QEMUVersion.kinds.first { newer in
            try newer > version && load(newer).verdict == .loads
        }
    }

    /// In the order of use; empty when nothing is lost.
    var all: [RemedyText] {
        guard plan.verdict != .loads else { return [] }
        guard plan.origin.canBeOfKVM else { return [Self.emulation(plan.origin)] }
        if let excess = plan.excess { return [RemedyText(.moreVCPUs(excess.count))] }
        return [mending, pardon, newer, psciVersion].compactMap(\.self) + vectors + ofTheMove
    }

    /// What a stream that KVM did not write is good for.
    static func emulation(_ origin: StreamOrigin) -> RemedyText {
        let accelerator = origin == .hvf ? "hvf" : "tcg"
        return RemedyText(
            remedy: "same-accelerator",
            text:
                "load it in QEMU with -accel \(accelerator), and the machine type and CPU model that "
                + "it was saved with")
    }

    // MARK: What counts

    /// What the policy neither pardons nor has a mend put right by other rules.
    var losses: [RegisterLoad] {
        let all = plan.vcpus.flatMap(\.losses)
        guard let mend else { return all }
        let refused = Set(mend.vcpus.flatMap(\.refusals).map(\.id))
        return all.filter { !$0.fate.isFailure || refused.contains($0.id) }
    }

    private var failing: [RegisterLoad] {
        plan.vcpus.flatMap(\.registers).filter { $0.fate.isFailure }
    }

    // MARK: The stream and the policy

    private var mending: RemedyText? {
        guard let mend, mend.isSafe else { return nil }
        let option = names.policy == "safe" ? "" : " --policy \(names.policy)"
        return RemedyText(
            remedy: "mend", text: "\(mendCommand)\(option) -o FILE makes a stream that loads there")
    }

    private var mendCommand: String { "vcpusnap mend \(names.source) --host \(names.host)" }

    /// Rules for what the policy does not pardon.
    private var pardon: RemedyText? {
        let rules = PolicyProposal(losses, of: move, ValueText(showsKeys: false)).rules
        guard !rules.isEmpty else { return nil }
        let next =
            plan.verdict == .fails
            ? "\(mendCommand) --policy FILE -o MENDED then makes a stream that loads there"
            : "with it the verdict is loads"
        return RemedyText(
            remedy: "policy",
            text: "if the guest can do without: a policy with \(Self.list(rules)) "
                + "(--write-policy FILE writes it); \(next)")
    }

    private var newer: RemedyText? {
        newerQEMU.map {
            RemedyText(remedy: "newer-qemu", text: "QEMU \($0) loads it there as it is")
        }
    }

    private static func list(_ rules: [String]) -> String {
        let shown = rules.prefix(maximumRules).joined(separator: ", ")
        let more = rules.count - maximumRules
        return "the \(rules.count == 1 ? "rule" : "rules") \(shown)"
            + (more > 0 ? " and \(more) more" : "")
    }

    private static let maximumRules = 8

    // MARK: The guest's command line

    private var psciVersion: RemedyText? {
        let refused = failing.first { $0.id == .psciVersion && $0.incoming != nil }
        guard let held = refused?.held?.lowBits else { return nil }
        return RemedyText(
            remedy: "kvm-psci-version",
            text: "before the guest's first run: -cpu host,kvm-psci-version="
                + "\(held >> 16).\(held & 0xffff) (QEMU 11.0 or newer)")
    }

    private var vectors: [RemedyText] {
        guard let vectors = plan.vcpus.compactMap(\.vectors).first(where: \.isCut) else {
            return []
        }
        let property = vectors.longest == 0 ? "sve=off" : "sve\(vectors.longest)=on"
        return [
            RemedyText(
                remedy: "limit-vectors",
                text:
                    "before the guest's first run: -cpu host,\(property), so that its vectors are no "
                    + "longer than there"),
            RemedyText(
                remedy: "other-host",
                text: "choose a host with vectors of \(vectors.shown) bits or longer"),
        ]
    }

    // MARK: Hosts

    /// Those of the same registers' losses in a restore, each with the number of registers it is for.
    private var ofTheMove: [RemedyText] {
        let counting = plan.verdict == .fails ? failing : losses.filter { !$0.isOfVectors }
        let ids = Set(counting.map(\.id))
        let lost = move.units.flatMap(\.losses).filter { ids.contains($0.restore.id) }
        let all = lost.flatMap { loss in Self.remedies(for: loss).map { ($0, loss.restore.id) } }
        let newest = all.compactMap { KernelVersion(neededBy: $0.0) }.max()
        var helped: [Remedy: Set<RegisterID>] = [:]
        let found = all.map { remedy, id in
            let remedy = newest.map(remedy.withKernel) ?? remedy
            helped[remedy, default: []].insert(id)
            return remedy
        }
        return Remedy.each(found).map { remedy in
            let count = helped[remedy]?.count ?? 0
            let part = count < ids.count ? ", for \(count) of the \(ids.count.of("register"))" : ""
            return RemedyText(remedy: remedy.name, text: remedy.text + part)
        }
    }

    private static func remedies(for loss: PlannedLoss) -> [Remedy] {
        loss.remedies.filter { remedy in
            switch remedy {
            case .dropSafely, .lowerPSCIVersion: false
            // That is what a newer kernel is about already.
            case .otherHost: loss.cause.kind != .kernel
            default: true
            }
        }
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

    /// QEMU loads all registers or none, so that only the newest of several kernels helps.
    fileprivate func withKernel(_ newest: KernelVersion) -> Remedy {
        guard let own = KernelVersion(neededBy: self), own < newest else { return self }
        return .upgradeKernel("\(newest)")
    }
}

extension KernelVersion {
    fileprivate init?(neededBy remedy: Remedy) {
        guard case .upgradeKernel(let release) = remedy else { return nil }
        self.init(parsing: release)
    }
}
