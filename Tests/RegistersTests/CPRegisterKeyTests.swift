import Registers
import SeededRandom
import Testing

struct CPRegisterKeyTests {
    @Test(arguments: [
        // SCTLR_EL1, MIDR_EL1, CNTVCT_EL0, PSCI_VERSION, STD_BMAP.
        (0x6030_0000_0013_c080 as UInt64, 0x1013_c080 as UInt32),
        (0x6030_0000_0013_c000, 0x1013_c000), (0x6030_0000_0013_df1a, 0x1013_df1a),
        (0x6030_0000_0014_0000, 0x1014_0000), (0x6030_0000_0016_0000, 0x1016_0000),
        // SCTLR, DBGBVR3, IFAR.
        (0x4020_0000_200f_0800, 0x200f_0800), (0x4020_0000_200e_0184, 0x200e_0184),
        (0x4020_0000_200f_3002, 0x200f_3002),
        // PAR, TTBR1 and CNTV_CVAL with 64 bits.
        (0x4030_0000_200f_0380, 0x200f_8380), (0x4030_0000_200f_0108, 0x200f_8108),
        (0x4030_0000_200f_0718, 0x200f_8718),
    ])
    func keyThereAndBack(id: UInt64, key: UInt32) {
        let id = RegisterID(rawValue: id)
        #expect(CPRegisterKey(kvmID: id) == CPRegisterKey(rawValue: key))
        #expect(CPRegisterKey(rawValue: key).kvmID == id)
        #expect(id.survivesCPRegisterKey)
    }

    /// An id, the key it gets, and the other id that QEMU makes of this key.
    @Test(arguments: [
        // FCSEIDR and CONTEXTIDR of the Secure bank: their Non-secure twins.
        (0x4020_0000_000f_6800 as UInt64, 0x200f_6800 as UInt32, 0x4020_0000_200f_6800 as UInt64),
        (0x4020_0000_000f_6801, 0x200f_6801, 0x4020_0000_200f_6801),
        // TTBR0 of the Secure bank, 64 bits.
        (0x4030_0000_000f_0100, 0x200f_8100, 0x4030_0000_200f_0100),
        // CCSIDR of a 64-bit host has 32 bits, of a 32-bit host no bit 29.
        (0x6020_0000_0011_0003, 0x1011_0003, 0x6030_0000_0011_0003),
        (0x4020_0000_0011_0003, 0x2011_0003, 0x4020_0000_2011_0003),
        // FPSR is 32 bits wide, V0 is 128.
        (0x6020_0000_0010_00d4, 0x1010_00d4, 0x6030_0000_0010_00d4),
        (0x6040_0000_0010_0054, 0x1010_0054, 0x6030_0000_0010_0054),
        // MP_STATE is no id of KVM; what is not AArch64 counts as AArch32.
        (0x7620_0000_0000_0003, 0x2000_0003, 0x4020_0000_2000_0003),
    ])
    func doesNotSurvive(id: UInt64, key: UInt32, other: UInt64) {
        let id = RegisterID(rawValue: id)
        #expect(CPRegisterKey(kvmID: id).rawValue == key)
        #expect(CPRegisterKey(kvmID: id).kvmID == RegisterID(rawValue: other))
        #expect(!id.survivesCPRegisterKey)
    }

    /// Every encoding of an AArch64 system register.
    @Test func everySystemRegisterSurvives() {
        for index in UInt64(0)...0xffff {
            let id = RegisterID(rawValue: 0x6030_0000_0013_0000 | index)
            // #expect is slow in a loop of this length.
            if !id.survivesCPRegisterKey { Issue.record("\(id.hex) does not survive") }
        }
    }

    @Test func bothBanksOfACoprocessorRegisterHaveOneKey() {
        var keys: Set<CPRegisterKey> = []
        var count = 0
        for id in RegisterDictionary.all.map(\.id) {
            guard case .coprocessor = id.group else { continue }
            let (secure, nonSecure) = (id.inBank(nonSecure: false), id.inBank(nonSecure: true))
            #expect(nonSecure.survivesCPRegisterKey, "\(nonSecure)")
            #expect(!secure.survivesCPRegisterKey, "\(secure)")
            #expect(CPRegisterKey(kvmID: secure) == CPRegisterKey(kvmID: nonSecure))
            keys.insert(CPRegisterKey(kvmID: id))
            count += 1
        }
        #expect(count > 200)
        #expect(keys.count == count, "two registers have one key")
    }

    /// QEMU's own table has keys with bit 28, or with bit 29 alone.
    @Test func randomKeysReturn() {
        let seed = UInt64.random(in: 0 ... .max)
        print("randomKeysReturn: seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<20_000 {
            let bits = UInt32.random(in: 0 ... .max, using: &generator)
            for raw in [bits | 1 << 28, bits & ~(1 << 28) | 1 << 29] {
                let key = CPRegisterKey(rawValue: raw)
                if CPRegisterKey(kvmID: key.kvmID) != key {
                    Issue.record("\(String(raw, radix: 16)) became \(key.kvmID.hex)")
                }
            }
        }
    }
}
