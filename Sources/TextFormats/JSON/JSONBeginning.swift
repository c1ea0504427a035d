extension JSONValue {
    /// The name of the first member of an object that a text begins with, as it is written; nil where there is none.
    ///
    /// It tells kinds of JSON files from one another by their first bytes.
    package static func nameOfFirstMember(_ text: [UInt8]) -> ArraySlice<UInt8>? {
        var rest = text[...].drop(while: isSpace)
        guard rest.popFirst() == UInt8(ascii: "{") else { return nil }
        rest = rest.drop(while: isSpace)
        guard rest.popFirst() == UInt8(ascii: "\""),
            let end = rest.firstIndex(of: UInt8(ascii: "\""))
        else { return nil }
        return rest[..<end]
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        [0x20, 0x09, 0x0a, 0x0d].contains(byte)
    }
}
