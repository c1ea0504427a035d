import Registers
import Testing
import VCPUModel

@Suite("Fields: insert and extract")
struct FieldInsertTests {
    private func field(_ register: String, _ name: String) throws -> RegisterField {
        let entry = try #require(RegisterDictionary.entry(named: register), "no \(register)")
        return try #require(entry.field(named: name), "no \(register).\(name)")
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var register: String
        var field: String
        /// The value before, in hexadecimal, with this many bytes.
        var old: String
        var size: Int
        var bits: UInt64
        var new: String

        var testDescription: String { "\(register).\(field) = \(bits) in \(old)" }

        init(
            _ register: String, _ field: String, _ size: Int, _ old: String, _ bits: UInt64,
            _ new: String
        ) {
            self.register = register
            self.field = field
            self.old = old
            self.size = size
            self.bits = bits
            self.new = new
        }
    }

    @Test(arguments: [
        // 64 and 32 bits.
        Case("SCTLR_EL1", "M", 8, "0x0", 1, "0x1"),
        Case("SCTLR_EL1", "M", 8, "0xffffffffffffffff", 0, "0xfffffffffffffffe"),
        Case("SCTLR_EL1", "TIDCP", 8, "0x1", 1, "0x8000000000000001"),
        Case("SCTLR_EL1", "TCF", 8, "0x0", 2, "0x20000000000"),
        Case("SCTLR_EL1", "TCF", 8, "0xffffffffffffffff", 1, "0xfffffdffffffffff"),
        Case("FAR_EL1", "ADDR", 8, "0x1234", 0xfedc_ba98_7654_3210, "0xfedcba9876543210"),
        Case("MP_STATE", "mp_state", 4, "0x0", 5, "0x5"),
        Case("fpcr", "RMode", 4, "0xffffffff", 0, "0xff3fffff"),
        // Wider than 64 bits.
        Case("VCPU_EVENTS", "serror_esr", 16, "0x101", 0x11, "0x110000000000000101"),
        Case(
            "VCPU_EVENTS", "serror_esr", 16, "0x101", .max, "0xffffffffffffffff0000000000000101"),
        Case("VCPU_EVENTS", "serror_pending", 16, "0x80000000000000000", 1, "0x80000000000000001"),
        Case("VCPU_INIT", "HAS_EL2", 32, "0xc00000005", 1, "0x8c00000005"),
        Case("SVE_VLS", "VQ16", 64, "0x3", 1, "0x8003"),
        // Bits above the field's width are dropped.
        Case("SCTLR_EL1", "M", 8, "0x0", 0xfe, "0x0"),
        Case("SCTLR_EL1", "TCF", 8, "0x0", 0xff, "0x30000000000"),
        Case("VCPU_EVENTS", "serror_pending", 16, "0x0", 0x1ff, "0xff"),
        Case("MP_STATE", "mp_state", 4, "0x0", 0x1_0000_0005, "0x5"),
        // And those above the value's: ICB of CLIDR_EL1 is bits 32:30.
        Case("CLIDR_EL1", "ICB", 8, "0x0", 7, "0x1c0000000"),
        Case("CLIDR_EL1", "ICB", 4, "0x0", 7, "0xc0000000"),
        Case("SCTLR_EL1", "TIDCP", 4, "0x1", 1, "0x1"),
    ])
    func inserts(_ example: Case) throws {
        let field = try field(example.register, example.field)
        let old = try #require(RegisterValue(parsing: example.old, size: example.size))
        let new = field.insert(example.bits, into: old)
        #expect(new.description == example.new)
        #expect(new.size == example.size)
    }

    @Test func extractsFromBothSidesOfBit64() throws {
        let value = try #require(
            RegisterValue(parsing: "0xfedcba987654321001234567899a0f01", size: 16))
        let fields: [(name: String, bits: UInt64)] = [
            ("serror_esr", 0xfedc_ba98_7654_3210), ("serror_has_esr", 0x0f),
            ("serror_pending", 0x01), ("ext_dabt_pending", 0x9a),
        ]
        for (name, bits) in fields {
            #expect(try field("VCPU_EVENTS", name).extract(from: value) == bits, "\(name)")
        }
    }

    /// Every field of every layout takes what is inserted, and leaves the other bits alone.
    @Test func everyFieldReturnsWhatWasInserted() throws {
        var count = 0
        for entry in RegisterDictionary.all {
            let size = try #require(entry.id.size)
            for field in entry.fields + entry.variants.flatMap(\.fields) {
                for (old, bits) in [(0x00, UInt64.max), (0xff, 0), (0x5a, 0xc3a5_0f96_3c5a_f069)] {
                    let value = try #require(
                        RegisterValue(littleEndian: repeatElement(UInt8(old), count: size)))
                    let new = field.insert(bits, into: value)
                    let kept = field.width == 64 ? bits : bits & ((1 << UInt64(field.width)) - 1)
                    let back = field.insert(field.extract(from: value), into: new)
                    if field.extract(from: new) != kept || back != value {
                        Issue.record("\(entry.name).\(field.name), \(value)")
                    }
                }
                count += 1
            }
        }
        #expect(count > 1000)
    }
}

@Suite("Pending events as a value")
struct VCPUEventsTests {
    @Test(arguments: [
        (VCPUEvents(isPending: false, hasSyndrome: false, syndrome: 0), "0x0"),
        (VCPUEvents(isPending: true, hasSyndrome: false, syndrome: 0), "0x1"),
        (VCPUEvents(isPending: true, hasSyndrome: true, syndrome: 0x11), "0x110000000000000101"),
        (
            VCPUEvents(isPending: true, hasSyndrome: true, syndrome: 0x1ff_ffff),
            "0x1ffffff0000000000000101"
        ),
        (
            VCPUEvents(isPending: false, hasSyndrome: true, syndrome: .max),
            "0xffffffffffffffff0000000000000100"
        ),
    ])
    func thereAndBack(events: VCPUEvents, value: String) throws {
        #expect(events.value.description == value)
        #expect(events.value.size == 16)
        #expect(!events.hasReservedBits)
        #expect(VCPUEvents(try #require(RegisterValue(parsing: value, size: 16))) == events)
    }

    @Test func noneIsZero() {
        #expect(VCPUEvents.none.value == RegisterValue.zero(size: 16))
        #expect(VCPUEvents.syndromeMask == 0x1ff_ffff)
    }

    /// The kernel takes any byte but zero for true.
    @Test func anyByteButZeroIsTrue() throws {
        let events = VCPUEvents(try #require(RegisterValue(parsing: "0x80fe", size: 16)))
        #expect(events.isPending && events.hasSyndrome)
    }

    /// Bytes 3 to 7 are reserved; byte 2 is an external abort that KVM has injected at once.
    @Test func reservedBytes() throws {
        for byte in 0..<16 {
            var bytes = [UInt8](repeating: 0, count: 16)
            bytes[byte] = 0x80
            let events = VCPUEvents(try #require(RegisterValue(littleEndian: bytes)))
            #expect(events.hasReservedBits == (3...7).contains(byte), "byte \(byte)")
        }
    }
}
