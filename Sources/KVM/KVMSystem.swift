internal import CLinux
internal import LinuxSystem

/// `/dev/kvm`, open.
public struct KVMSystem: ~Copyable {
    private let file: FileDescriptor

    /// Opens KVM's device and makes sure that this program can use it.
    /// - Throws: also on machines that are not arm64, and for a device whose `KVM_GET_API_VERSION` is not 12.
    public init(path: String = "/dev/kvm") throws(KVMError) {
        file = try Self.open(path)
    }

    private static func open(_ path: String) throws(KVMError) -> FileDescriptor {
        let file = try device(path)
        let version = try call("KVM_GET_API_VERSION", file, clinux_kvm_get_api_version)
        guard version == CLINUX_KVM_API_VERSION else { throw KVMError.unknownVersion(version) }
        guard isARM64 else { throw KVMError.notARM64 }
        return file
    }

    private static func device(_ path: String) throws(KVMError) -> FileDescriptor {
        do throws(Errno) {
            return try FileDescriptor(opening: path, for: .readingAndWriting)
        } catch {
            throw KVMError.opening(path, error)
        }
    }

    /// Whether this program was built for arm64, whose KVM has Arm vCPUs.
    public static var isARM64: Bool {
        #if arch(arm64)
            true
        #else
            false
        #endif
    }

    /// The value of a capability, 0 where the kernel does not have it.
    ///
    /// The corresponding ioctl is `KVM_CHECK_EXTENSION`.
    public borrowing func value(of capability: Capability) throws(KVMError) -> Int {
        let value = try Self.call("KVM_CHECK_EXTENSION", file) { number in
            clinux_kvm_check_extension(number, capability.rawValue)
        }
        return Int(value)
    }

    /// Makes a VM without memory or vCPUs.
    ///
    /// The corresponding ioctl is `KVM_CREATE_VM`.
    public borrowing func makeVM() throws(KVMError) -> VM {
        let bits = try addressBits()
        let machine = FileDescriptor(
            owning: try Self.call("KVM_CREATE_VM", file) { clinux_kvm_create_vm($0, bits) })
        let runSize = try Self.call(
            "KVM_GET_VCPU_MMAP_SIZE", file, clinux_kvm_get_vcpu_mmap_size)
        return VM(owning: machine, runSize: Int(runSize))
    }

    /// The size of guest physical address space to ask for: 0, the default of 40 bits, unless the
    /// host's limit is below that (api.rst, KVM_CREATE_VM: such hosts refuse the default).
    private borrowing func addressBits() throws(KVMError) -> UInt32 {
        let limit = try value(of: .vmIPASize)
        return 1..<40 ~= limit ? UInt32(limit) : 0
    }

    /// Makes a call that returns a value or a negated error number.
    static func call(
        _ name: String, _ file: borrowing FileDescriptor, _ body: (Int32) -> Int32
    ) throws(KVMError) -> Int32 {
        do throws(Errno) {
            return try Errno.check(file.withNumber(body))
        } catch {
            throw KVMError.calling(name, error)
        }
    }
}
