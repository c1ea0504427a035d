internal import LinuxSystem

extension String {
    /// The text as it stands in a web page, between tags or in a quoted attribute.
    ///
    /// Names come from files and from the command line, so anything can be in them: what HTML has
    /// no place for (control characters and noncharacters), and what would reorder the text around
    /// it, is written out as in all other text.
    var html: String {
        let text = PrintableText(self).string
        guard text.utf8.contains(where: { Self.entities[$0] != nil }) else { return text }
        return text.unicodeScalars.reduce(into: "") { html, scalar in
            html += UInt8(exactly: scalar.value).flatMap { Self.entities[$0] } ?? String(scalar)
        }
    }

    private static let entities: [UInt8: String] = [
        UInt8(ascii: "&"): "&amp;", UInt8(ascii: "<"): "&lt;", UInt8(ascii: ">"): "&gt;",
        UInt8(ascii: "\""): "&quot;", UInt8(ascii: "'"): "&#39;",
    ]
}
