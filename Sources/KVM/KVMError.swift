public import LinuxSystem

/// Why a call to KVM did not do what it was asked to.
///
/// Registers have an error of their own (`RegisterBankError`); this one is about the host, a VM and
/// making vCPUs.
public struct KVMError: Error, Hashable, Sendable {
    /// What was called: an ioctl such as `KVM_CREATE_VM`, `open` with a path, or `/dev/kvm` where no call failed.
    public var call: String
    /// What the call returned; `EOPNOTSUPP` also for a KVM that this program finds it cannot use.
    public var errno: Errno
    /// What the errno means for this call; nil where the kernel documents nothing.
    public var explanation: String?
    /// What the operator can do about it.
    public var nextStep: String?

    /// By default the errno has no explanation, and there is no advice.
    public init(
        _ call: String, _ errno: Errno, explanation: String? = nil, nextStep: String? = nil
    ) {
        self.call = call
        self.errno = errno
        self.explanation = explanation
        self.nextStep = nextStep
    }
}

extension KVMError: CustomStringConvertible {
    /// The call, the errno, and what it means there.
    public var description: String {
        let rest = [explanation, nextStep].compactMap { $0 }.joined(separator: "; ")
        return "\(call): \(errno)" + (rest.isEmpty ? "" : ": " + rest)
    }
}

extension KVMError {
    /// A failed `open` of the KVM device.
    static func opening(_ path: String, _ errno: Errno) -> KVMError {
        let (explanation, nextStep): (String?, String?) =
            switch errno {
            case .noEntry, .noDevice, .noDeviceOrAddress:
                (
                    "this kernel offers no KVM",
                    "on an arm64 host, boot the kernel at EL2 (look for \"kvm\" in dmesg)"
                )
            case .accessDenied, .notPermitted:
                ("no permission to use KVM", "join the group that owns it, usually \"kvm\"")
            case .busy:
                ("another hypervisor is using the CPU's virtualization extensions", "stop it first")
            default: (nil, nil)
            }
        return KVMError("open \(path)", errno, explanation: explanation, nextStep: nextStep)
    }

    /// KVM of a machine that is not arm64.
    static let notARM64 = KVMError(
        "/dev/kvm", .notSupported,
        explanation: "this program was built for a machine whose KVM has no Arm vCPUs",
        nextStep: "run the arm64 build on an arm64 host; snapshots can be read anywhere")

    /// A KVM whose interface is not the one every kernel since 2.6.22 has (api.rst,
    /// KVM_GET_API_VERSION).
    static func unknownVersion(_ version: Int32) -> KVMError {
        KVMError(
            "KVM_GET_API_VERSION", .notSupported,
            explanation: "version \(version) where 12 is expected",
            nextStep: "check that the path names KVM's device")
    }

    /// A failed ioctl on /dev/kvm or a VM (Documentation/virt/kvm/api.rst, by the call's name).
    static func calling(_ call: String, _ errno: Errno) -> KVMError {
        let (explanation, nextStep): (String?, String?) =
            switch (call, errno) {
            case (_, .noTTY):
                ("the descriptor is not KVM's", "check that the path names KVM's device")
            case ("KVM_CREATE_VM", .noMemory), ("KVM_CREATE_VCPU", .noMemory):
                ("the kernel has not enough memory for it", "free some memory")
            case ("KVM_CREATE_VM", .invalidArgument):
                ("the kernel refuses this size of guest physical address space", nil)
            case ("KVM_CREATE_VCPU", .invalidArgument):
                (
                    "the number is past the VM's limit",
                    "choose a host or a kernel that makes more vCPUs for a VM (KVM_CAP_MAX_VCPUS)"
                )
            case ("KVM_CREATE_VCPU", .exists):
                ("the VM already has a vCPU with this number", nil)
            case ("KVM_ARM_PREFERRED_TARGET", .noDevice):
                ("the host's CPUs have no virtual CPU type", nil)
            default: (nil, nil)
            }
        return KVMError(call, errno, explanation: explanation, nextStep: nextStep)
    }
}
