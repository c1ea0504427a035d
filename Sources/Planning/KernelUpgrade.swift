public import Emulation
internal import Registers
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
        let moved: Snapshot
        (up, moved) = try MovePlan.carriedOut(snapshot, on: new, policy: policy)
        back = try MovePlan(of: moved, on: old, policy: policy)
        freshBack = try MovePlan(of: Self.fresh(on: new), on: old, policy: policy)
    }

    /// The three moves in order.
    public var moves: [(what: Move, plan: MovePlan)] {
        [(.up, up), (.back, back), (.freshBack, freshBack)]
    }

    /// Which move.
    public enum Move: String, CaseIterable, Sendable {
        /// From the old kernel to the new one.
        case up
        /// The same guest back.
        case back
        /// A guest of the new kernel back.
        case freshBack = "fresh-back"
    }

    /// A fresh guest of a host, with all that an ordinary guest can use.
    private static func fresh(on profile: HostProfile) throws(RestoreError) -> Snapshot {
        let vcpu = EmulatedCPU(profile: profile, initialized: true)
        let registers = try RestoreError.wrapping { () throws(RegisterBankError) in
            try Capture(of: vcpu).registers
        }
        return Snapshot(
            provenance: Provenance(of: profile),
            vcpus: [VCPUState(index: 0, registers: registers)])
    }
}

extension MovePlan {
    /// The plan of a restore on a host, and the guest as it is after that.
    fileprivate static func carriedOut(
        _ snapshot: Snapshot, on profile: HostProfile, policy: RestorePolicy
    ) throws(RestoreError) -> (plan: MovePlan, guest: Snapshot) {
        let host = EmulatedHost(profile)
        let vcpus = host.makeVCPUs(
            snapshot.vcpus.count, enabling: KVMCapability.ofWritableRegisters)
        let account = try account(of: snapshot, into: vcpus, of: profile, policy: policy)
        var moved = Snapshot(provenance: Provenance(of: profile), vcpus: [])
        for (state, vcpu) in zip(snapshot.vcpus, vcpus) {
            let registers = try RestoreError.wrapping { () throws(RegisterBankError) in
                try Capture(of: vcpu).registers
            }
            moved.vcpus.append(VCPUState(index: state.index, registers: registers))
        }
        return (MovePlan(account, of: snapshot, on: profile, policy: policy), moved)
    }
}

extension Provenance {
    /// What a plan asks of the host that a guest is from.
    fileprivate init(of profile: HostProfile) {
        self.init()
        self[.kernel] = profile.kernelRelease
        self[.midr] = profile.midr.map { RegisterValue($0).description }
        self[.counterFrequency] = profile.counterFrequency.map { String($0) }
    }
}
