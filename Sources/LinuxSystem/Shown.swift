/// Bytes that somebody else wrote, as messages show them.
package enum Shown {
    /// `51 45 56 4d ("QEVM")`.
    package static func bytes(_ bytes: some Collection<UInt8>) -> String {
        bytes.hexadecimal + " (\"\(text(bytes))\")"
    }

    /// Printable ASCII, and `.` for everything else, which might be meant for a terminal.
    package static func text(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.map { 0x20..<0x7f ~= $0 ? $0 : UInt8(ascii: ".") }, as: UTF8.self)
    }
}
