internal import Emulation
internal import LinuxSystem
internal import Registers
package import Transfer
internal import VCPUModel

/// The plans of a guest's units, each made when it is asked for: all of them together can be much larger
/// than the guest.
public struct UnitPlans: RandomAccessCollection, Sendable {
    /// The restore as it was carried out, without what explains its losses.
    package let account: RestoreAccount
    private let hosts: MoveHosts
    /// The position of the first vCPU: the VM itself comes before it.
    private let firstVCPU: Int

    init(_ account: RestoreAccount, _ hosts: MoveHosts) {
        self.account = account
        self.hosts = hosts
        firstVCPU = account.indices.first { account.unit(at: $0) != .vm } ?? 0
    }

    /// Always 0.
    public var startIndex: Int { 0 }
    /// The number of units.
    public var endIndex: Int { account.count }

    /// Makes the plan of one unit, counted from 0 in the order of the snapshot.
    ///
    /// An iterator is cheaper for all of them: units with the same state share their explanations there.
    public subscript(position: Int) -> UnitPlan {
        let explainer = explainer(at: position)
        let report = account[position]
        return UnitPlan(
            report: report,
            losses: report.registers.filter(\.outcome.isLoss).map { explainer.explain($0) })
    }

    /// By the first vCPU, for all of a VM's are of one implementation.
    var notices: [MoveNotice] {
        guard firstVCPU < endIndex else { return [] }
        let midr = account[firstVCPU].registers.first { $0.id == .midrEL1 }
        return MoveNotice.all(
            of: account.guest(at: firstVCPU), on: hosts.profile, seeing: midr?.found)
    }

    private func explainer(at position: Int) -> LossExplainer {
        LossExplainer(
            guest: account.guest(at: position), at: place(of: position), hosts,
            policy: account.policy)
    }

    private func place(of position: Int) -> LossExplainer.Place {
        LossExplainer.Place(
            isTooMany: hosts.profile.maximumVCPUs.map { position - firstVCPU >= Int($0) } ?? false,
            count: account.count - firstVCPU)
    }

    /// Goes over the units; each plan is made when it is asked for.
    public func makeIterator() -> Iterator {
        Iterator(plans: self, reports: account.makeIterator())
    }

    /// Goes through the plans in order.
    public struct Iterator: IteratorProtocol {
        fileprivate let plans: UnitPlans
        fileprivate var reports: RestoreAccount.Iterator
        fileprivate var position = 0
        /// Those of the unit before.
        fileprivate var explainer: LossExplainer?
        fileprivate var losses: [PlannedLoss] = []

        /// The next unit's plan, which is made now; nil after the last one.
        public mutating func next() -> UnitPlan? {
            guard let report = reports.next() else { return nil }
            let explainer = explainer(at: position)
            self.explainer = explainer
            position += 1
            var known = losses[...]
            losses = report.registers.filter(\.outcome.isLoss).map { loss in
                known = known.drop { $0.restore.id < loss.id }
                return explainer.explain(loss, like: known.first)
            }
            return UnitPlan(report: report, losses: losses)
        }

        /// The one of the unit before, where the guest's state is the same.
        private func explainer(at position: Int) -> LossExplainer {
            let guest = plans.account.guest(at: position)
            guard let explainer, explainer.guest == guest,
                explainer.place == plans.place(of: position)
            else { return plans.explainer(at: position) }
            return explainer
        }
    }
}
