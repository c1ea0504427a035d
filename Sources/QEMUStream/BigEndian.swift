/// Writes the wire's integers, which are big-endian (`qemu_put_be64`, `migration/qemu-file.c`).
enum BigEndian {
    /// The low `count` bytes of a number.
    static func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }

    static func write(_ value: UInt64, _ count: Int, to bytes: inout [UInt8], at offset: Int) {
        bytes.replaceSubrange(offset..<offset + count, with: Self.bytes(value, count))
    }
}
