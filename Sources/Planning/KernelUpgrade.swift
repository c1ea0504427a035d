public import Emulation
public import Transfer
public import VCPUModel

/// What becomes of a guest when its host gets another kernel, and when it gets the old one again.
public struct KernelUpgrade: Sendable {
    /// The host as it is.
    public let old: HostProfile
    /// The same with the other kernel.
    public let new: HostProfile
    /// The guest, from the old kernel to the new one.
    public let up: MovePlan
    /// The guest as it is after that, back to the old one.
    public let back: MovePlan
    /// A guest that was started with the new kernel, to the old one.
    public let freshBack: MovePlan

    /// Plans all three moves.
    /// - Throws: when the snapshot has no vCPU.
    public init(
        of snapshot: Snapshot, on old: HostProfile, to new: HostProfile, policy: RestorePolicy
    ) throws(RestoreError) {
        self.old = old
        self.new = new
        let vm = PlannedVM(on: EmulatedHost(new), vcpuCount: snapshot.vcpus.count)
        let account = try vm.restore(snapshot, policy: policy)
        up = MovePlan(account, of: snapshot, on: new, policy: policy, MoveCourse(start: old))
        let moved = try vm.guest(numbered: snapshot.vcpus.map(\.index))
        let changed = zip(snapshot.vcpus, moved.vcpus).flatMap { before, after in
            after.registers.filter { $1 != before.registers[$0] }.map(\.0)
        }
        var course = MoveCourse(
            start: old, givenUp: new.kernel, isStarted: true, changed: Set(changed))
        back = try MovePlan(of: moved, on: old, policy: policy, course)
        course = MoveCourse(start: new, givenUp: new.kernel)
        freshBack = try MovePlan(
            of: PlannedVM.freshGuest(on: new), on: old, policy: policy, course)
    }

    /// The three moves in order.
    public var moves: [(what: Move, plan: MovePlan)] {
        [(.up, up), (.back, back), (.freshBack, freshBack)]
    }

    /// Whether all three can be made.
    package var isPossible: Bool { moves.allSatisfy { $0.plan.verdict != .no } }

    /// Which move.
    public enum Move: String, CaseIterable, Sendable {
        /// From the old kernel to the new one.
        case up
        /// The same guest back.
        case back
        /// A guest of the new kernel back.
        case freshBack = "fresh-back"
    }
}
