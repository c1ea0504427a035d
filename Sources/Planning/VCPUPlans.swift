internal import Emulation
internal import LinuxSystem
internal import Registers
internal import Transfer
internal import VCPUModel

/// The plans of a guest's vCPUs, each made when it is asked for: all of them together can be much larger
/// than the guest.
public struct VCPUPlans: RandomAccessCollection, Sendable {
    private let account: RestoreAccount
    private let profile: HostProfile
    private let sourceKernel: KernelVersion?

    init(_ account: RestoreAccount, on profile: HostProfile, sourceKernel: KernelVersion?) {
        self.account = account
        self.profile = profile
        self.sourceKernel = sourceKernel
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { account.count }

    /// Makes the plan of one vCPU, counted from 0 in the order of the snapshot.
    ///
    /// An iterator is cheaper for all of them: vCPUs with the same state share their explanations there.
    public subscript(position: Int) -> VCPUPlan {
        let explainer = explainer(at: position)
        let report = account[position]
        return VCPUPlan(
            report: report,
            losses: report.registers.filter(\.outcome.isLoss).map { explainer.explain($0) })
    }

    private func explainer(at position: Int) -> LossExplainer {
        LossExplainer(
            guest: account.guest(at: position), at: place(of: position), profile: profile,
            sourceKernel: sourceKernel)
    }

    private func place(of position: Int) -> LossExplainer.Place {
        LossExplainer.Place(
            isTooMany: profile.maximumVCPUs.map { position >= Int($0) } ?? false,
            count: account.count)
    }

    public func makeIterator() -> Iterator {
        Iterator(plans: self, reports: account.makeIterator())
    }

    /// Goes through the plans in order.
    public struct Iterator: IteratorProtocol {
        private let plans: VCPUPlans
        private var reports: RestoreAccount.Iterator
        private var position = 0
        /// Those of the vCPU before.
        private var explainer: LossExplainer?
        private var losses: [PlannedLoss] = []

        fileprivate init(plans: VCPUPlans, reports: RestoreAccount.Iterator) {
            self.plans = plans
            self.reports = reports
        }

        public mutating func next() -> VCPUPlan? {
            guard let report = reports.next() else { return nil }
            let explainer = explainer(at: position)
            self.explainer = explainer
            position += 1
            var known = losses[...]
            losses = report.registers.filter(\.outcome.isLoss).map { loss in
                known = known.drop { $0.restore.id < loss.id }
                return explainer.explain(loss, like: known.first)
            }
            return VCPUPlan(report: report, losses: losses)
        }

        /// The one of the vCPU before, where the guest's state is the same.
        private func explainer(at position: Int) -> LossExplainer {
            let guest = plans.account.guest(at: position)
            guard let explainer, explainer.guest == guest,
                explainer.place == plans.place(of: position)
            else { return plans.explainer(at: position) }
            return explainer
        }
    }
}
