import Registers
import Testing

@Suite("AArch32: names of coprocessor registers")
struct AArch32NameTests {
    @Test(arguments: [
        ("SCTLR", 0x4020_0000_000f_0800 as UInt64), ("SCTLR_NS", 0x4020_0000_200f_0800),
        ("DFSR", 0x4020_0000_000f_2800), ("DFAR", 0x4020_0000_000f_3000),
        ("IFAR", 0x4020_0000_000f_3002), ("IFAR_NS", 0x4020_0000_200f_3002),
        ("TTBR0", 0x4020_0000_000f_1000), ("TTBR0_64", 0x4030_0000_000f_0100),
        ("TTBR0_64_NS", 0x4030_0000_200f_0100), ("TTBCR2", 0x4020_0000_000f_1003),
        ("DBGBVR3", 0x4020_0000_000e_0184), ("DBGBXVR2", 0x4020_0000_000e_0901),
        ("DBGDSCRext", 0x4020_0000_000e_0102), ("PAR_64", 0x4030_0000_000f_0380),
        ("FCSEIDR", 0x4020_0000_000f_6800), ("CONTEXTIDR_NS", 0x4020_0000_200f_6801),
        ("CNTV_CVAL", 0x4030_0000_000f_0718), ("PMEVTYPER30", 0x4020_0000_000f_7786),
    ])
    func bothWays(name: String, id: UInt64) {
        let id = RegisterID(rawValue: id)
        #expect(id.name == name)
        for text in [name, name.lowercased(), name.uppercased()] {
            #expect(RegisterID(parsing: text) == id, "\(text)")
        }
    }

    /// Other names and generic ones; what is printed is the Arm ARM's name.
    @Test(arguments: [
        ("PRRR", 0x4020_0000_000f_5100 as UInt64, "MAIR0"),
        ("nmrr_ns", 0x4020_0000_200f_5101, "MAIR1_NS"),
        ("p15_0_c1_c0_0", 0x4020_0000_000f_0800, "SCTLR"),
        ("p15_0_c1_c0_0_ns", 0x4020_0000_200f_0800, "SCTLR_NS"),
        ("p15_0_c2_ns", 0x4030_0000_200f_0100, "TTBR0_64_NS"),
        ("0x40200000200e0184", 0x4020_0000_200e_0184, "DBGBVR3_NS"),
        // No register of the dictionary: only the generic name.
        ("p15_7_c15_c15_7_ns", 0x4020_0000_200f_7fbf, "p15_7_c15_c15_7_ns"),
    ])
    func otherNames(text: String, id: UInt64, printed: String) {
        #expect(RegisterID(parsing: text) == RegisterID(rawValue: id))
        #expect(RegisterID(rawValue: id).name == printed)
    }

    /// Only coprocessor registers have two banks.
    @Test(arguments: [
        "_NS", "NS", "SCTLR_N", "SCTLRNS", "SCTLR_NS_NS", "SCTLR_EL1_NS", "x0_NS", "LR_abt_NS",
        "d0_NS", "FPSCR_NS", "VCPU_INIT_NS", "NO_SUCH_NS", "SCTLR_NS ",
    ])
    func refuses(text: String) {
        #expect(RegisterID(parsing: text) == nil)
    }

    @Test func everyCoprocessorRegisterHasANameInBothBanks() throws {
        var count = 0
        for entry in RegisterDictionary.all {
            guard case .coprocessor(let encoding) = entry.id.group else { continue }
            #expect(!encoding.isNonSecure, "\(entry.name)")
            let nonSecure = RegisterID(rawValue: entry.id.rawValue | 0x2000_0000)
            #expect(entry.id.name == entry.name)
            #expect(nonSecure.name == entry.name + "_NS")
            for id in [entry.id, nonSecure] {
                #expect(RegisterID(parsing: id.name) == id)
                #expect(RegisterID(parsing: id.name.lowercased()) == id)
                #expect(RegisterID(parsing: id.name.uppercased()) == id)
            }
            count += 1
        }
        #expect(count > 200)
    }

    @Test func bankBit() {
        let secure = RegisterID(rawValue: 0x4020_0000_000f_0800)
        let nonSecure = RegisterID(rawValue: 0x4020_0000_200f_0800)
        #expect(secure.inBank(nonSecure: true) == nonSecure)
        #expect(nonSecure.inBank(nonSecure: true) == nonSecure)
        #expect(nonSecure.inBank(nonSecure: false) == secure)
        #expect(secure.inBank(nonSecure: false) == secure)
        for (id, isNonSecure) in [(secure, false), (nonSecure, true)] {
            guard case .coprocessor(let encoding) = id.group else {
                Issue.record("\(id.hex) is a coprocessor register")
                continue
            }
            #expect(encoding.isNonSecure == isNonSecure)
            #expect(encoding.coprocessor == 15 && encoding.crn == 1 && !encoding.is64Bit)
        }
    }
}

