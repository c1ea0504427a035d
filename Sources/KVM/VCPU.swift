internal import CLinux
internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// A KVM vCPU: `VM.makeVCPU(index:)` makes one, or it is somebody else's (`KVMVCPUBank.init(borrowing:)`).
///
/// The methods are the ioctls; what they mean for saving and restoring is in `KVMVCPUBank`. The
/// kernel keeps a vCPU's VM alive, so a vCPU may outlive its `VM` value.
@_spi(Guests) public struct VCPU: ~Copyable {
    private let file: FileDescriptor
    let runSize: Int

    /// - Parameter runSize: the value of `KVM_GET_VCPU_MMAP_SIZE`, in bytes.
    init(owning file: consuming FileDescriptor, runSize: Int) {
        self.file = file
        self.runSize = runSize
    }

    borrowing func call(_ body: (Int32) -> Int32) throws(Errno) -> Int32 {
        try Errno.check(file.withNumber(body))
    }

    /// Resets every register.
    ///
    /// The corresponding ioctl is `KVM_ARM_VCPU_INIT`.
    borrowing func initialize(_ request: VCPUInit) throws(Errno) {
        var structure = clinux_kvm_vcpu_init()
        withUnsafeMutableBytes(of: &structure) { target in
            // SAFETY: the value has the structure's size, or the copy stops at the smaller of both.
            target.copyBytes(from: request.value.littleEndianBytes.prefix(target.count))
        }
        _ = try call { clinux_kvm_arm_vcpu_init($0, &structure) }
    }

    /// The corresponding ioctl is `KVM_ARM_VCPU_FINALIZE`.
    borrowing func finalize(_ feature: VCPUFeatures) throws(Errno) {
        _ = try call { clinux_kvm_arm_vcpu_finalize($0, feature.lowestBit) }
    }

    /// The ids of the registers the kernel has for this vCPU.
    ///
    /// The corresponding ioctl is `KVM_GET_REG_LIST`.
    borrowing func registerList() throws(Errno) -> [RegisterID] {
        // The kernel tells the size when there is no room. It could grow in between, as far as the
        // interface goes, so the second answer may be E2BIG again.
        var list: [UInt64] = [0]
        for _ in 0..<4 {
            do throws(Errno) {
                // SAFETY: list[0] is the number of elements after it.
                _ = try call { clinux_kvm_get_reg_list($0, &list) }
                return list[1...].prefix(Int(clamping: list[0])).map(RegisterID.init(rawValue:))
            } catch {
                guard error == .argumentListTooLong, list[0] <= Self.largestList else {
                    throw error
                }
                list = [list[0]] + Array(repeating: 0, count: Int(list[0]))
            }
        }
        throw .argumentListTooLong
    }

    /// Two thousand times what kernels list today; more is taken for a broken answer.
    private static let largestList: UInt64 = 1 << 20

    /// The corresponding ioctl is `KVM_GET_ONE_REG`.
    /// - Parameter size: of the value in bytes, as the id says.
    borrowing func oneRegister(_ id: RegisterID, size: Int) throws(Errno) -> RegisterValue {
        var value = [UInt8](repeating: 0, count: size)
        // SAFETY: the kernel writes as many bytes as the id says, which `value` has.
        _ = try call { clinux_kvm_get_one_reg($0, id.rawValue, &value) }
        guard let value = RegisterValue(littleEndian: value) else { throw .invalidArgument }
        return value
    }

    /// The corresponding ioctl is `KVM_SET_ONE_REG`.
    /// - Parameter value: exactly as many bytes as the id says.
    borrowing func setOneRegister(_ id: RegisterID, to value: [UInt8]) throws(Errno) {
        guard value.count == id.size else { throw .invalidArgument }
        // SAFETY: the kernel reads as many bytes as the id says, which `value` has.
        _ = try call { clinux_kvm_set_one_reg($0, id.rawValue, value) }
    }

    /// The corresponding ioctl is `KVM_GET_MP_STATE`.
    borrowing func mpState() throws(Errno) -> UInt32 {
        var state: UInt32 = 0
        _ = try call { clinux_kvm_get_mp_state($0, &state) }
        return state
    }

    /// The corresponding ioctl is `KVM_SET_MP_STATE`.
    borrowing func setMPState(_ state: UInt32) throws(Errno) {
        _ = try call { clinux_kvm_set_mp_state($0, state) }
    }

    /// The first 16 bytes of `struct kvm_vcpu_events`; the rest is reserved.
    ///
    /// The corresponding ioctl is `KVM_GET_VCPU_EVENTS`.
    borrowing func events() throws(Errno) -> [UInt8] {
        var events = clinux_kvm_vcpu_events()
        _ = try call { clinux_kvm_get_vcpu_events($0, &events) }
        return withUnsafeBytes(of: &events) { Array($0.prefix(Self.eventsSize)) }
    }

    /// Sets the first 16 bytes of `struct kvm_vcpu_events`, the rest being zero.
    ///
    /// The corresponding ioctl is `KVM_SET_VCPU_EVENTS`.
    borrowing func setEvents(_ bytes: [UInt8]) throws(Errno) {
        guard bytes.count == Self.eventsSize else { throw .invalidArgument }
        var events = clinux_kvm_vcpu_events()
        withUnsafeMutableBytes(of: &events) { $0.copyBytes(from: bytes) }
        _ = try call { clinux_kvm_set_vcpu_events($0, &events) }
    }

    private static let eventsSize = 16

    /// Its descriptor, for calls as long as the vCPU is open.
    var descriptor: Int32 { file.withNumber { $0 } }

    /// Its own attributes; they can be asked for as long as the vCPU is open.
    var attributes: KVMDevice { KVMDevice(borrowing: descriptor) }
}
