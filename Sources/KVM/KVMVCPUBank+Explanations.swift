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
        RegisterBankError(
            operation, id, errno,
            explanation: Self.explanation(operation, id, errno, features: used?.features))
    }

    /// - Parameter features: those of the vCPU; nil before it is initialized.
    static func explanation(
        _ operation: RegisterBankError.Operation, _ id: RegisterID?, _ errno: Errno,
        features: VCPUFeatures?
    ) -> String? {
        if errno == .notExecutable { return "the vCPU is not initialised (KVM_ARM_VCPU_INIT)" }
        guard let id else { return nil }
        switch (id.group, errno) {
        case (.vcpu, _): return outsideList(id, errno)
        case (.sve, _): return sve(operation, id, errno, features)
        case (_, .noEntry):
            return "this kernel, or a vCPU with these features, has no such register"
        case (_, .busy): return "fixed since a vCPU of this VM first ran"
        case (.core, .invalidArgument): return core(operation, id, features)
        case (_, .invalidArgument) where operation == .write: return refusedValue(id)
        default: return nil
        }
    }

    private static func outsideList(_ id: RegisterID, _ errno: Errno) -> String? {
        switch (id, errno) {
        case (.vcpuInit, .invalidArgument):
            "the host accepts neither this CPU type nor its own with these features, or a vCPU of "
                + "this VM was initialised with others"
        case (.vcpuFinalized, .noEntry): "the vCPU has no feature that is finalized"
        case (.vcpuFinalized, .invalidArgument): "the vCPU does not have the feature"
        case (.vcpuFinalized, .notPermitted): "the feature is finalized already"
        case (.vcpuEvents, .invalidArgument):
            "the host cannot give an SError a syndrome (no RAS extension), or the syndrome has bits "
                + "outside its ISS field"
        case (.mpState, .invalidArgument):
            "arm64 has the states runnable (0), stopped (5) and suspended (10)"
        case (_, .noEntry): "this kernel keeps no such state"
        default: nil
        }
    }

    private static func sve(
        _ operation: RegisterBankError.Operation, _ id: RegisterID, _ errno: Errno,
        _ features: VCPUFeatures?
    ) -> String? {
        switch errno {
        case .noEntry where features?.contains(.sve) == false: "the vCPU has no SVE"
        case .noEntry: "the register has no such slice"
        case .notPermitted where id == .sveVLS:
            "the vector lengths are fixed since KVM_ARM_VCPU_FINALIZE"
        case .notPermitted: "SVE registers exist after KVM_ARM_VCPU_FINALIZE only"
        case .invalidArgument where id == .sveVLS && operation == .write:
            "the set must be all lengths the host has up to its longest, no fewer and no others"
        default: nil
        }
    }

    private static func core(
        _ operation: RegisterBankError.Operation, _ id: RegisterID, _ features: VCPUFeatures?
    ) -> String? {
        if id.isVector, features?.contains(.sve) == true {
            return "a vCPU with SVE has Z registers in place of V registers"
        }
        if id == .pstate, operation == .write { return "the host has no such execution mode" }
        return operation == .write ? "no such register, or an impossible value" : nil
    }

    private static func refusedValue(_ id: RegisterID) -> String? {
        switch id.group {
        case .firmware, .firmwareFeatures: "it promises more than this host has"
        case .system(let encoding) where encoding.isFeatureID:
            "the host's CPU has less than the value promises, or the kernel lets no one change it"
        case .system: "the register is read-only on this host, or cannot hold this value"
        case .demultiplexed: "not a cache geometry this host can show"
        default: nil
        }
    }
}

extension RegisterID.SystemRegisterEncoding {
    /// Whether this is in the space of the ID registers: op0 3, op1 0, CRn 0, CRm 1 to 7.
    fileprivate var isFeatureID: Bool {
        op0 == 3 && op1 == 0 && crn == 0 && 1...7 ~= crm
    }
}
