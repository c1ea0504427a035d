/// Writes big-endian integers, as undo files and the formats of QEMU have them.
package enum BigEndian {
    /// The low `count` bytes of a number.
    package static func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }

    package static func write(
        _ value: UInt64, _ count: Int, to bytes: inout [UInt8], at offset: Int
    ) {
        bytes.replaceSubrange(offset..<offset + count, with: Self.bytes(value, count))
    }
}
