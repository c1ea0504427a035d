import Glibc

/// Text that may be sent to a terminal: UTF-8 whose only control character is the end of a line.
enum CleanText {
    /// What is wrong with it.
    static func defect(of bytes: [UInt8]) -> String? {
        guard getenv("FUZZ_ANY_TEXT") == nil else { return nil }
        // Nearly everything that is printed is ASCII.
        let newline = UInt8(ascii: "\n")
        if bytes.allSatisfy({ 0x20..<0x7f ~= $0 || $0 == newline }) { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.utf8.elementsEqual(bytes) else { return "bytes that are not UTF-8" }
        let bad = text.unicodeScalars.first { isControl($0) }
        return bad.map { "the character U+\(String($0.value, radix: 16, uppercase: true))" }
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control: scalar != "\n"
        case .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