@Suite("AArch32: the AArch64 registers that hold the state")
struct AArch32MappingTests {
    /// "Architecturally mapped" of the Arm ARM, chapter G8, and the lowest bit.
    @Test(arguments: [
        ("SCTLR", "SCTLR_EL1", 0), ("ACTLR", "ACTLR_EL1", 0), ("ACTLR2", "ACTLR_EL1", 32),
        ("CPACR", "CPACR_EL1", 0), ("CSSELR", "CSSELR_EL1", 0),
        ("TTBR0", "TTBR0_EL1", 0), ("TTBR0_64", "TTBR0_EL1", 0), ("TTBR1_64", "TTBR1_EL1", 0),
        ("TTBCR", "TCR_EL1", 0), ("TTBCR2", "TCR_EL1", 32), ("DACR", "DACR32_EL2", 0),
        ("DFSR", "ESR_EL1", 0), ("IFSR", "IFSR32_EL2", 0), ("ADFSR", "AFSR0_EL1", 0),
        ("AIFSR", "AFSR1_EL1", 0), ("DFAR", "FAR_EL1", 0), ("IFAR", "FAR_EL1", 32),
        ("PAR", "PAR_EL1", 0), ("PAR_64", "PAR_EL1", 0), ("MAIR0", "MAIR_EL1", 0),
        ("MAIR1", "MAIR_EL1", 32), ("AMAIR0", "AMAIR_EL1", 0), ("AMAIR1", "AMAIR_EL1", 32),
        ("VBAR", "VBAR_EL1", 0), ("CONTEXTIDR", "CONTEXTIDR_EL1", 0),
        ("TPIDRURW", "TPIDR_EL0", 0), ("TPIDRURO", "TPIDRRO_EL0", 0),
        ("TPIDRPRW", "TPIDR_EL1", 0), ("CNTKCTL", "CNTKCTL_EL1", 0),
        ("CNTV_CTL", "CNTV_CTL_EL0", 0), ("CNTV_CVAL", "CNTV_CVAL_EL0", 0),
        ("CNTP_CVAL", "CNTP_CVAL_EL0", 0), ("CNTVCT", "CNTVCT_EL0", 0),
        ("DBGBVR2", "DBGBVR2_EL1", 0), ("DBGBXVR2", "DBGBVR2_EL1", 32),
        ("DBGBXVR15", "DBGBVR15_EL1", 32), ("DBGBCR0", "DBGBCR0_EL1", 0),
        ("DBGWVR1", "DBGWVR1_EL1", 0), ("DBGWCR15", "DBGWCR15_EL1", 0),
        ("DBGDSCRext", "MDSCR_EL1", 0), ("DBGDCCINT", "MDCCINT_EL1", 0),
        ("DBGVCR", "DBGVCR32_EL2", 0), ("PMCR", "PMCR_EL0", 0), ("PMOVSR", "PMOVSCLR_EL0", 0),
        ("PMCEID2", "PMCEID0_EL0", 32), ("PMCCNTR_64", "PMCCNTR_EL0", 0),
        ("ID_PFR0", "ID_PFR0_EL1", 0), ("MPIDR", "MPIDR_EL1", 0),
        ("HCR2", "HCR_EL2", 32), ("HIFAR", "FAR_EL2", 32), ("HDFAR", "FAR_EL2", 0),
        ("HMAIR1", "MAIR_EL2", 32),
    ])
    func isHeldBy(name: String, holder: String, lsb: Int) throws {
        let entry = try #require(RegisterDictionary.entry(named: name))
        #expect(entry.mapping?.name == holder)
        #expect(entry.mappingLSB == lsb)
    }

    /// What the architecture maps to nothing, or to AArch64 state that KVM's guests do not have.
    @Test(arguments: ["FCSEIDR", "CCSIDR", "DBGDIDR", "SCR", "MVBAR", "TCMTR", "TLBTR", "RMR"])
    func hasNoHolder(name: String) throws {
        let entry = try #require(RegisterDictionary.entry(named: name))
        #expect(entry.mapping == nil)
        #expect(entry.mappingLSB == 0)
    }

    @Test func everyMappingFitsItsHolder() throws {
        for entry in RegisterDictionary.all {
            guard case .coprocessor = entry.id.group, let holder = entry.mapping else { continue }
            let size = try #require(entry.id.size)
            #expect(holder.architecture == .arm64 && holder.size == 8, "\(entry.name)")
            #expect([0, 32].contains(entry.mappingLSB), "\(entry.name)")
            #expect(entry.mappingLSB + size * 8 <= 64, "\(entry.name)")
        }
    }
}

