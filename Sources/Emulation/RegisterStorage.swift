/// Where in `CPUState` a register lives.
package enum RegisterStorage: Hashable, Sendable {
    /// A 64-bit word of the general registers, in the order of `struct kvm_regs`: X0 to X30, SP_EL0,
    /// PC, PSTATE, SP_EL1, ELR_EL1, then SPSR_EL1, SPSR_abt, SPSR_und, SPSR_irq, SPSR_fiq.
    case general(Int)
    /// The low 128 bits of a Z register.
    case vector(Int)
    /// An SVE Z register, 256 bytes.
    case scalable(Int)
    /// An SVE predicate, 32 bytes; FFR is number 16.
    case predicate(Int)
    /// FPSR, 32 bits.
    case fpsr
    /// FPCR, 32 bits.
    case fpcr
    /// The bitmap of SVE vector lengths (`KVM_REG_ARM64_SVE_VLS`), 64 bytes.
    case vectorLengths
    /// Any other register: system, demultiplexed, firmware.
    case system(Int)
    /// Nowhere: the register reads as zero.
    case zero
}
