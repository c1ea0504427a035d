extension [UInt8] {
    /// The big-endian number at an index.
    /// - Precondition: it is inside.
    func bigEndian<Number: FixedWidthInteger>(at index: Int, as type: Number.Type) -> Number {
        var number: Number = 0
        for byte in self[index..<index + Number.bitWidth / 8] {
            number = number << 8 | Number(truncatingIfNeeded: byte)
        }
        return number
    }
}

/// Bytes as messages show them.
enum Shown {
    /// `51 45 56 4d ("QEVM")`.
    static func bytes(_ bytes: some Collection<UInt8>) -> String {
        let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        return digits.joined(separator: " ") + " (\"\(text(bytes))\")"
    }

    /// Printable ASCII, and `.` for everything else, which might be meant for a terminal.
    static func text(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.map { 0x20..<0x7f ~= $0 ? $0 : UInt8(ascii: ".") }, as: UTF8.self)
    }
}