@Suite("AArch32: the modes' registers")
struct AArch32ModeTests {
    /// Arm ARM D1.20.1: PSTATE.M, the X registers of R0 to R14, and the id of SPSR.
    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var mode: AArch32Mode
        var bits: UInt64
        var registers: [Int]
        var savedProgramState: UInt64?
    }

    static let rows = [
        Row(
            testDescription: "usr", mode: .user, bits: 0x10,
            registers: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]),
        Row(
            testDescription: "fiq", mode: .fiq, bits: 0x11,
            registers: [0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30],
            savedProgramState: 0x6030_0000_0010_0050),
        Row(
            testDescription: "irq", mode: .irq, bits: 0x12,
            registers: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 17, 16],
            savedProgramState: 0x6030_0000_0010_004e),
        Row(
            testDescription: "svc", mode: .supervisor, bits: 0x13,
            registers: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 19, 18],
            savedProgramState: 0x6030_0000_0010_0048),
        Row(
            testDescription: "abt", mode: .abort, bits: 0x17,
            registers: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 21, 20],
            savedProgramState: 0x6030_0000_0010_004a),
        Row(
            testDescription: "und", mode: .undefined, bits: 0x1b,
            registers: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 23, 22],
            savedProgramState: 0x6030_0000_0010_004c),
        Row(
            testDescription: "sys", mode: .system, bits: 0x1f,
            registers: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]),
    ]

    @Test(arguments: rows)
    func registers(_ row: Row) {
        #expect(row.mode.rawValue == row.bits)
        for (number, index) in row.registers.enumerated() {
            // kvm_regs.regs.regs[index], in words of 32 bits.
            let id = RegisterID(rawValue: 0x6030_0000_0010_0000 + UInt64(index) * 2)
            #expect(row.mode.register(number) == id, "R\(number)")
        }
        #expect(row.mode.savedProgramState?.rawValue == row.savedProgramState)
    }

    @Test func tableIsComplete() {
        #expect(Set(Self.rows.map(\.mode)) == Set(AArch32Mode.allCases))
    }

    @Test(arguments: [
        (0x1d3 as UInt64, AArch32Mode.supervisor), (0x10, .user), (0x6000_0030, .user),
        (0xffff_ffd1, .fiq), (0x192, .irq), (0x1d7, .abort), (0x1db, .undefined), (0x1df, .system),
    ])
    func modeOfPSTATE(bits: UInt64, mode: AArch32Mode) {
        #expect(AArch32Mode(pstate: bits) == mode)
    }

    /// AArch64, Monitor, Hyp, and what is no mode at all.
    @Test(arguments: [0x0, 0x3c4, 0x3c5, 0x3c9, 0x3cd, 0x1d6, 0x1da, 0x1d4, 0x1dd] as [UInt64])
    func noAArch32Mode(bits: UInt64) {
        #expect(AArch32Mode(pstate: bits) == nil)
    }

    @Test(arguments: [
        ("r0", "x0"), ("r7", "x7"), ("r8_usr", "x8"), ("r12_usr", "x12"), ("SP_usr", "x13"),
        ("LR_usr", "x14"), ("SP_hyp", "x15"), ("LR_irq", "x16"), ("SP_irq", "x17"),
        ("LR_svc", "x18"), ("SP_svc", "x19"), ("LR_abt", "x20"), ("SP_abt", "x21"),
        ("LR_und", "x22"), ("SP_und", "x23"), ("r8_fiq", "x24"), ("r12_fiq", "x28"),
        ("SP_fiq", "x29"), ("LR_fiq", "x30"), ("spsr_svc", "spsr_el1"),
    ])
    func aliases(alias: String, name: String) throws {
        let id = try #require(RegisterID(parsing: name))
        #expect(id.name == name)
        for text in [alias, alias.lowercased(), alias.uppercased()] {
            #expect(RegisterID(parsing: text) == id, "\(text)")
        }
    }

    @Test func aliasesAreWhatTheModesSay() throws {
        let banked: [(mode: AArch32Mode, suffix: String)] = [
            (.user, "usr"), (.irq, "irq"), (.supervisor, "svc"), (.abort, "abt"),
            (.undefined, "und"), (.fiq, "fiq"),
        ]
        for (mode, suffix) in banked {
            #expect(RegisterID(parsing: "SP_" + suffix) == mode.register(13))
            #expect(RegisterID(parsing: "LR_" + suffix) == mode.register(14))
        }
        for number in 8...12 {
            #expect(RegisterID(parsing: "r\(number)_fiq") == AArch32Mode.fiq.register(number))
            #expect(RegisterID(parsing: "r\(number)_usr") == AArch32Mode.user.register(number))
        }
    }
}
