import Emulation
import Registers
import SeededRandom
import TestSubjects
import Testing
import TextFormats
import VCPUModel

struct MalformedProfileTests {
    /// A line that is wrong, put after the five first ones of a profile.
    struct Case: CustomTestStringConvertible {
        var line: String
        var column: Int?
        /// Part of the message.
        var says: String

        var testDescription: String { line }

        init(_ line: String, _ column: Int?, _ says: String) {
            self.line = line
            self.column = column
            self.says = says
        }
    }

    @Test(arguments: [
        Case("color blue", 1, "unknown directive \"color\"; a newer program may know it"),
        Case(
            "regsiter ID_AA64PFR0_EL1", 1, "unknown directive \"regsiter\"; did you mean register?"),
        Case("writeable-mask CTR_EL0 0", 1, "did you mean writable-mask?"),
        Case("set el2", 5, "expected a vCPU feature such as SVE"),
        Case("name other", 1, "name stands a second time, it is already on line 2"),
        Case("kernel 6.1", 1, "kernel stands a second time, it is already on line 3"),
        Case("midr", nil, "expected a hexadecimal number, found the end of the line"),
        Case("midr 12", 6, "expected a hexadecimal number of at most 64 bits, found \"12\""),
        Case("midr 0x", 6, "found \"0x\""),
        Case("midr 0x11111111111111111", 6, "at most 64 bits"),
        Case("midr 0x1 0x2", 10, "expected the end of the line, found \"0x2\""),
        Case("counter-frequency 0", 19, "expected a frequency in Hz, found \"0\""),
        Case("counter-frequency 1e6", 19, "expected a frequency in Hz, found \"1e6\""),
        Case("counter-frequency 062", 19, "expected a frequency in Hz, found \"062\""),
        Case("capability", nil, "expected a capability's name"),
        Case("capability KVM_CAP_ARM_SVE", nil, "expected a decimal number"),
        Case("capability KVM_CAP_ARM_SVE 2147483648", 28, "expected a decimal number"),
        Case("feature SVX", 9, "expected a vCPU feature such as SVE, found \"SVX\""),
        Case("feature PMU_V3", 9, "feature PMU_V3 stands a second time"),
        Case("rules-of custom", nil, "expected a kernel release such as 6.12"),
        Case("feature bit-3", 9, "found \"bit-3\""),
        Case("writable-mask x 0x1", 15, "expected a 64-bit register, found \"x\""),
        Case("writable-mask fpsr 0x1", 15, "expected a 64-bit register, found \"fpsr\""),
        Case("hardware ID_AA64PFR0_EL1 1", 26, "expected a hexadecimal number"),
        Case("register", nil, "expected a register's name"),
        Case("register x0", nil, "expected a register id"),
        Case("register x0 6030000000100000 0x0", 13, "expected a register id"),
        Case("register x0 0x6030000000100000", nil, "expected a value"),
        Case("register x0 0x6030000000100002 0x0", 13, "the id of x0 is 0x6030000000100000"),
        Case("register y 0x60f0000000100002 0x0", 12, "gives a size KVM does not define"),
        Case("register x0 0x6030000000100000 5", 32, "expected a hexadecimal value"),
        Case("register x0 0x6030000000100000 0x1ffffffffffffffff", 32, "of at most 8 bytes for x0"),
        Case("register x0 0x6030000000100000 0x0 fast", 36, "expected class="),
        Case("register x0 0x6030000000100000 0x0 class=constrained", 36, "expected class="),
        Case("register x0 0x6030000000100000 0x0 class=sanitised", nil, "expected mask="),
        Case("register x0 0x6030000000100000 0x0 class=raz mask=0x1", 46, "the end of the line"),
        Case("register x0 0x6030000000100000 0x0 class=sanitised mask=1", 52, "expected mask="),
        Case("register VCPU_INIT 0x7650000000000000 0x0", nil, "stands a second time"),
        Case("writable-mask SCTLR_EL1 0x1", 15, "expected an ID register"),
        Case("hardware SCTLR_EL1 0x1", 10, "expected an ID register"),
        Case("register fpsr 0x60200000001000d4 0x0 class=sanitised mask=0x100000000", 54, "mask="),
        Case(
            "register x0 0x6030000000100000 0x1 class=raz", 36, "class raz reads as zero, x0 is 0x1"
        ),
        Case("register S 0x7630000000000009 0x0", 12, "not a state that this program knows"),
        Case("register MP_STATE 0x7620000000000003 0x0 class=raz", 42, "has no class"),
        Case("register MP_STATE 0x7620000000000003 0x5", nil, "expected 0x0 as MP_STATE"),
        Case("counter-frequency \u{ff11}", 19, "expected printable ASCII"),
        Case("tab\there", 1, "unknown directive \"tab\""),
        Case("bell\u{7}", 5, "expected printable ASCII, found byte 0x7"),
        Case("name caf\u{e9}", 9, "expected printable ASCII, found byte 0xc3"),
        Case("return\r", 1, "unknown directive \"return\""),
        Case("re\rturn", 3, "found byte 0xd"),
    ])
    func lineIsRefused(_ wrong: Case) throws {
        let text = profileText([wrong.line])
        let error = try failure(DirectiveError.self) {
            _ = try HostProfile(parsing: text, file: "bad.vhost")
        }
        #expect(error.message.contains(wrong.says), "\(error)")
        // The second VCPU_INIT is the one of the fixture.
        #expect(error.line == (wrong.line.contains("VCPU_INIT") ? 7 : 6))
        if !wrong.line.contains("VCPU_INIT") { #expect(error.column == wrong.column) }
        #expect(error.description.hasPrefix("bad.vhost:\(error.line):"))
    }

    @Test(arguments: [
        ("", "expected \"vhost 1\", found an empty line"),
        ("# comment\nvhost 1", "expected \"vhost 1\", found other text"),
        ("vhost 2\n", "found another version of the format"),
        ("vhost 1 0\n", "found another version of the format"),
        ("vhost 1\n", "\"name\" is missing"),
        ("vhost 1\nname a\n", "\"kernel\" is missing"),
        ("vhost 1\nname a\nkernel 6.1\n", "VCPU_INIT is missing"),
        (
            "vhost 1\nname a\nkernel 6.1\nregister VCPU_INIT 0x7650000000000000 0x800000005\n",
            "VCPU_INIT has features the host is not said to have: PMU_V3"
        ),
        (
            "vhost 1\nname a\nkernel 6.1\nfeature SVE\n"
                + "register VCPU_INIT 0x7650000000000000 0x1000000005\n",
            "SVE_VLS is missing"
        ),
    ])
    func wholeIsRefused(_ text: String, _ says: String) throws {
        let error = try failure(DirectiveError.self) {
            _ = try HostProfile(parsing: text, file: "bad.vhost")
        }
        #expect(error.message.contains(says), "\(error)")
    }

    @Test func limits() throws {
        func fails(_ text: String, _ says: String) throws {
            let error = try failure(DirectiveError.self) {
                _ = try HostProfile(parsing: text, file: "big.vhost")
            }
            #expect(error.message.contains(says), "\(error)")
        }
        let long = String(repeating: "x", count: HostProfile.Limit.line - 2)
        _ = try HostProfile(parsing: profileText(["x-" + long]), file: "fits")
        try fails(profileText(["x-y" + long]), "a line has at most 1024 bytes, found 1025")
        let name = String(repeating: "n", count: HostProfile.Limit.word + 1)
        try fails("vhost 1\nname \(name)\n", "at most 128 bytes")
        try fails(
            String(repeating: "\n", count: HostProfile.Limit.size + 1), "at most 1048576 bytes")
        let registers = (0...HostProfile.Limit.registers).map { index in
            "register \(RegisterID(rawValue: 0x6030_0000_0013_0000 + UInt64(index)).hex) "
                + "\(RegisterID(rawValue: 0x6030_0000_0013_0000 + UInt64(index)).hex) 0x0"
        }
        try fails(profileText(registers), "a profile has at most 4096 registers")
    }

    @Test func damagedProfilesNeverCrash() throws {
        let seed = UInt64.random(in: .min ... .max)
        print("seed of damagedProfilesNeverCrash: \(seed)")
        var generator = SeededGenerator(seed: seed)
        let whole = Array(try builtIn("6.1-neoverse-v1").text.utf8)
        for _ in 0..<40 {
            var text = whole
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let start = Int.random(in: 0..<text.count, using: &generator)
                let end = min(text.count, start + Int.random(in: 0...30, using: &generator))
                let count = Int.random(in: 0...30, using: &generator)
                let bytes = (0..<count).map { _ in UInt8.random(in: 0x20...0x7e, using: &generator)
                }
                text.replaceSubrange(start..<end, with: bytes)
            }
            guard let profile = try? HostProfile(parsing: text, file: "damaged") else { continue }
            #expect(try HostProfile(parsing: profile.text, file: "again") == profile)
        }
    }
}
