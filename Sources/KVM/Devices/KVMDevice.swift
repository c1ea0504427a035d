internal import CLinux
internal import LinuxSystem

/// Something that has attributes in KVM: an in-kernel device such as the interrupt controller, a VM, or a vCPU
/// (Documentation/virt/kvm/devices).
public struct KVMDevice: ~Copyable {
    private let file: FileDescriptor

    /// An attribute: a number of a group, as the page of the device's kind lists them.
    public struct Attribute: Hashable, Sendable {
        /// The group's number, such as `KVM_DEV_ARM_VGIC_GRP_REDIST_REGS` or `KVM_ARM_VCPU_PVTIME_CTRL`.
        public var group: UInt32
        /// The attribute inside its group; some groups put a vCPU's number or a register's offset into it.
        public var number: UInt64

        /// The fields `group` and `attr` of `struct kvm_device_attr`.
        public init(group: UInt32, number: UInt64) {
            self.group = group
            self.number = number
        }
    }

    /// Uses a descriptor that the VMM has open, and does not close it.
    /// - Parameter number: the descriptor, open as long as this value lives.
    public init(borrowing number: Int32) {
        file = FileDescriptor(borrowing: number)
    }

    init(owning file: consuming FileDescriptor) {
        self.file = file
    }

    /// Its descriptor, for calls as long as the device is open.
    var descriptor: Int32 { file.withNumber { $0 } }

    /// Whether there is such an attribute, readable or not.
    ///
    /// The corresponding ioctl is `KVM_HAS_DEVICE_ATTR`.
    public borrowing func has(_ attribute: Attribute) -> Bool {
        (try? file.call("KVM_HAS_DEVICE_ATTR") {
            clinux_kvm_has_attribute($0, attribute.group, attribute.number)
        }) != nil
    }

    /// The value of an attribute.
    ///
    /// The corresponding ioctl is `KVM_GET_DEVICE_ATTR`.
    /// - Parameters:
    ///   - size: in bytes, as the page of the device says: the kernel writes as many.
    ///   - preset: what the value holds before, where that says what is asked for.
    /// - Throws: `ENXIO` for an attribute that it does not have, `EBUSY` while a vCPU runs.
    public borrowing func value(
        of attribute: Attribute, size: Int, preset: [UInt8] = []
    ) throws(KVMError) -> [UInt8] {
        // The kernel does not say how many bytes it writes; none of its attributes has more than this.
        let zeros = [UInt8](repeating: 0, count: max(size, Self.largestValue))
        var value = preset + zeros.dropFirst(preset.count)
        try file.call("KVM_GET_DEVICE_ATTR") {
            clinux_kvm_get_attribute($0, attribute.group, attribute.number, &value)
        }
        return Array(value.prefix(max(0, size)))
    }

    /// Sets an attribute.
    ///
    /// The corresponding ioctl is `KVM_SET_DEVICE_ATTR`.
    /// - Parameter value: as many bytes as the page of the device says.
    /// - Throws: `ENXIO` for an attribute that it does not have, `EINVAL` for a value that it refuses, `EBUSY` while a vCPU
    ///   runs or where it is fixed.
    public borrowing func set(
        _ attribute: Attribute, to value: [UInt8]
    ) throws(KVMError) {
        let padding = [UInt8](repeating: 0, count: max(0, Self.largestValue - value.count))
        try file.call("KVM_SET_DEVICE_ATTR") {
            clinux_kvm_set_attribute($0, attribute.group, attribute.number, value + padding)
        }
    }

    /// In bytes; attributes have 4 or 8, and structures of a few words.
    private static let largestValue = 256
}
