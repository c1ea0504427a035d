internal import CLinux
internal import LinuxSystem
public import Registers

/// A KVM VM: `KVMSystem.makeVM()` makes one, or it is somebody else's.
public struct VM: ~Copyable {
    private let file: FileDescriptor
    private let runSize: Int

    /// - Parameter runSize: the value of `KVM_GET_VCPU_MMAP_SIZE`, in bytes.
    init(owning file: consuming FileDescriptor, runSize: Int) {
        self.file = file
        self.runSize = runSize
    }

    /// Uses a VM that its VMM made, and does not close it.
    /// - Parameter number: the VM's descriptor, open as long as this value lives.
    public init(borrowing number: Int32) {
        self.init(owning: FileDescriptor(borrowing: number), runSize: 0)
    }

    /// The same VM, to be used by somebody else as long as this value lives.
    borrowing func lent() -> VM { VM(borrowing: file.withNumber { $0 }) }

    /// The value of a capability for this VM, 0 where the kernel does not have it.
    ///
    /// The corresponding ioctl is `KVM_CHECK_EXTENSION`.
    /// - Throws: with the errno of the ioctl.
    public borrowing func value(of capability: Capability) throws(KVMError) -> Int {
        try file.value(of: capability)
    }

    /// Lets the VM do what a capability stands for; call it before the vCPUs are made.
    ///
    /// The corresponding ioctl is `KVM_ENABLE_CAP`.
    /// - Throws: with the errno of the ioctl: `EINVAL` for one that the host does not have, or that
    ///   comes too late.
    public borrowing func enable(_ capability: Capability) throws(KVMError) {
        try file.call("KVM_ENABLE_CAP") { number in
            clinux_kvm_enable_capability(number, capability.rawValue)
        }
    }

    /// Sets how far the VM's counters are behind the host's, both of them; later writes of counters are ignored.
    ///
    /// The corresponding ioctl is `KVM_ARM_SET_COUNTER_OFFSET`.
    /// - Throws: `EBUSY` while a vCPU runs, `EINVAL` or `ENOTTY` before Linux 6.4.
    borrowing func setCounterOffset(_ offset: UInt64) throws(KVMError) {
        try file.call("KVM_ARM_SET_COUNTER_OFFSET") {
            clinux_kvm_arm_set_counter_offset($0, offset)
        }
    }

    /// Whether the host makes devices of a type.
    ///
    /// The corresponding ioctl is `KVM_CREATE_DEVICE`, with `KVM_CREATE_DEVICE_TEST`.
    borrowing func canMakeDevice(ofType type: UInt32) -> Bool {
        (try? file.call("KVM_CREATE_DEVICE") { clinux_kvm_create_device($0, type, 1) }) != nil
    }

    /// Makes a device.
    ///
    /// The corresponding ioctl is `KVM_CREATE_DEVICE`.
    /// - Throws: `ENODEV` for a type that the host does not make, `EEXIST` for a second interrupt controller.
    borrowing func makeDevice(ofType type: UInt32) throws(KVMError) -> KVMDevice {
        let number = try file.call("KVM_CREATE_DEVICE") { clinux_kvm_create_device($0, type, 0) }
        return KVMDevice(owning: FileDescriptor(owning: number))
    }

    /// The virtual CPU type that suits this host.
    ///
    /// The corresponding ioctl is `KVM_ARM_PREFERRED_TARGET`.
    /// - Throws: with the errno of the ioctl: `ENODEV` where the host's CPU is none that KVM knows.
    public borrowing func preferredTarget() throws(KVMError) -> UInt32 {
        var preferred = clinux_kvm_vcpu_init()
        try file.call("KVM_ARM_PREFERRED_TARGET") { number in
            clinux_kvm_arm_preferred_target(number, &preferred)
        }
        return preferred.target
    }

    /// Which bits of the ID registers may be changed; nil on kernels before 6.7, which do not say.
    ///
    /// The corresponding ioctl is `KVM_ARM_GET_REG_WRITABLE_MASKS`.
    /// - Throws: with the errno of the ioctl.
    public borrowing func writableMasks() throws(KVMError) -> WritableMasks? {
        guard try value(of: .writableMaskRanges) & 1 != 0 else { return nil }
        var masks = [UInt64](repeating: 0, count: WritableMasks.count)
        try file.call("KVM_ARM_GET_REG_WRITABLE_MASKS") { number in
            // SAFETY: the kernel writes KVM_ARM_FEATURE_ID_RANGE_SIZE (192) numbers.
            clinux_kvm_arm_get_reg_writable_masks(number, &masks)
        }
        return WritableMasks(masks)
    }

    /// Makes a vCPU that is not initialized yet.
    ///
    /// The corresponding ioctl is `KVM_CREATE_VCPU`.
    /// - Parameter index: its number, which no other vCPU of the VM has; below `KVM_CAP_MAX_VCPUS`.
    /// - Throws: with the errno of the ioctl: `EEXIST` for a number that is taken, `EINVAL` for one
    ///   that is too high.
    @_spi(Guests) public borrowing func makeVCPU(index: UInt32) throws(KVMError) -> VCPU {
        let number = try file.call("KVM_CREATE_VCPU") { clinux_kvm_create_vcpu($0, UInt(index)) }
        return VCPU(owning: FileDescriptor(owning: number), runSize: runSize)
    }

    /// Backs guest physical memory with host memory, which must outlive the VM and its vCPUs.
    ///
    /// The corresponding ioctl is `KVM_SET_USER_MEMORY_REGION`.
    /// - Parameters:
    ///   - guestAddress: where it starts in the guest, in bytes; a multiple of the page size.
    /// - Throws: with the errno of the ioctl: `EINVAL` for an address or size that is no multiple
    ///   of the page size, `EEXIST` for memory that overlaps another slot's.
    @_spi(Guests) public borrowing func mapMemory(
        _ memory: UnsafeMutableRawBufferPointer, at guestAddress: UInt64, slot: UInt32
    ) throws(KVMError) {
        try file.call("KVM_SET_USER_MEMORY_REGION") { number in
            clinux_kvm_set_user_memory_region(
                number, slot, 0, guestAddress, UInt64(memory.count), memory.baseAddress)
        }
    }
}

/// The bits of every ID register that user space may change before the first run.
///
/// A bit that is set may be tried; the kernel can still refuse a value (one that promises more than
/// the host has). The space is op0 3, op1 0, 1 or 3, CRn 0, CRm 0 to 7.
public struct WritableMasks: Hashable, Sendable {
    /// How many registers the space has.
    static let count = 3 * 8 * 8

    private let masks: [UInt64]

    /// - Parameter masks: as `KVM_ARM_GET_REG_WRITABLE_MASKS` returns them, 192.
    init?(_ masks: [UInt64]) {
        guard masks.count == Self.count else { return nil }
        self.masks = masks
    }

    /// The mask of one register; nil for registers outside the space.
    public subscript(id: RegisterID) -> UInt64? {
        guard case .system(let encoding) = id.group, encoding.op0 == 3, encoding.crn == 0,
            encoding.crm < 8, let row = [0: 0, 1: 1, 3: 2][encoding.op1]
        else { return nil }
        return masks[row << 6 | encoding.crm << 3 | encoding.op2]
    }
}
