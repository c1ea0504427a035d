import Registers
import Testing
import VCPUModel

@Suite("Values in plain words")
struct DecodedFieldTests {
    private func fields(_ id: RegisterID, _ value: UInt64) throws -> [DecodedField] {
        let entry = try #require(RegisterDictionary.entry(for: id))
        return DecodedField.all(of: RegisterValue(value), in: entry)
    }

    /// Arm ARM, "ESR_EL1, Exception Syndrome Register (EL1)".
    @Test(
        arguments: [
            (
                0x9600_0010,
                "Data Abort, same Exception level: synchronous External abort, not on a table walk; read"
            ),
            (
                0x9200_0046,
                "Data Abort from a lower Exception level: translation fault, level 2; write"
            ),
            (0x8600_000f, "Instruction Abort, same Exception level: permission fault, level 3"),
            (0xf200_0800, "BRK instruction in AArch64: 0x800"),
            (0x5600_0000, "SVC instruction in AArch64"),
            (0x0480_0001, "trapped WFI or WFE (WFx): WFE"),
            (0x7200_0003, "pointer authentication failure: B key; data key"),
            (0x6232_c041, "trapped MSR, MRS or system instruction in AArch64: read (MRS); CTR_EL0"),
            (0xbe00_0011, "SError exception: asynchronous SError; uncontainable (UC)"),
            (0xbf00_0011, "SError exception"),
            (0x9600_0147, "Data Abort, same Exception level: translation fault, level 3"),
            (0, "unknown reason"),
        ] as [(UInt64, String)])
    func syndrome(_ value: UInt64, _ sentence: String) throws {
        #expect(try fields(.esrEL1, value).sentence == sentence)
        #expect(try fields(.esrEL2, value).sentence == sentence)
    }

    /// Bits 23:14 of a Data Abort's syndrome say nothing where ISV is 0.
    @Test func partsThatSayNothing() throws {
        func notable(_ value: UInt64) throws -> [String] {
            try fields(.esrEL1, value).flatMap(\.parts).filter(\.isNotable).map(\.field.name)
        }
        let plain = try notable(0x9640_0010)
        #expect(!plain.contains("SAS") && plain.contains("WnR"))
        let valid = try notable(0x9700_0010)
        #expect(valid.contains("SAS") && valid.contains("ISV"))
    }

    /// Which layout PAR_EL1 has is told by its lowest bit, that of pstate by bit 4.
    @Test func layoutsOfTheValue() throws {
        #expect(try fields(.parEL1, 0x80f).contains { $0.field.name == "FST" })
        #expect(try fields(.parEL1, 0xff00_0000_0012_3f80).contains { $0.field.name == "ATTR" })
        #expect(try fields(.pstate, 0x3c5).sentence == "EL1, SP_EL1")
        let aarch32 = try fields(.pstate, 0x1d3)
        #expect(aarch32.contains { $0.field.name == "T" })
        #expect(aarch32.sentence == "AArch32 Supervisor")
    }

    /// Arm ARM, "DFSR", "IFSR", "TTBCR" and "PAR" of AArch32: the register itself tells which of its formats it has.
    @Test(
        arguments: [
            ("DFSR", 0x805, "write: translation fault, level 1"),
            ("DFSR", 0x406, "read: asynchronous SError"),
            ("DFSR", 0xa06, "write: translation fault, level 2"),
            ("DFSR", 0x221, "read: alignment fault"),
            ("IFSR", 0xd, "permission fault, level 1"),
            ("IFSR", 0x402, "0x2"),
            ("IFSR", 0x20f, "permission fault, level 3"),
            ("IFSR32_EL2", 0x7, "translation fault, level 2"),
            ("IFSR32_EL2", 0x207, "translation fault, level 3"),
            ("TTBCR", 0x2, "Short-descriptor format"),
            ("TTBCR", 0x8000_0000, "Long-descriptor format"),
            ("PAR", 0x1234_5000, "translation succeeded"),
            ("PAR", 0xb, "translation fault, level 1"),
            ("PAR", 0x80b, "translation fault, level 1"),
            ("PAR_64", 0xff00_0012_3456_7a80, "translation succeeded"),
            ("PAR_64", 0x80b, "translation fault, level 1"),
            ("PAR_64", 0xf, "translation fault, level 2"),
        ] as [(String, UInt64, String)])
    func ofAnAArch32Guest(_ name: String, _ value: UInt64, _ sentence: String) throws {
        let id = try #require(RegisterID(parsing: name))
        #expect(try fields(id, value).sentence == sentence)
    }

    @Test func numbersAndNames() throws {
        let tcr = try fields(.tcrEL1, 0x20_b510_3510)
        #expect(tcr.first { $0.field.name == "T0SZ" }?.words == "48 bits")
        let midr = try fields(.midrEL1, 0x413f_d0c1)
        #expect(midr.first { $0.field.name == "PartNum" }?.words == "NEOVERSE_N1")
        #expect(try fields(.mpidrEL1, 0x8000_0103).first { $0.field.name == "Aff0" }?.words == "3")
    }

    /// Whatever the value is, every part is a field within the one that it is a part of, and no two of them overlap.
    @Test func partsAreWithinTheirField() throws {
        for entry in RegisterDictionary.all where entry.id.size == 8 {
            for shift in 0..<64 {
                let value = RegisterValue(~0 >> UInt64(shift))
                for decoded in DecodedField.all(of: value, in: entry) {
                    var top = decoded.field.width
                    for part in decoded.parts {
                        #expect(part.field.msb < top && part.field.lsb <= part.field.msb)
                        top = part.field.lsb
                    }
                }
            }
        }
    }
}
