extension StateKind {
    /// The integer registers of `struct kvm_regs`: X0 to X30, SP, PC, PSTATE, ELR_EL1 and the SPSRs.
    static func core(_ id: RegisterID) -> StateKind {
        guard id == .pstate else {
            return StateKind(
                category: .general, reset: .zero, phase: .general, refusal: impossible,
                lossWhenAbsent: .cause(.other))
        }
        return StateKind(
            category: .general,
            // EL1h, exceptions masked (`VCPU_RESET_PSTATE_EL1`, `arch/arm64/kvm/reset.c`).
            reset: .bits(0x3c5), phase: .programState,
            refusal: "the host has no such execution mode", loss: .cause(.executionState),
            lossWhenAbsent: .cause(.executionState))
    }

    /// The registers of `kvm_regs.fp_regs`: V0 to V31, FPSR and FPCR.
    static func floatingPoint(_ id: RegisterID) -> StateKind {
        StateKind(
            category: .vector, reset: .zero, phase: id.size == 16 ? .vector : .general,
            ownExplanation: { failure, id in
                failure.kind == .invalid && failure.hasSVE == true && id.isVector
                    ? "a vCPU with SVE has Z registers in place of V registers"
                    : failure.explanation(refused: impossible)
            }, lossWhenAbsent: .cause(.other))
    }

    private static let impossible = "no such register, or an impossible value"
}
