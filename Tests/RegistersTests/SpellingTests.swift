import Registers
import Testing

@Suite("Spellings of registers")
struct SpellingTests {
    private func id(_ name: String) throws -> RegisterID {
        try #require(RegisterID(parsing: name), "\(name)")
    }

    @Test(arguments: [
        // Linux's sysreg.h and traces, papers, assemblers.
        ("sys_reg(3, 0, 5, 2, 0)", "ESR_EL1"), ("SYS_REG(3,0,5,2,0)", "ESR_EL1"),
        ("3,0,5,2,0", "ESR_EL1"), ("3, 0, 5, 2, 0", "ESR_EL1"), ("3 0 5 2 0", "ESR_EL1"),
        ("op0=3, op1=0, crn=5, crm=2, op2=0", "ESR_EL1"),
        ("Op0=3,Op1=0,CRn=5,CRm=2,Op2=0", "ESR_EL1"),
        ("op2=0 crm=2 crn=5 op1=0 op0=3", "ESR_EL1"),
        ("SYS_ESR_EL1", "ESR_EL1"), ("sys_icc_pmr_el1", "ICC_PMR_EL1"),
        // QEMU's log, and KVM's selftests.
        ("op0:3 op1:0 crn:0 crm:0 op2:0", "MIDR_EL1"),
        ("op0:3 op1:0 crn:5 crm:2 op2:0", "ESR_EL1"),
        ("ARM64_SYS_REG(3, 0, 2, 0, 3)", "TCR2_EL1"), ("ARM64_SYS_REG(3,0,2,0,3)", "TCR2_EL1"),
        ("demuxed reg 6020000000110000", "CCSIDR0"), ("fw feat reg 3", "VENDOR_HYP_BMAP_2"),
        ("fw feat reg 0", "STD_BMAP"), ("fw reg 0", "PSCI_VERSION"),
        ("system register op0:3 op1:0 crn:5 crm:2 op2:0", "ESR_EL1"),
        ("core reg 6030000000100040", "pc"), ("KVM_REG_ARM_FW_REG(0)", "PSCI_VERSION"),
        ("KVM_REG_ARM_FW_FEAT_BMAP_REG(3)", "VENDOR_HYP_BMAP_2"),
        // AArch32.
        ("p15,0,c5,c0,0", "p15_0_c5_c0_0"), ("p15 0 c5 c0 0", "p15_0_c5_c0_0"),
        ("P15, 0, R3, c5, c0, 0", "p15_0_c5_c0_0"), ("p15, 0, <Rt>, c5, c0, 0", "p15_0_c5_c0_0"),
        ("p15, 0, r0, r1, c2", "p15_0_c2"), ("p14 0 c1 c0 0", "p14_0_c1_c0_0"),
        // Decimal ids, and what a copy brings along.
        ("6931044578463072256", "0x603000000013c000"), (" SCTLR_EL1 ", "SCTLR_EL1"),
        ("SCTLR_EL1\t", "SCTLR_EL1"), (" 0x603000000013c080", "SCTLR_EL1"), ("x0 ", "x0"),
    ])
    func spelled(_ text: String, _ name: String) throws {
        if let number = UInt64(text), text.count > 12 {
            #expect(RegisterID(spelled: text) == RegisterID(rawValue: number))
            return
        }
        #expect(try RegisterID(spelled: text) == id(name))
    }

    /// The ids of two registers have each other's encoding: a log tells the id, an assembler the register.
    @Test func swappedTimerRegisters() throws {
        let (compare, count) = (try id("CNTV_CVAL_EL0"), try id("CNTVCT_EL0"))
        #expect(RegisterID(spelled: "sys_reg(3, 3, 14, 3, 2)") == compare)
        #expect(RegisterID(spelled: "3 3 14 3 2") == compare)
        #expect(RegisterID(spelled: "ARM64_SYS_REG(3, 3, 14, 3, 2)") == count)
        #expect(RegisterID(spelled: "op0:3 op1:3 crn:14 crm:3 op2:2") == count)
        #expect(RegisterID(spelled: "op0:3 op1:3 crn:14 crm:0 op2:2") == compare)
    }

    @Test(arguments: [
        "", " ", "3", "3,0,5,2", "3,0,5,2,0,1", "4,0,5,2,0", "3,8,5,2,0", "3,0,16,2,0",
        "-3,0,5,2,0",
        "op0:3 op1:0 crn:5 crm:2", "op0:3 op0:0 crn:5 crm:2 op2:0", "sys_reg()",
        "sys_reg(a,b,c,d,e)",
        "p15,0,c5,c0", "p16,0,c5,c0,0", "p15,0,c16,c0,0", "fw feat reg",
        "fw feat reg x",
        "fw feat reg 65536", "demuxed reg", "demuxed reg zz", "sys_", "sys_NOPE", "4294967295",
        "18446744073709551616", "SCTLR EL1", "SCTLR_EL1\n", "SCTLR\u{a0}EL1", "3\u{b2},0,5,2,0",
        String(repeating: "3,", count: 60),
    ])
    func notASpelling(_ text: String) {
        #expect(RegisterID(spelled: text) == nil)
    }

    /// Every name and id that `parsing` takes is taken, and means the same.
    @Test func namesStay() {
        for entry in RegisterDictionary.all {
            #expect(RegisterID(spelled: entry.name) == entry.id, "\(entry.name)")
            #expect(RegisterID(spelled: entry.id.hex) == entry.id)
            #expect(RegisterID(spelled: String(entry.id.rawValue)) == entry.id)
        }
    }
}
