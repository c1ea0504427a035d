public import VCPUModel

/// What KVM keeps of a vCPU outside its register list.
public struct RunState: Hashable, Sendable {
    /// The argument of the last `KVM_ARM_VCPU_INIT`; nil before the first.
    public internal(set) var initialization: VCPUInit?
    /// The features given to `KVM_ARM_VCPU_FINALIZE`.
    public internal(set) var finalized: VCPUFeatures = []
    /// A pending SError's syndrome; nil when none is pending.
    public internal(set) var pendingSError: UInt64?
    /// `struct kvm_mp_state.mp_state`.
    public internal(set) var mpState = Self.runnable

    /// `KVM_MP_STATE_RUNNABLE`, `_STOPPED` and `_SUSPENDED`: those arm64 has.
    static let runnable: UInt32 = 0
    static let stopped: UInt32 = 5
    static let suspended: UInt32 = 10
    static let mpStates = [runnable, stopped, suspended]

    var features: VCPUFeatures { initialization?.features ?? [] }

    /// The features that must be finalized before the registers they add exist.
    var awaited: VCPUFeatures { features.intersection(VCPUFeatures.finalizable) }
}
