import Registers
import SeededRandom
import Testing

struct NameTests {
    @Test(arguments: [
        ("SCTLR_EL1", 0x6030_0000_0013_c080 as UInt64),
        ("sctlr_el1", 0x6030_0000_0013_c080),
        ("S3_0_C1_C0_0", 0x6030_0000_0013_c080),
        ("s3_0_c1_c0_0", 0x6030_0000_0013_c080),
        ("x0", 0x6030_0000_0010_0000), ("X30", 0x6030_0000_0010_003c),
        ("lr", 0x6030_0000_0010_003c), ("sp", 0x6030_0000_0010_003e),
        ("sp_el0", 0x6030_0000_0010_003e), ("SP_EL0", 0x6030_0000_0010_003e),
        ("PC", 0x6030_0000_0010_0040), ("PSTATE", 0x6030_0000_0010_0042),
        ("ELR_EL1", 0x6030_0000_0010_0046), ("s3_0_c4_c0_1", 0x6030_0000_0013_c201),
        ("v31", 0x6040_0000_0010_00d0), ("fpsr", 0x6020_0000_0010_00d4),
        ("FPCR", 0x6020_0000_0010_00d5), ("z31", 0x6080_0000_0015_03e0),
        ("p15", 0x6050_0000_0015_05e0), ("ffr", 0x6050_0000_0015_0600),
        ("SVE_VLS", 0x6060_0000_0015_ffff), ("CCSIDR3", 0x6020_0000_0011_0003),
        ("PSCI_VERSION", 0x6030_0000_0014_0000),
        ("KVM_REG_ARM_PSCI_VERSION", 0x6030_0000_0014_0000),
        ("KVM_REG_ARM_TIMER_CNT", 0x6030_0000_0013_df1a),
        ("VCPU_INIT", 0x7650_0000_0000_0000), ("mp_state", 0x7620_0000_0000_0003),
        ("d31", 0x4030_0000_0012_001f), ("FPSCR", 0x4020_0000_0012_1001),
        ("p15_0_c1_c0_0", 0x4020_0000_000f_0800), ("P15_0_C1_C0_0_NS", 0x4020_0000_200f_0800),
        ("p15_0_c2", 0x4030_0000_000f_0100), ("p15_1_c2_ns", 0x4030_0000_200f_0108),
        ("0x603000000013c080", 0x6030_0000_0013_c080), ("0X1f", 0x1f),
        ("0xffffffffffffffff", .max),
    ])
    func parses(text: String, id: UInt64) {
        #expect(RegisterID(parsing: text) == RegisterID(rawValue: id))
    }

    @Test(arguments: [
        "", "0x", "0x12345678123456781", "0x12g4", "603000000013c080", "0x-1", "0x+1",
        "x31", "CCSIDR14", "SCTLR_EL1 ", " SCTLR_EL1", "ｘ0", "😀",
        "s4_0_c0_c0_0", "s3_8_c0_c0_0", "s3_0_c16_c0_0", "s3_0_c0_c0_8", "s3_0_c0_c0",
        "s3_0_c0_c0_0_", "s3_00_c1_c0_0", "s3_0_c1_c0_0_ns",
        "p16_0_c0_c0_0", "p15_8_c0_c0_0", "p15_16_c2", "p15_0_c1_c0", "p15_0", "p15_0_c2_",
        "p15_0_c2_nsx", "p-1_0_c2",
        String(repeating: "0", count: 100_000), "0x" + String(repeating: "0", count: 100_000),
    ])
    func refuses(text: String) {
        #expect(RegisterID(parsing: text) == nil)
    }

    @Test(arguments: [
        (0x6030_0000_0013_c080 as UInt64, "SCTLR_EL1"),
        (0x6030_0000_0013_df02, "CNTV_CVAL_EL0"),
        (0x6030_0000_0013_ffff, "S3_7_C15_C15_7"),
        (0x4020_0000_200f_0800, "SCTLR_NS"),
        (0x4030_0000_000f_0100, "TTBR0_64"),
        // Every bit the generic forms do not tell makes an id a number.
        (0x6020_0000_0013_c080, "0x602000000013c080"),
        (0x6030_0000_1013_c080, "0x603000001013c080"),
        (0x6030_0001_0013_c080, "0x603000010013c080"),
        (0x6031_0000_0013_c080, "0x603100000013c080"),
        (0x4020_0000_000f_8800, "0x40200000000f8800"),
        (0x4030_0000_000f_0800, "0x40300000000f0800"),
        (0x4040_0000_000f_0800, "0x40400000000f0800"),
        (0x6080_0000_0015_0001, "0x6080000000150001"),
        (0x6020_0000_0011_000e, "0x602000000011000e"),
        (0, "0x0000000000000000"),
    ])
    func prints(id: UInt64, name: String) {
        #expect(RegisterID(rawValue: id).name == name)
        #expect(RegisterID(rawValue: id).description == name)
    }

