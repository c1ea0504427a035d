/// The registers of `struct kvm_regs` and of SVE that have numbers.
extension RegisterID {
    /// X0 to X30, `kvm_regs.regs.regs`.
    /// - Precondition: the index is 0 to 30.
    public static func x(_ index: Int) -> RegisterID {
        precondition(0...30 ~= index, "there are the registers X0 to X30")
        return RegisterID(rawValue: x0.rawValue + UInt64(index) * 2)
    }

    /// The saved program states, `kvm_regs.spsr`: 0 is SPSR_EL1, which is SPSR_svc in AArch32; 1 to 4
    /// are SPSR_abt, SPSR_und, SPSR_irq and SPSR_fiq.
    /// - Precondition: the index is 0 to 4.
    public static func spsr(_ index: Int) -> RegisterID {
        precondition(0...4 ~= index, "there are five saved program states")
        return RegisterID(rawValue: spsrEL1.rawValue + UInt64(index) * 2)
    }

    /// V0 to V31, `kvm_regs.fp_regs.vregs`; a vCPU with SVE has Z registers in their place.
    public static func v(_ index: Int) -> RegisterID {
        RegisterID(rawValue: v0.rawValue + UInt64(index) * 4)
    }

    /// Whether it is one of V0 to V31.
    public var isVector: Bool { (0..<32).contains { RegisterID.v($0) == self } }

    /// Whether it is one of Z0 to Z31, which hold V0 to V31.
    package var isScalableVector: Bool { (0..<32).contains { RegisterID.z($0) == self } }

    /// Z0 to Z31, slice 0 (`KVM_REG_ARM64_SVE_ZREG`).
    public static func z(_ index: Int) -> RegisterID {
        RegisterID(rawValue: z0.rawValue + UInt64(index) << 5)
    }

    /// P0 to P15, slice 0 (`KVM_REG_ARM64_SVE_PREG`); 16 is FFR (`KVM_REG_ARM64_SVE_FFR`).
    public static func p(_ index: Int) -> RegisterID {
        RegisterID(rawValue: p0.rawValue + UInt64(index) << 5)
    }
}

extension RegisterID {
    /// Whether it is CCSIDR_EL1 of one cache, as KVM lists it.
    public var isCacheGeometry: Bool {
        if case .demultiplexed = group { true } else { false }
    }

    /// Whether a cache's geometry is that of a cache of instructions: CSSELR_EL1.InD, bit 0 of its number.
    package var isInstructionCache: Bool { isCacheGeometry && rawValue & 1 != 0 }

    /// Whether it is a Z, P or FFR register or the set of vector lengths.
    package var isSVE: Bool {
        if case .sve = group { true } else { false }
    }

    /// Whether the register can be in QEMU's list of system registers, its cpreg list.
    ///
    /// That is everything but `struct kvm_regs` and SVE, which have fields of their own in QEMU's CPU
    /// state and stream, and what is not 32 or 64 bits wide (`kvm_arm_init_cpreg_list`,
    /// `target/arm/kvm.c`).
    public var isCPRegister: Bool {
        canBeInQEMUList && (size == 4 || size == 8)
    }
}

extension RegisterID {
    /// Aff2, Aff1 and Aff0 of MPIDR_EL1: what KVM makes of a vCPU's number.
    package static let affinityMask: UInt64 = 0xff_ffff

    /// The MPIDR_EL1 that KVM gives the vCPU with a number: bit 31, which is always 1, and the affinity, of which Aff0 has four
    /// bits, so that a GICv3's SGI reaches every one, then Aff1 and Aff2 (`reset_mpidr`, `arch/arm64/kvm/sys_regs.c`).
    package static func mpidr(ofVCPU number: UInt32) -> UInt64 {
        let number = UInt64(number)
        return 1 << 31 | number & 0xf | (number >> 4 & 0xff) << 8 | (number >> 12 & 0xff) << 16
    }
}
