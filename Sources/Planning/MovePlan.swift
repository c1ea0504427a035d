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
    public let vcpus: [VCPUPlan]
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
    public init(
        of snapshot: Snapshot, on profile: HostProfile, policy: RestorePolicy
    ) throws(RegisterBankError) {
        let reports = try Self.reports(
            of: snapshot, on: EmulatedHost(profile), policy: policy)
        host = profile.name
        self.policy = policy.name
        counter = CounterMismatch(
            of: snapshot.provenance, on: profile.counterFrequency, policy: policy)
        verdict = Self.verdict(reports, counter, policy)
        let sourceKernel = snapshot.provenance.kernelVersion
        vcpus = zip(snapshot.vcpus, reports).map { state, report in
            let explainer = LossExplainer(
                guest: state.registers, profile: profile, sourceKernel: sourceKernel)
            let losses = report.registers.filter(\.outcome.isLoss).map(explainer.explain)
            return VCPUPlan(report: report, losses: losses)
        }
    }

    /// Only the verdict, for tables of many: nothing is explained.
    static func cell(
        of snapshot: Snapshot, on host: EmulatedHost, policy: RestorePolicy
    ) throws(RegisterBankError) -> MoveMatrix.Cell {
        let reports = try reports(of: snapshot, on: host, policy: policy, explains: false)
        let counter = CounterMismatch(
            of: snapshot.provenance, on: host.profile.counterFrequency, policy: policy)
        return MoveMatrix.Cell(
            verdict: verdict(reports, counter, policy),
            lossCount: reports.reduce(0) { $0 + $1.losses.count })
    }

    private static func reports(
        of snapshot: Snapshot, on host: EmulatedHost, policy: RestorePolicy,
        explains: Bool = true
    ) throws(RegisterBankError) -> [RestoreReport] {
        var options = Restore.Options()
        options.explains = explains
        options.policy = policy
        options.kernel = host.profile.kernel
        return try Restore.run(
            snapshot.vcpus, into: host.makeVCPUs(snapshot.vcpus.count), options: options)
    }

    private static func verdict(
        _ reports: [RestoreReport], _ counter: CounterMismatch?, _ policy: RestorePolicy
    ) -> Verdict {
        let isOtherSpeed = counter?.isLoss ?? false
        guard !isOtherSpeed, reports.allSatisfy(\.isComplete) else { return .no }
        let isWhole = counter == nil && reports.allSatisfy(\.isWhole)
        return isWhole ? .yes : .yesWithPolicy(policy.name)
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
