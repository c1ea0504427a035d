internal import CLinux
public import Registers

/// A number of `KVM_CHECK_EXTENSION`.
///
/// `KVMCapability.all` has their names.
public struct Capability: RawRepresentable, Hashable, Sendable {
    /// `KVM_CAP_*` of the kernel's `include/uapi/linux/kvm.h`.
    public let rawValue: Int32

    /// Takes any number; the kernel answers 0 for one that it does not have.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// The number of a capability that is known by name.
    public init(_ described: KVMCapability) {
        rawValue = Int32(truncatingIfNeeded: described.number)
    }

    /// `KVM_GET_MP_STATE` and `KVM_SET_MP_STATE`.
    static let mpState = Capability(CLINUX_KVM_CAP_MP_STATE)
    /// `KVM_GET_VCPU_EVENTS` and `KVM_SET_VCPU_EVENTS`.
    static let vcpuEvents = Capability(CLINUX_KVM_CAP_VCPU_EVENTS)
    /// The largest guest physical address space, in bits; 0 on kernels that have no choice.
    static let vmIPASize = Capability(CLINUX_KVM_CAP_ARM_VM_IPA_SIZE)
    /// `KVM_ARM_GET_REG_WRITABLE_MASKS`; the value has bit 0 for the range of ID registers.
    static let writableMaskRanges = Capability(CLINUX_KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES)

    private init(_ number: Int) {
        rawValue = Int32(number)
    }
}
