/// The registers of `struct kvm_regs` and of SVE, by what they are.
extension RegisterID {
    /// X0 to X30, `kvm_regs.regs.regs`.
    /// - Precondition: the index is 0 to 30.
    public static func x(_ index: Int) -> RegisterID {
        precondition(0...30 ~= index, "there are the registers X0 to X30")
        return core(word: index)
    }

    /// SP_EL0, `kvm_regs.regs.sp`.
    public static let stackPointerEL0 = core(word: 31)
    /// The program counter, `kvm_regs.regs.pc`.
    public static let programCounter = core(word: 32)
    /// The program state, `kvm_regs.regs.pstate`.
    public static let pstate = core(word: 33)
    /// SP_EL1, `kvm_regs.sp_el1`.
    public static let stackPointerEL1 = core(word: 34)
    /// ELR_EL1, `kvm_regs.elr_el1`.
    public static let exceptionLinkEL1 = core(word: 35)

    /// The saved program states, `kvm_regs.spsr`: 0 is SPSR_EL1, which is SPSR_svc in AArch32; 1 to 4
    /// are SPSR_abt, SPSR_und, SPSR_irq and SPSR_fiq.
    /// - Precondition: the index is 0 to 4.
    public static func savedProgramState(_ index: Int) -> RegisterID {
        precondition(0...4 ~= index, "there are five saved program states")
        return core(word: 36 + index)
    }

    /// V0 to V31, `kvm_regs.fp_regs.vregs`; a vCPU with SVE has Z registers in their place.
    public static func v(_ index: Int) -> RegisterID {
        RegisterID(rawValue: 0x6040_0000_0010_0054 + UInt64(index) * 4)
    }

    /// Whether it is one of V0 to V31.
    public var isVector: Bool { (0..<32).contains { RegisterID.v($0) == self } }

    /// `kvm_regs.fp_regs.fpsr`.
    public static let fpsr = RegisterID(rawValue: 0x6020_0000_0010_00d4)
    /// `kvm_regs.fp_regs.fpcr`.
    public static let fpcr = RegisterID(rawValue: 0x6020_0000_0010_00d5)

    /// Z0 to Z31, slice 0 (`KVM_REG_ARM64_SVE_ZREG`).
    public static func z(_ index: Int) -> RegisterID {
        RegisterID(rawValue: 0x6080_0000_0015_0000 + UInt64(index) << 5)
    }

    /// P0 to P15, slice 0 (`KVM_REG_ARM64_SVE_PREG`); 16 is FFR (`KVM_REG_ARM64_SVE_FFR`).
    public static func p(_ index: Int) -> RegisterID {
        RegisterID(rawValue: 0x6050_0000_0015_0400 + UInt64(index) << 5)
    }

    /// A 64-bit word of `struct kvm_regs` before the vectors; the id counts words of 32 bits.
    private static func core(word: Int) -> RegisterID {
        RegisterID(rawValue: 0x6030_0000_0010_0000 + UInt64(word) * 2)
    }
}

extension RegisterID {
    /// Whether the register can be in QEMU's list of system registers, its cpreg list.
    ///
    /// That is everything but `struct kvm_regs` and SVE, which have fields of their own in QEMU's CPU
    /// state and stream, and what is not 32 or 64 bits wide (`kvm_arm_init_cpreg_list`,
    /// `target/arm/kvm.c`).
    public var isCPRegister: Bool {
        switch group {
        case .core, .sve, .vcpu: false
        default: size == 4 || size == 8
        }
    }
}
