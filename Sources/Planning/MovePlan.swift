public import Emulation
public import Registers
public import Transfer
public import VCPUModel

/// What a restore of a snapshot on a host will do, found without that host.
///
/// The host is a profile; the restore is carried out on emulated vCPUs of it, so every register gets
/// the outcome, and the words, that the real restore will give it.
public struct MovePlan: Sendable {
    /// Whether the guest can move to the host.
    public enum Verdict: Hashable, Sendable {
        /// Nothing is lost.
        case yes
        /// Something is lost, and the policy of this name pardons all of it.
        case yesWithPolicy(String)
        /// Something is lost that the policy does not pardon.
        case no

        /// `yes`, `yes with policy safe`, `no`.
        public var text: String {
            switch self {
            case .yes: "yes"
            case .yesWithPolicy(let name): "yes with policy \(name)"
            case .no: "no"
            }
        }
    }

    /// The profile's name.
    public let host: String
    /// The policy's name.
    public let policy: String
    /// Whether the whole guest can go there.
    ///
    /// A loss that the policy counts on any vCPU makes it `no`, and so does a counter of another frequency that the
    /// policy does not pardon.
    public let verdict: Verdict
    /// A plan for each unit, in the order of the snapshot, made when it is asked for.
    public let units: UnitPlans
    /// The guest's and the host's counter frequency, where both are known and differ.
    public let counter: CounterMismatch?

    /// What the profile only guesses of the host.
    public let guesses: [HostProfile.Guess]

    /// Those of some registers that are lost of which the profile only guesses what the host has.
    public func guessed(of lost: some Sequence<RegisterID>) -> [RegisterID] {
        Set(guesses.map(\.register)).intersection(lost).sorted()
    }

    /// What the move does to the guest beside what it loses.
    public var notices: [MoveNotice] { [coreNotice].compactMap(\.self) + units.notices }

    /// Of a host with several kinds of cores: which of them it is about.
    private let coreNotice: MoveNotice?
}

/// The plan of one unit.
public struct UnitPlan: Sendable {
    /// What the restore will report.
    public let report: RestoreReport
    /// Every register that will be lost, pardoned or not, in ascending order of id.
    public let losses: [PlannedLoss]

    /// The losses by cause, the causes in order.
    public var byCause: [(cause: Cause, losses: [PlannedLoss])] {
        Dictionary(grouping: losses, by: \.cause).map { (cause: $0.key, losses: $0.value) }
            .sorted { $0.cause < $1.cause }
    }
}

/// A register that will be lost.
public struct PlannedLoss: Sendable {
    /// What the restore will report for the register: values, outcome, and the pardon where there is one.
    public let restore: RegisterRestore
    let shape: LossShape
    let explainer: LossExplainer

    /// Why it is lost, in terms of the hosts' differences.
    public var cause: Cause { shape.cause }

    /// What the guest would notice of it.
    ///
    /// It is found each time it is asked for, and so are the remedies: vCPUs have many losses, and a report tells few.
    public var notice: GuestImpact { explainer.notice(of: restore, shape) }
    /// What can be done about it, dropping it safely first and another host last.
    ///
    /// Empty for what follows from a refused initialization, whose own loss has the remedies.
    public var remedies: [Remedy] { explainer.remedies(for: restore, cause) }

    /// Whether the notice is known to be the same as that of another loss, without finding either.
    public func hasNotice(of other: PlannedLoss) -> Bool {
        explainer === other.explainer && shape === other.shape
            && (shape.controls != nil || restore == other.restore)
    }
}

extension MovePlan {
    /// Plans the restore of a snapshot on a host.
    /// - Throws: when the snapshot has no vCPU, or two that its interrupt controller cannot tell apart.
    public init(
        of snapshot: Snapshot, on profile: HostProfile, policy: RestorePolicy,
        clock: ClockMode = .stop
    ) throws(RestoreError) {
        try self.init(of: snapshot, on: profile, policy: policy, MoveCourse(clock: clock))
    }

    init(
        of snapshot: Snapshot, on profile: HostProfile, policy: RestorePolicy, _ course: MoveCourse
    ) throws(RestoreError) {
        let vm = PlannedVM(on: EmulatedHost(profile), vcpuCount: snapshot.vcpus.count)
        let account = try vm.restore(snapshot, policy: policy, clock: course.clock)
        self.init(account, of: snapshot, on: profile, policy: policy, course)
    }

    /// Of a restore that was carried out.
    init(
        _ account: RestoreAccount, of snapshot: Snapshot, on profile: HostProfile,
        policy: RestorePolicy, _ course: MoveCourse
    ) {
        let losses = account.losses(untilFirst: true)
        host = profile.name
        guesses = profile.guesses
        self.policy = policy.name
        counter = CounterMismatch(
            of: snapshot.provenance, on: profile.counterFrequency, policy: policy)
        let verdict = Verdict(losses, counter, policy)
        self.verdict = verdict
        coreNotice = profile.cpus.map {
            let cpu = profile.midr.map { CPUIdentity(midr: $0) }
            return .someCPUs($0, cpu: cpu, takesGuest: verdict != .no)
        }
        units = UnitPlans(
            account, MoveHosts(of: snapshot, to: profile, policy: policy, course))
    }

    /// Only the verdict, for tables of many: nothing is explained.
    static func cell(
        of snapshot: Snapshot, on host: EmulatedHost, policy: RestorePolicy
    ) throws(RestoreError) -> MoveMatrix.Cell {
        let vm = PlannedVM(on: host, vcpuCount: snapshot.vcpus.count)
        let account = try vm.restore(snapshot, policy: policy)
        let counter = CounterMismatch(
            of: snapshot.provenance, on: host.profile.counterFrequency, policy: policy)
        let losses = account.losses()
        return MoveMatrix.Cell(
            verdict: MovePlan.Verdict(losses, counter, policy), lossCount: losses.count)
    }
}

extension MovePlan.Verdict {
    fileprivate init(
        _ losses: RestoreLosses, _ counter: CounterMismatch?, _ policy: RestorePolicy
    ) {
        if counter?.isLoss ?? false || losses.count > 0 {
            self = .no
        } else {
            self = losses.isNone && counter == nil ? .yes : .yesWithPolicy(policy.name)
        }
    }
}
