import Registers
import Testing
import Transfer
import VCPUModel

/// KVM's pattern for registers without a value at reset.
private let pattern: UInt64 = 0x1de7_ec7e_dbad_c0de

/// Each test is a row of the table of proofs in Formats/policy-v1.md: where the fact holds the loss is
/// pardoned, where it does not there is no proof.
@Suite("Policies: the proofs of safe")
struct InvisibilityProofTests {
    /// The proof, which only `safe` may ask for.
    private func proof(
        _ loss: PolicyLoss, _ guest: RegisterList, _ place: SourceLocation = #_sourceLocation
    ) -> String? {
        #expect(
            RestorePolicy(.exact).pardon(loss, of: guest) == nil, sourceLocation: place)
        guard let pardon = RestorePolicy(.safe).pardon(loss, of: guest) else { return nil }
        #expect(pardon.rule == "safe", sourceLocation: place)
        #expect(pardon.proof != nil, sourceLocation: place)
        return pardon.proof
    }

    private static let kinds: [PolicyLoss.Kind] = [
        .absent, .refused, .different(RegisterValue(1)),
    ]

    // MARK: Never written

    @Test(arguments: kinds)
    func neverWritten(_ kind: PolicyLoss.Kind) throws {
        let nothing = RegisterList()
        for name in ["FAR_EL1", "ESR_EL1", "PIR_EL1", "APIAKEYLO_EL1"] {
            #expect(
                proof(try loss(name, saved: pattern, kind), nothing)?
                    .contains("never wrote") == true, "\(name)")
            #expect(proof(try loss(name, saved: pattern ^ 1, kind), nothing) == nil, "\(name)")
            #expect(proof(try loss(name, saved: 0, kind), nothing) == nil, "\(name)")
        }
    }

    /// In a register that KVM resets to something else the pattern is a value like any other.
    @Test(arguments: ["TCR2_EL1", "x0", "CNTP_CVAL_EL0", "ID_AA64PFR0_EL1", "DBGBVR0_EL1"])
    func patternElsewhereIsAValue(_ name: String) throws {
        #expect(proof(try loss(name, saved: pattern), RegisterList()) == nil)
    }

    // MARK: Not there

    /// A register, the ID register that has its field, and values with and without it.
    private static let fields: [(register: String, id: String, without: UInt64, with: UInt64)] = [
        // TCRX is bits 3:0, SCTLRX 7:4, S1PIE 11:8, S1POE 19:16 (Arm ARM, ID_AA64MMFR3_EL1).
        ("TCR2_EL1", "ID_AA64MMFR3_EL1", 0xffff_ffff_ffff_fff0, 0x1),
        ("SCTLR2_EL1", "ID_AA64MMFR3_EL1", 0xffff_ffff_ffff_ff0f, 0x10),
        ("PIR_EL1", "ID_AA64MMFR3_EL1", 0xffff_ffff_ffff_f0ff, 0x100),
        ("PIRE0_EL1", "ID_AA64MMFR3_EL1", 0xffff_ffff_ffff_f0ff, 0x100),
        ("POR_EL0", "ID_AA64MMFR3_EL1", 0xffff_ffff_fff0_ffff, 0x1_0000),
        ("POR_EL1", "ID_AA64MMFR3_EL1", 0xffff_ffff_fff0_ffff, 0x1_0000),
    ]

    @Test(arguments: fields, kinds)
    func fieldOfAnIDRegister(
        _ row: (register: String, id: String, without: UInt64, with: UInt64),
        _ kind: PolicyLoss.Kind
    ) throws {
        let lost = try loss(row.register, saved: 0x55, kind)
        let proof = proof(lost, try guest([row.id: row.without]))
        #expect(proof?.contains(row.id) == true)
        #expect(self.proof(lost, try guest([row.id: row.with])) == nil)
        // Without the ID register nothing is known.
        #expect(self.proof(lost, RegisterList()) == nil)
    }

    /// A register, its vCPU feature, and VCPU_INIT without and with it.
    private static let features: [(register: String, name: String, without: UInt64, with: UInt64)] =
        [
            // The features are bits 32 and up: PSCI_0_2 bit 34, PMU_V3 35, SVE 36, PTRAUTH 37 and 38.
            ("PMCR_EL0", "PMU_V3", 0x4_0000_0005, 0xc_0000_0005),
            ("PMCCFILTR_EL0", "PMU_V3", 0x74_0000_0005, 0xc_0000_0005),
            ("ZCR_EL1", "SVE", 0x6c_0000_0005, 0x1c_0000_0005),
            ("APIAKEYLO_EL1", "PTRAUTH_ADDRESS", 0x1c_0000_0005, 0x6c_0000_0005),
        ]

    @Test(arguments: features, kinds)
    func featureOfTheVCPU(
        _ row: (register: String, name: String, without: UInt64, with: UInt64),
        _ kind: PolicyLoss.Kind
    ) throws {
        let lost = try loss(row.register, saved: 0x55, kind)
        let proof = proof(lost, try guest(["VCPU_INIT": row.without]))
        #expect(proof?.contains("without \(row.name)") == true)
        #expect(self.proof(lost, try guest(["VCPU_INIT": row.with])) == nil)
        #expect(self.proof(lost, RegisterList()) == nil)
    }

    // MARK: Caches

    /// A cache type of CLIDR_EL1.Ctype<n>, and the caches it means (Arm ARM).
    struct CacheType: CustomTestStringConvertible {
        var type: UInt64
        var testDescription: String
        var hasData: Bool
        var hasInstructions: Bool
    }

    @Test(arguments: [
        CacheType(type: 0, testDescription: "none", hasData: false, hasInstructions: false),
        CacheType(type: 1, testDescription: "instruction", hasData: false, hasInstructions: true),
        CacheType(type: 2, testDescription: "data", hasData: true, hasInstructions: false),
        CacheType(type: 3, testDescription: "separate", hasData: true, hasInstructions: true),
        CacheType(type: 4, testDescription: "unified", hasData: true, hasInstructions: false),
    ])
    func cacheOfEachType(_ cache: CacheType) throws {
        for level in 0..<7 {
            // The other levels have what this one has not, so only this one can decide.
            let others: UInt64 = cache.type == 0 ? 3 : 0
            let levels = (0..<7).reduce(UInt64(0)) { value, other in
                value | (other == level ? cache.type : others) << UInt64(other * 3)
            }
            let guest = try guest(["CLIDR_EL1": levels])
            let data = try loss("CCSIDR\(level * 2)", saved: 0x55, .refused)
            #expect((proof(data, guest) == nil) == cache.hasData, "level \(level + 1)")
            let instructions = try loss("CCSIDR\(level * 2 + 1)", saved: 0x55, .refused)
            #expect(
                (proof(instructions, guest) == nil) == cache.hasInstructions, "level \(level + 1)")
        }
    }

    @Test(arguments: kinds)
    func cacheOfARealGuest(_ kind: PolicyLoss.Kind) throws {
        // Separate level 1 caches, a unified one on level 2.
        let guest = try guest(["CLIDR_EL1": 0xa20_0023])
        #expect(proof(try loss("CCSIDR0", saved: 2, kind), guest) == nil)
        #expect(proof(try loss("CCSIDR1", saved: 2, kind), guest) == nil)
        #expect(proof(try loss("CCSIDR2", saved: 2, kind), guest) == nil)
        #expect(
            proof(try loss("CCSIDR3", saved: 2, kind), guest)?
                .contains("0xa200023, has no such cache") == true)
        #expect(
            proof(try loss("CCSIDR4", saved: 2, kind), guest)?
                .contains("0xa200023, has no such cache") == true)
        #expect(proof(try loss("CCSIDR4", saved: 2, kind), RegisterList()) == nil)
    }

    // MARK: What a guest can only write

    @Test(arguments: kinds)
    func writtenOnly(_ kind: PolicyLoss.Kind) throws {
        #expect(
            proof(try loss("PMSWINC_EL0", saved: 3, kind), RegisterList())?.contains("only write")
                == true)
        #expect(proof(try loss("PMSELR_EL0", saved: 3, kind), RegisterList()) == nil)
    }

    // MARK: AArch32 ID registers

    @Test(arguments: [
        "ID_PFR0_EL1", "ID_MMFR3_EL1", "ID_ISAR0_EL1", "ID_MMFR4_EL1", "MVFR0_EL1", "ID_PFR2_EL1",
    ])
    func registerOfAArch32(_ name: String) throws {
        for kind in Self.kinds {
            let lost = try loss(name, saved: 0x131, kind)
            let proof = proof(lost, try guest(["ID_AA64PFR0_EL1": 0x1100_0000_1111_0111]))
            #expect(proof?.contains("ID_AA64PFR0_EL1.EL0") == true)
            #expect(
                self.proof(lost, try guest(["ID_AA64PFR0_EL1": 0x1100_0000_1111_0112])) == nil)
            #expect(self.proof(lost, RegisterList()) == nil)
        }
    }

    /// The AArch64 ID registers, from CRm 4 on, have values on every CPU.
    @Test(arguments: ["ID_AA64PFR1_EL1", "ID_AA64DFR0_EL1", "ID_AA64ISAR0_EL1", "MIDR_EL1"])
    func registerOfAArch64IsNeverUnknown(_ name: String) throws {
        let guest = try guest(["ID_AA64PFR0_EL1": 0x1100_0000_1111_0111])
        #expect(proof(try loss(name, saved: 0x20, .refused), guest) == nil)
    }

    // MARK: Event counters

    /// N is bits 15:11 of PMCR_EL0: how many event counters there are, and the first that is not.
    @Test(arguments: [(0x3000 as UInt64, 6), (0x0, 0), (0xf000, 30), (0x800, 1), (0x4000, 8)])
    func counterThatIsNotThere(_ control: UInt64, _ count: Int) throws {
        let guest = try guest(["PMCR_EL0": control | 0x410c_00ff])
        for kind in Self.kinds {
            for prefix in ["PMEVCNTR", "PMEVTYPER"] {
                for number in 0...30 {
                    let lost = try loss("\(prefix)\(number)_EL0", saved: 0x11, kind)
                    #expect(
                        (proof(lost, guest) != nil) == (number >= count), "\(prefix)\(number)")
                }
            }
        }
    }

    @Test func otherMonitorsAreAlwaysThere() throws {
        let guest = try guest(["PMCR_EL0": 0])
        for name in ["PMCCFILTR_EL0", "PMCCNTR_EL0", "PMCNTENSET_EL0", "PMCR_EL0"] {
            #expect(proof(try loss(name, saved: 0x11, .refused), guest) == nil, "\(name)")
        }
        #expect(proof(try loss("PMEVCNTR0_EL0", saved: 0x11), RegisterList()) == nil)
    }

    // MARK: Firmware bitmaps

    /// A bitmap, all its services, and the first kernel that offers them; nil where they came with the bitmap.
    private static let bitmaps: [(name: String, all: UInt64, since: String?, before: String)] = [
        ("STD_BMAP", 1, "5.12", "5.11"), ("STD_HYP_BMAP", 1, "5.5", "5.4"),
        ("VENDOR_HYP_BMAP", 3, "5.13", "5.12"), ("VENDOR_HYP_BMAP_2", 3, nil, "6.14"),
    ]

    /// What a kernel without the bitmap offers, it offers always.
    @Test(arguments: bitmaps)
    func bitmapOfServices(
        _ row: (name: String, all: UInt64, since: String?, before: String)
    ) throws {
        func proof(_ saved: UInt64, _ kernel: String?) throws -> String? {
            let version = try kernel.map { try #require(KernelVersion(parsing: $0)) }
            let lost = try loss(row.name, saved: saved)
            return self.proof(lost.onKernel(version), RegisterList())
        }
        #expect(try proof(0, row.before)?.contains("none of these services") == true)
        #expect(try proof(row.all, row.before) == nil)
        #expect(try proof(1 << 63, row.before) == nil)
        if let since = row.since {
            #expect(try proof(row.all, since)?.contains("always offers") == true)
            #expect(try proof(0, since) == nil)
            #expect(try proof(row.all | 1 << 63, since) == nil)
            #expect(try proof(row.all, "5.19") == nil && proof(0, "5.19") == nil)
        }
        // Where the kernel is not known, it is known only of services that came with their bitmap.
        #expect(try (proof(0, nil) != nil) == (row.since == nil))
        #expect(try proof(row.all, nil) == nil)
        // A destination that has the register has services, of which none was wanted.
        #expect(self.proof(try loss(row.name, saved: 0, .refused), RegisterList()) == nil)
        #expect(self.proof(try loss(row.name, saved: 0, different(1)), RegisterList()) == nil)
    }

    @Test func otherFirmwareRegistersAreNoBitmaps() throws {
        #expect(proof(try loss("PSCI_VERSION", saved: 0), RegisterList()) == nil)
        #expect(proof(try loss("SMCCC_ARCH_WORKAROUND_1", saved: 1), RegisterList()) == nil)
    }

    // MARK: Levels of mitigations

    /// A register, and its levels in ascending order of what they promise; those in one group promise the same.
    private static let levels: [(name: String, levels: [[UInt64]])] = [
        // NOT_AVAIL, AVAIL, NOT_REQUIRED.
        ("SMCCC_ARCH_WORKAROUND_1", [[0], [1], [2]]),
        ("SMCCC_ARCH_WORKAROUND_3", [[0], [1], [2]]),
        // NOT_AVAIL and UNKNOWN; AVAIL, also switched on, and NOT_REQUIRED.
        ("SMCCC_ARCH_WORKAROUND_2", [[0, 1], [2, 0x12, 3]]),
    ]

    @Test(arguments: levels)
    func levelsOfMitigations(_ row: (name: String, levels: [[UInt64]])) throws {
        let nothing = RegisterList()
        for (saved, wanted) in row.levels.enumerated() {
            for (held, offered) in row.levels.enumerated() {
                for (told, has) in wanted.flatMap({ told in offered.map { (told, $0) } }) {
                    let other = try loss(row.name, saved: told, different(told ^ has), held: has)
                    #expect((proof(other, nothing) != nil) == (held >= saved), "\(told) \(has)")
                }
            }
            for told in wanted {
                let absent = try loss(row.name, saved: told)
                #expect((proof(absent, nothing) != nil) == (saved == 0), "\(told)")
                // What KVM refuses promises more than it has.
                #expect(proof(try loss(row.name, saved: told, .refused, held: 0), nothing) == nil)
            }
        }
        // What the destination holds has to be known, and a level.
        #expect(proof(try loss(row.name, saved: 0, different(1)), nothing) == nil)
        #expect(proof(try loss(row.name, saved: 0, different(4), held: 4), nothing) == nil)
        #expect(proof(try loss(row.name, saved: 0x20, different(0x22), held: 2), nothing) == nil)
    }

    // MARK: The target of a vCPU

    /// Bits 31:0 are the target, 63:32 the features.
    @Test func targetOfTheVCPU() throws {
        let own: UInt64 = 0xc_0000_0001
        func proof(_ held: UInt64) throws -> String? {
            let lost = try loss("VCPU_INIT", saved: own, different(own ^ held), held: held)
            return self.proof(lost, RegisterList())
        }
        #expect(try proof(0xc_0000_0005)?.contains("target") == true)
        #expect(try proof(0x4_0000_0005) == nil)
        #expect(try proof(0x1c_0000_0005) == nil)
        #expect(self.proof(try loss("VCPU_INIT", saved: own, .refused, held: 5), .init()) == nil)
    }

    // MARK: EL2

    /// NV is bits 27:24, CCIDX bits 23:20 (Arm ARM, ID_AA64MMFR2_EL1); HAS_EL2 is bit 39 of VCPU_INIT.
    @Test func nestedVirtualizationOfAGuestWithoutEL2() throws {
        let (without, with) = (0xc_0000_0005 as UInt64, 0x8c_0000_0005 as UInt64)
        func proof(_ made: UInt64?, _ bits: UInt64) throws -> String? {
            let registers = try made.map { try guest(["VCPU_INIT": $0]) } ?? RegisterList()
            let lost = try loss("ID_AA64MMFR2_EL1", saved: 0x212_1011, different(bits))
            return self.proof(lost, registers)
        }
        #expect(try proof(without, 0x200_0000)?.contains("HAS_EL2") == true)
        #expect(try proof(with, 0x200_0000) == nil)
        #expect(try proof(nil, 0x200_0000) == nil)
        #expect(try proof(without, 0x210_0000) == nil)
        let refused = try loss("ID_AA64MMFR2_EL1", saved: 0x212_1011, .refused)
        #expect(self.proof(refused, try guest(["VCPU_INIT": without])) == nil)
        let other = try loss("ID_AA64MMFR1_EL1", saved: 0x212_1011, different(0x200_0000))
        #expect(self.proof(other, try guest(["VCPU_INIT": without])) == nil)
    }

    // MARK: Timers

    @Test(arguments: [
        ("CNTP_CTL_EL0", 0x0 as UInt64), ("CNTP_CTL_EL0", 0x4), ("CNTP_CVAL_EL0", 0x0),
        ("CNTV_CTL_EL0", 0x4),
    ])
    func timerInItsResetState(_ name: String, _ saved: UInt64) throws {
        let nothing = RegisterList()
        #expect(proof(try loss(name, saved: saved), nothing)?.contains("at reset") == true)
        // Of a timer that is listed the value counts.
        #expect(proof(try loss(name, saved: saved, .refused), nothing) == nil)
        #expect(proof(try loss(name, saved: saved, different(1)), nothing) == nil)
    }

    /// ENABLE is bit 0, IMASK bit 1, ISTATUS bit 2 (Arm ARM, CNTP_CTL_EL0).
    @Test(arguments: [
        ("CNTP_CTL_EL0", 0x1 as UInt64), ("CNTP_CTL_EL0", 0x2), ("CNTP_CTL_EL0", 0x5),
        ("CNTP_CVAL_EL0", 0x4),
    ])
    func timerThatTheGuestSet(_ name: String, _ saved: UInt64) throws {
        #expect(proof(try loss(name, saved: saved), RegisterList()) == nil)
    }

    /// A counter is no timer: nothing says that the destination's shows the same.
    @Test func counterIsNeverInItsResetState() throws {
        #expect(proof(try loss("CNTPCT_EL0", saved: 0), RegisterList()) == nil)
    }

    // MARK: No proof

    @Test func ordinaryStateHasNone() throws {
        let guest = try guest([
            "VCPU_INIT": 0xc_0000_0005, "ID_AA64PFR0_EL1": 0x1100_0000_1111_0112,
            "CLIDR_EL1": 0xa20_0023, "PMCR_EL0": 0x3000, "ID_AA64MMFR3_EL1": 0,
        ])
        for name in [
            "x0", "pc", "pstate", "SCTLR_EL1", "MIDR_EL1", "CLIDR_EL1", "CTR_EL0", "VCPU_INIT",
            "MP_STATE", "PSCI_VERSION",
        ] {
            for kind in Self.kinds {
                #expect(proof(try loss(name, saved: 0, kind), guest) == nil, "\(name)")
            }
        }
    }

    // MARK: Zero either way

    /// Encodings of the ID register space, named and not.
    @Test(arguments: [
        "ID_AA64ZFR0_EL1", "ID_AA64SMFR0_EL1", "ID_AA64MMFR4_EL1", "S3_0_C0_C7_7", "ID_AFR0_EL1",
        "PMMIR_EL1",
    ])
    func registerThatReadsAsZero(_ name: String) throws {
        let nothing = RegisterList()
        #expect(proof(try loss(name, saved: 0), nothing)?.contains("does not list") == true)
        #expect(proof(try loss(name, saved: 1), nothing) == nil)
        #expect(proof(try loss(name, saved: 1 << 63), nothing) == nil)
        #expect(proof(try loss(name, saved: 0, .refused), nothing) == nil)
        #expect(proof(try loss(name, saved: 0, different(1)), nothing) == nil)
    }

    /// What is no ID register is UNDEFINED where it is not listed, or the host's own.
    @Test(arguments: [
        "MIDR_EL1", "REVIDR_EL1", "CLIDR_EL1", "CTR_EL0", "x0", "TPIDR_EL1", "PMCCNTR_EL0",
    ])
    func zeroOfOtherRegistersIsAValue(_ name: String) throws {
        #expect(proof(try loss(name, saved: 0), RegisterList()) == nil)
    }
}
