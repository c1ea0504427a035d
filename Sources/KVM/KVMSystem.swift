internal import CLinux
internal import LinuxSystem

/// `/dev/kvm`, open.
public struct KVMSystem: ~Copyable {
    private let file: FileDescriptor

    /// Opens KVM's device and makes sure that this program can use it.
    /// - Throws: also on machines that are not arm64, and for a device whose `KVM_GET_API_VERSION` is not 12.
    public init(path: String = "/dev/kvm") throws(KVMError) {
        let device = try Errno.translating(
            try FileDescriptor(opening: path, for: .readingAndWriting)
        ) { KVMError.opening(path, $0) }
        let version = try device.call("KVM_GET_API_VERSION", clinux_kvm_get_api_version)
        guard version == CLINUX_KVM_API_VERSION else { throw KVMError.unknownVersion(version) }
        guard Self.isARM64 else { throw KVMError.notARM64 }
        file = device
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
    /// - Throws: with the errno of the ioctl.
    public borrowing func value(of capability: Capability) throws(KVMError) -> Int {
        try file.value(of: capability)
    }

    /// Makes a VM without memory or vCPUs.
    ///
    /// The corresponding ioctl is `KVM_CREATE_VM`.
    /// - Throws: with the errno of the ioctl: `ENOMEM` and `EMFILE` are limits of this process.
    public borrowing func makeVM() throws(KVMError) -> VM {
        let bits = try addressBits()
        let machine = FileDescriptor(
            owning: try file.call("KVM_CREATE_VM") { clinux_kvm_create_vm($0, bits) })
        let runSize = try file.call("KVM_GET_VCPU_MMAP_SIZE", clinux_kvm_get_vcpu_mmap_size)
        return VM(owning: machine, runSize: Int(runSize))
    }

    /// The size of guest physical address space to ask for: 0, the default of 40 bits, unless the
    /// host's limit is below that (api.rst, KVM_CREATE_VM: such hosts refuse the default).
    private borrowing func addressBits() throws(KVMError) -> UInt32 {
        let limit = try value(of: .vmIPASize)
        return 1..<40 ~= limit ? UInt32(limit) : 0
    }
}

extension FileDescriptor {
    /// Makes a KVM call that returns a value or a negated error number.
    @discardableResult
    borrowing func call(_ name: String, _ body: (Int32) -> Int32) throws(KVMError) -> Int32 {
        try Errno.translating(try Errno.check(withNumber(body))) { KVMError.calling(name, $0) }
    }

    /// What the device, or a VM, answers to `KVM_CHECK_EXTENSION`.
    borrowing func value(of capability: Capability) throws(KVMError) -> Int {
        Int(try call("KVM_CHECK_EXTENSION") { clinux_kvm_check_extension($0, capability.rawValue) })
    }
}
