extension String {
    /// The text as it stands in a web page, between tags or in a quoted attribute.
    ///
    /// Names come from files and from the command line, so anything can be in them: what HTML has
    /// no place for (control characters and noncharacters), and what would reorder the text around
    /// it, becomes a sign that can be seen.
    var html: String {
        guard !utf8.allSatisfy(Self.isPlain) else { return self }
        return unicodeScalars.reduce(into: "") { $0 += Self.html($1) }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "&"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\""),
            UInt8(ascii: "'"):
            false
        default: 0x20...0x7e ~= byte
        }
    }

    private static func html(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "&": "&amp;"
        case "<": "&lt;"
        case ">": "&gt;"
        case "\"": "&quot;"
        case "'": "&#39;"
        case "\u{0}"..."\u{1f}": picture(of: scalar)
        case "\u{7f}": "\u{2421}"
        case _ where scalar.properties.generalCategory == .control: replacement
        case _ where scalar.properties.isNoncharacterCodePoint: replacement
        case _ where scalar.properties.isBidiControl: replacement
        default: String(scalar)
        }
    }

    private static let replacement = "\u{fffd}"

    /// The character of Unicode's Control Pictures that stands for a control character.
    private static func picture(of control: Unicode.Scalar) -> String {
        Unicode.Scalar(0x2400 + control.value).map { String($0) } ?? replacement
    }
}
