/// Bytes and text that somebody else wrote, as messages show them.
///
/// A terminal obeys control characters, and people are misled by characters that are not seen or that
/// turn the direction of writing round.
package enum Shown {
    /// The default limit of `line`, in Unicode scalars.
    package static let lineLimit = 1000

    /// Text as a part of one line: what is not printable as `\u{1b}`, line ends too, bytes of a file's name that are no
    /// characters as `\xff`, and `…` for what is beyond the limit.
    package static func line(_ text: some StringProtocol, limit: Int = lineLimit) -> String {
        let bytes = text.utf8
        if bytes.count <= limit, bytes.allSatisfy({ 0x20..<0x7f ~= $0 }) { return String(text) }
        let kept = text.unicodeScalars.prefix(limit)
        let isCut = kept.endIndex != text.unicodeScalars.endIndex
        guard isCut || kept.contains(where: isChanged) else { return String(text) }
        return kept.reduce(into: "") { $0 += shown($1) } + (isCut ? "…" : "")
    }

    /// Text of several lines, which may end in `\n` only.
    package static func lines(_ text: some StringProtocol) -> String {
        guard text.unicodeScalars.contains(where: { $0 != "\n" && isChanged($0) })
        else { return String(text) }
        return text.unicodeScalars.reduce(into: "") { $0 += $1 == "\n" ? "\n" : shown($1) }
    }

    /// Whether a character has no visible form of its own.
    ///
    /// That is so for controls (C0, DEL and C1), line and paragraph separators, format characters (bidirectional marks,
    /// zero-width characters, tags), other default-ignorable characters except variation selectors, and noncharacters.
    package static func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.value >= 0x7f else { return scalar.value < 0x20 }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return true
        default: break
        }
        // Of those that change how the one before looks, as in emoji, something is seen.
        let properties = scalar.properties
        return properties.isNoncharacterCodePoint
            || properties.isDefaultIgnorableCodePoint && !properties.isVariationSelector
    }

    /// Text as it stands in a JSON string, between the quotation marks: what is not printable by its UTF-16 code units.
    package static func json(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy {
            0x20..<0x7f ~= $0 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
        }
        return isPlain ? text : text.unicodeScalars.reduce(into: "") { $0 += json($1) }
    }

    private static func json(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": "\\\""
        case "\\": "\\\\"
        case "\u{8}": "\\b"
        case "\t": "\\t"
        case "\n": "\\n"
        case "\u{c}": "\\f"
        case "\r": "\\r"
        case _ where !isUnprintable(scalar): String(scalar)
        default:
            String(scalar).utf16.map {
                "\\u" + String(0x1_0000 | UInt32($0), radix: 16).dropFirst()
            }.joined()
        }
    }

    private static func isChanged(_ scalar: Unicode.Scalar) -> Bool {
        isUnprintable(scalar) || FileName.byte(of: scalar) != nil
    }

    private static func shown(_ scalar: Unicode.Scalar) -> String {
        if let byte = FileName.byte(of: scalar) { return FileName.shown(byte) }
        return isUnprintable(scalar)
            ? "\\u{\(String(scalar.value, radix: 16))}" : String(Character(scalar))
    }

    /// `51 45 56 4d ("QEVM")`.
    package static func bytes(_ bytes: some Collection<UInt8>) -> String {
        bytes.hexadecimal + " (\"\(text(bytes))\")"
    }

    /// Printable ASCII, and `.` for everything else, which might be meant for a terminal.
    package static func text(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.map { 0x20..<0x7f ~= $0 ? $0 : UInt8(ascii: ".") }, as: UTF8.self)
    }
}
