public import Emulation
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
    let shape: LossShape
    let explainer: LossExplainer

    public var cause: Cause { shape.cause }

    /// Found each time it is asked for, as the remedies are: a guest's vCPUs have many losses, of which a report
    /// tells few.
    public var notice: GuestNotice { explainer.notice(of: restore, shape) }
    public var remedies: [Remedy] { explainer.remedies(for: restore, cause) }

    /// Whether it is known, without finding it, that the notice is that of another loss.
    public func hasNotice(of other: PlannedLoss) -> Bool {
        explainer === other.explainer && shape === other.shape
            && (shape.controls != nil || restore == other.restore)
    }
}

extension MovePlan {
    /// Plans the restore of a snapshot on a host.
    /// - Throws: when the snapshot has no vCPU.
    public init(
        of snapshot: Snapshot, on profile: HostProfile, policy: RestorePolicy
    ) throws(RestoreError) {
        let account = try Self.account(
            of: snapshot, on: EmulatedHost(profile), policy: policy)
        let losses = account.losses(untilFirst: true)
        host = profile.name
        self.policy = policy.name
        counter = CounterMismatch(
            of: snapshot.provenance, on: profile.counterFrequency, policy: policy)
        verdict = Verdict(losses, counter, policy)
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
        let losses = account.losses()
        return MoveMatrix.Cell(
            verdict: MovePlan.Verdict(losses, counter, policy), lossCount: losses.registers.count)
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
    fileprivate init(
        _ losses: RestoreLosses, _ counter: CounterMismatch?, _ policy: RestorePolicy
    ) {
        if counter?.isLoss ?? false || !losses.registers.isEmpty {
            self = .no
        } else {
            self = losses.isNone && counter == nil ? .yes : .yesWithPolicy(policy.name)
        }
    }
}
