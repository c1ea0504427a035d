internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// What an errno means for a register.
///
/// KVM's errnos are indicative only (api.rst, KVM_SET_ONE_REG), so each sentence is what the kernel's
/// code returns that errno for in that group of registers, and none is claimed where it is not known.
/// Sources: arch/arm64/kvm/{arm,guest,hypercalls,sys_regs}.c.
extension KVMVCPUBank {
    func failure(
        _ operation: RegisterBankError.Operation, _ id: RegisterID?, _ errno: Errno
    ) -> RegisterBankError {
        if let id, errno == .noEntry, id.lacksController(devices.model) {
            return .lacksController(operation, id)
        }
        return RegisterBankError(
            operation, id, errno,
            explanation: Self.explanation(operation, id, errno, features: used?.features))
    }

    /// - Parameter features: those of the vCPU; nil before it is initialized.
    static func explanation(
        _ operation: RegisterBankError.Operation, _ id: RegisterID?, _ errno: Errno,
        features: VCPUFeatures?
    ) -> String? {
        if errno == .notExecutable { return RegisterBankError.notInitialized }
        guard let id, let kind = AccessFailure.Kind(errno) else { return nil }
        return id.explanation(
            of: AccessFailure(
                kind, isWrite: operation == .write, hasSVE: features?.contains(.sve)))
    }
}

extension AccessFailure.Kind {
    /// Nil for an errno that says nothing of the register.
    fileprivate init?(_ errno: Errno) {
        switch errno {
        case .noEntry: self = .noSuchRegister
        case .busy: self = .fixed
        case .invalidArgument: self = .invalid
        case .notPermitted: self = .notPermitted
        default: return nil
        }
    }
}