    @Test(arguments: [
        (RegisterID.sctlrEL1, "SCTLR_EL1"), (.idAA64MMFR1EL1, "ID_AA64MMFR1_EL1"),
        (.apiaKeyLoEL1, "APIAKEYLO_EL1"), (.cntvCVALEL0, "CNTV_CVAL_EL0"), (.spEL0, "sp_el0"),
        (.systemSPEL0, "S3_0_C4_C1_0"), (.psciVersion, "PSCI_VERSION"), (.vcpuInit, "VCPU_INIT"),
        (.spsr(4), "spsr_fiq"), (.p(16), "ffr"), (.z(31), "z31"), (.v(31), "v31"), (.x(30), "x30"),
    ])
    func constants(_ id: RegisterID, _ name: String) {
        #expect(id.name == name)
    }

    @Test func label() {
        let control = RegisterID(rawValue: 0x6030_0000_0013_c080)
        #expect(control.label == "SCTLR_EL1 (0x603000000013c080)")
        #expect(RegisterID(rawValue: 7).label == "0x0000000000000007")
    }

    @Test func kvmSwapsTwoTimerRegisters() {
        let count = RegisterID(rawValue: 0x6030_0000_0013_df1a)
        let compare = RegisterID(rawValue: 0x6030_0000_0013_df02)
        #expect(count.name == "CNTVCT_EL0" && compare.name == "CNTV_CVAL_EL0")
        // The id carries the other's encoding, the generic name the register's own.
        #expect(RegisterID(parsing: "s3_3_c14_c3_2") == compare)
        #expect(RegisterID(parsing: "s3_3_c14_c0_2") == count)
        #expect(RegisterDictionary.entry(for: count)?.isCounter == true)
        #expect(RegisterDictionary.entry(for: compare)?.isTimer == true)
    }

    @Test func everyNameAndAliasParsesBack() {
        for entry in RegisterDictionary.all {
            for name in [entry.name] + entry.aliases {
                #expect(RegisterID(parsing: name) == entry.id)
                #expect(RegisterID(parsing: name.lowercased()) == entry.id)
                #expect(RegisterID(parsing: name.uppercased()) == entry.id)
            }
            #expect(RegisterID(parsing: entry.id.hex) == entry.id)
        }
    }

    @Test func noNameNeedsQuotesInAShell() {
        for entry in RegisterDictionary.all {
            for name in [entry.name] + entry.aliases {
                #expect(name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") })
            }
        }
    }

    /// Every encoding of an AArch64 system register.
    @Test func everySystemRegisterIDRoundTrips() {
        for index in UInt64(0)...0xffff {
            expectRoundTrip(0x6030_0000_0013_0000 | index)
        }
    }

    /// Every 32-bit and 64-bit coprocessor id of p14 and p15, in both banks, malformed ones included.
    @Test func everyCoprocessorIDRoundTrips() {
        for head in [0x4020_0000_0000_0000, 0x4030_0000_0000_0000] as [UInt64] {
            for coprocessor in [0x000e_0000, 0x000f_0000, 0x200f_0000] as [UInt64] {
                for index in UInt64(0)...0xffff { expectRoundTrip(head | coprocessor | index) }
            }
        }
    }

    @Test func randomIDsRoundTrip() {
        let seed = UInt64.random(in: 0 ... .max)
        print("randomIDsRoundTrip: seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let known = RegisterDictionary.all.map(\.id.rawValue)
        for _ in 0..<20_000 {
            expectRoundTrip(generator.next())
            // One or two bits away from a known id.
            let start = known[Int.random(in: 0..<known.count, using: &generator)]
            let near = start ^ 1 << UInt64.random(in: 0..<64, using: &generator)
            expectRoundTrip(near)
            expectRoundTrip(near ^ 1 << UInt64.random(in: 0..<64, using: &generator))
        }
    }

    private func expectRoundTrip(_ bits: UInt64) {
        let id = RegisterID(rawValue: bits)
        // #expect is slow in a loop of this length.
        if RegisterID(parsing: id.name) != id {
            Issue.record("\(id.hex) prints as \(id.name), which is another register")
        }
    }

    @Test func randomTextNeverCrashes() {
        let seed = UInt64.random(in: 0 ... .max)
        print("randomTextNeverCrashes: seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let alphabet = Array("sSpPxXcCzZ0123456789_nNaAfF \0é")
        for _ in 0..<20_000 {
            let length = Int.random(in: 0..<20, using: &generator)
            let letters = (0..<length).compactMap { _ in alphabet.randomElement(using: &generator) }
            let text = String(letters)
            guard let id = RegisterID(parsing: text) else { continue }
            #expect(RegisterID(parsing: id.name) == id)
        }
    }
}
