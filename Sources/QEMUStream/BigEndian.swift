/// The wire's integers, which are big-endian (`qemu_put_be64`, `migration/qemu-file.c`).
enum BigEndian {
    /// The number of `count` bytes (at most 8) at an offset.
    /// - Precondition: they are inside.
    static func read(_ bytes: [UInt8], at offset: Int, _ count: Int) -> UInt64 {
        bytes[offset..<offset + count].reduce(0) { $0 << 8 | UInt64($1) }
    }

    static func read32(_ bytes: [UInt8], at offset: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: read(bytes, at: offset, 4))
    }

    /// The low `count` bytes of a number.
    static func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }

    static func write(_ value: UInt64, _ count: Int, to bytes: inout [UInt8], at offset: Int) {
        bytes.replaceSubrange(offset..<offset + count, with: Self.bytes(value, count))
    }
}
