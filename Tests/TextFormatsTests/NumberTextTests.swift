import Testing
import TextFormats

@Suite("Numbers as text")
struct NumberTextTests {
    @Test(
        "A number is digits of ASCII, and fits 64 bits",
        arguments: [
            ("0", 0), ("007", 7), ("18446744073709551615", .max), ("0x0", 0), ("0x1F", 0x1f),
            ("0x00000000000000000001", 1), ("0xffffffffffffffff", .max),
        ] as [(String, UInt64)])
    func number(text: String, value: UInt64) {
        #expect(NumberText.number(text) == value)
    }

    @Test(
        "Nothing else is one",
        arguments: [
            "", "x", "+1", "-1", " 1", "1_0", "18446744073709551616", "\u{661}", "1\u{301}",
            "0x", "0X1", "0x+1", "0x-1", "0x1_0", "0xg", "0x10000000000000000", "0x\u{ff11}",
        ])
    func other(text: String) {
        #expect(NumberText.number(text) == nil)
    }
}
