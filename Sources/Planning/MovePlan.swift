public import Emulation
public import Policy
internal import Registers
public import Transfer
public import VCPUModel

/// What a restore of a snapshot on a host will do, found without that host.
///
/// The host is a profile; the restore is carried out on emulated vCPUs of it, so every register gets
/// the outcome, and the words, that the real restore will give it.
public struct MovePlan: Sendable {
    /// Whether the guest can go there.
    public enum Verdict: Hashable, Sendable {
        /// Nothing is lost.
        case yes
        /// What is lost is pardoned by the policy of this name.
        case yesWithPolicy(String)
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
    public let policy: String
    public let verdict: Verdict
    public let vcpus: VCPUPlans
    /// The two frequencies, in Hz, where they are known and not the same.
    public let counter: CounterMismatch?
}

/// The plan of one vCPU.
public struct VCPUPlan: Sendable {
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
    public let restore: RegisterRestore
    public let cause: Cause
    public let notice: GuestNotice
    public let remedies: [Remedy]
}

extension MovePlan {
    /// Plans the restore of a snapshot on a host.
    /// - Throws: when the snapshot has no vCPU.
    public init(
        of snapshot: Snapshot, on profile: HostProfile, policy: RestorePolicy
    ) throws(RestoreError) {
        let account = try Self.account(
            of: snapshot, on: EmulatedHost(profile), policy: policy)
        host = profile.name
        self.policy = policy.name
        counter = CounterMismatch(
            of: snapshot.provenance, on: profile.counterFrequency, policy: policy)
        verdict = Verdict.judge(account, counter, policy).verdict
        vcpus = VCPUPlans(
            account, on: profile, sourceKernel: snapshot.provenance.kernelVersion)
    }

    /// Only the verdict, for tables of many: nothing is explained.
    static func cell(
        of snapshot: Snapshot, on host: EmulatedHost, policy: RestorePolicy
    ) throws(RestoreError) -> MoveMatrix.Cell {
        let account = try account(of: snapshot, on: host, policy: policy)
        let counter = CounterMismatch(
            of: snapshot.provenance, on: host.profile.counterFrequency, policy: policy)
        let (verdict, lossCount) = Verdict.judge(account, counter, policy)
        return MoveMatrix.Cell(verdict: verdict, lossCount: lossCount)
    }

    private static func account(
        of snapshot: Snapshot, on host: EmulatedHost, policy: RestorePolicy
    ) throws(RestoreError) -> RestoreAccount {
        var options = Restore.Options()
        options.policy = policy
        options.kernel = host.profile.kernel
        options.enabled = KVMCapability.ofWritableRegisters
        return try Restore.perform(
            snapshot.vcpus,
            into: host.makeVCPUs(snapshot.vcpus.count, enabling: options.enabled), options: options)
    }
}

extension MovePlan.Verdict {
    /// The verdict on a restore, and how many registers are lost and not pardoned on any vCPU.
    fileprivate static func judge(
        _ account: RestoreAccount, _ counter: CounterMismatch?, _ policy: RestorePolicy
    ) -> (verdict: MovePlan.Verdict, lossCount: Int) {
        var lost: Set<RegisterID> = []
        var isWhole = counter == nil
        for report in account.unexplained {
            for register in report.registers where register.isLoss { lost.insert(register.id) }
            isWhole = isWhole && report.isWhole
        }
        guard !(counter?.isLoss ?? false), lost.isEmpty else { return (.no, lost.count) }
        return (isWhole ? .yes : .yesWithPolicy(policy.name), 0)
    }
}

extension RestoreReport {
    /// Whether the guest arrives as it was saved, without any policy's help.
    fileprivate var isWhole: Bool {
        registers.allSatisfy { register in
            !register.outcome.isLoss && register.overrides.isEmpty
                && register.outcome != .skipped(.policy)
        }
    }
}
