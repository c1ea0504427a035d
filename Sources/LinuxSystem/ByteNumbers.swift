extension [UInt8] {
    /// The big-endian number at an index.
    /// - Precondition: it is inside.
    package func bigEndian<Number: FixedWidthInteger>(
        at index: Int, as type: Number.Type
    ) -> Number {
        Number(truncatingIfNeeded: bigEndian(at: index, count: Number.bitWidth / 8))
    }

    /// The big-endian number of `count` bytes (at most 8) at an index.
    /// - Precondition: they are inside.
    package func bigEndian(at index: Int, count: Int) -> UInt64 {
        self[index..<index + count].reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// Makes big-endian integers, as undo files and the formats of QEMU have them.
package enum BigEndian {
    /// The low `count` bytes of a number.
    package static func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }
}

extension Sequence<UInt8> {
    /// Each byte by two digits, as messages show what a file begins with: `51 45 56 4d`.
    package var hexadecimal: String {
        map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }
}
