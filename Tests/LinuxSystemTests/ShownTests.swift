import LinuxSystem
import Testing

@Suite("Text that somebody else wrote")
struct ShownTests {
    @Test(
        "What is not seen, or moves a terminal, is written out",
        arguments: [
            ("virt-10.0", "virt-10.0"), ("Größe 大きさ 🐧", "Größe 大きさ 🐧"), ("", ""),
            ("\u{1b}]0;x\u{7}", "\\u{1b}]0;x\\u{7}"), ("a\r\nb\t", "a\\u{d}\\u{a}b\\u{9}"),
            ("\u{7f}\u{80}\u{9b}31m", "\\u{7f}\\u{80}\\u{9b}31m"),
            ("\u{202e}\u{2066}\u{200f}", "\\u{202e}\\u{2066}\\u{200f}"),
            ("\u{2028}\u{2029}", "\\u{2028}\\u{2029}"), ("\u{200b}\u{feff}", "\\u{200b}\\u{feff}"),
            ("\u{e0041}\u{34f}\u{3164}", "\\u{e0041}\\u{34f}\\u{3164}"), ("❤️", "❤️"),
        ] as [(String, String)])
    func line(text: String, shown: String) {
        #expect(Shown.line(text) == shown)
    }

    @Test("So are characters that are none", arguments: [0xfdd0, 0xffff, 0x10_ffff] as [UInt32])
    func noncharacters(number: UInt32) throws {
        let scalar = try #require(Unicode.Scalar(number))
        #expect(Shown.line("a\(scalar)") == "a\\u{\(String(number, radix: 16))}")
    }

    @Test("Bytes of a file's name that are no characters are seen as such")
    func bytesOfNames() {
        #expect(Shown.line(FileName.string(of: [0x61, 0xff, 0x1b])) == "a\\xff\\u{1b}")
        #expect(Shown.lines(FileName.string(of: [0x80, 0x0a])) == "\\x80\n")
    }

    @Test("A text of lines keeps its line ends, and no other control character")
    func lines() {
        #expect(Shown.lines("a\nb\r\n\u{1b}[m\n") == "a\nb\\u{d}\n\\u{1b}[m\n")
        #expect(Shown.lines("plain\ntext\n") == "plain\ntext\n")
    }

    @Test("A long text is cut, and that is seen")
    func limit() {
        #expect(Shown.line("abcdef", limit: 6) == "abcdef")
        #expect(Shown.line("abcdefg", limit: 6) == "abcdef…")
        #expect(Shown.line("\n\n", limit: 1) == "\\u{a}…")
        #expect(Shown.line(String(repeating: "x", count: 5000)).count == 1001)
    }
}
