import Foundation
import Testing

@testable import Program

@Suite("Text that is printed")
struct PrintableTextTests {
    private let style = TextStyle(isColored: true)

    @Test("Literals stand as they are, and what is put into them does not")
    func interpolation() {
        let foreign = "a\n\u{1b}[0m\u{202e}"
        let shown = #"a\u{a}\u{1b}[0m\u{202e}"#
        #expect("\u{1b}[1m\n" == PrintableText(stringLiteral: "\u{1b}[1m\n"))
        #expect(("<\(foreign)>\n" as PrintableText).string == "<\(shown)>\n")
        #expect(("\(foreign as Any), \([foreign])" as PrintableText).string.contains("\n") == false)
        #expect(PrintableText(foreign).string == shown)
        #expect(PrintableText(lines: foreign).string == "a\n" + shown.dropFirst(6))
    }

    @Test("A text in a text is not escaped again, whichever way they are put together")
    func nesting() {
        let inner: PrintableText = "\(style.bold("x\("\u{1b}")"))\n"
        let bold = "\u{1b}[1mx\\u{1b}\u{1b}[0m\n"
        #expect(inner.string == bold)
        #expect(("\(inner)\(inner)" as PrintableText).string == bold + bold)
        #expect((inner + inner).string == bold + bold)
        #expect([inner, inner].joined(separator: "\t").string == bold + "\t" + bold)
        var sum = inner
        sum += inner
        #expect(sum.string == bold + bold)
    }

    @Test("What quotes our own colors gets none")
    func forgedColors() {
        let forged = style.good("complete").string
        let shown = style.bad("\(forged)").string
        #expect(shown == "\u{1b}[31m\\u{1b}[32mcomplete\\u{1b}[0m\u{1b}[0m")
        #expect(
            TextStyle(isColored: false).bad("\(forged)").string == "\\u{1b}[32mcomplete\\u{1b}[0m")
    }

    @Test("The width is that of what is shown")
    func padding() {
        let foreign = "a\u{1b}"
        #expect(PrintableText(foreign).padded(to: 9).string == "a\\u{1b}  ")
        #expect(PrintableText("ü漢").padded(to: 3).string == "ü漢 ")
        #expect(PrintableText("abcd").padded(to: 3).string == "abcd")
    }

    @Test("A quoted text has an end, and a message has more")
    func limits() {
        let long = String(repeating: "m", count: 1 << 20)
        #expect(PrintableText(long).string.utf8.count == PrintableText.longest + 3)
        #expect(("\(long)" as PrintableText).string.hasSuffix("m…"))
        let message: PrintableText = "\(CommandError(long))"
        #expect(message.string.utf8.count == StandardError.longest + 3)
        let path = String(repeating: "p", count: 4095)
        #expect(PrintableText(path).string == path)
    }
}
