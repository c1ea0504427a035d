/// The integer registers of `struct kvm_regs`: X0 to X30, SP, PC, PSTATE, ELR_EL1 and the SPSRs.
package enum CoreState: StateKind {
    package static func contains(_ id: RegisterID) -> Bool {
        isOfKVMRegs(id) && !FloatingPointState.contains(id)
    }

    package static func category(of id: RegisterID) -> RegisterCategory { .general }

    package static func commonBits(of id: RegisterID) -> UInt64 { 0 }

    /// EL1h, exceptions masked (`VCPU_RESET_PSTATE_EL1`, `arch/arm64/kvm/reset.c`).
    package static func reset(of id: RegisterID) -> ResetRule {
        id == .pstate ? .bits(0x3c5) : .zero
    }

    package static func phase(of id: RegisterID) -> RestorePhase {
        id == .pstate ? .programState : .general
    }

    package static func explanation(of failure: AccessFailure, for id: RegisterID) -> String? {
        failure.explanation(
            refused: id == .pstate
                ? "the host has no such execution mode" : impossible)
    }

    package static func loss(of id: RegisterID, isAbsent: Bool) -> LossRule {
        .cause(id == .pstate ? .executionState : .other)
    }

    package static var isInCPRegisterList: Bool { false }

    static let impossible = "no such register, or an impossible value"

    static func isOfKVMRegs(_ id: RegisterID) -> Bool {
        if case .core = id.group { true } else { false }
    }
}

/// The registers of `kvm_regs.fp_regs`: V0 to V31, FPSR and FPCR.
package enum FloatingPointState: StateKind {
    package static func contains(_ id: RegisterID) -> Bool {
        CoreState.isOfKVMRegs(id) && (id.size == 16 || id.size == 4)
    }

    package static func category(of id: RegisterID) -> RegisterCategory { .vector }

    package static func commonBits(of id: RegisterID) -> UInt64 { 0 }

    package static func reset(of id: RegisterID) -> ResetRule { .zero }

    package static func phase(of id: RegisterID) -> RestorePhase {
        id.size == 16 ? .vector : .general
    }

    package static func explanation(of failure: AccessFailure, for id: RegisterID) -> String? {
        if failure.kind == .invalid, failure.hasSVE == true, id.isVector {
            return "a vCPU with SVE has Z registers in place of V registers"
        }
        return failure.explanation(refused: CoreState.impossible)
    }

    package static func loss(of id: RegisterID, isAbsent: Bool) -> LossRule { .cause(.other) }

    package static var isInCPRegisterList: Bool { false }
}
