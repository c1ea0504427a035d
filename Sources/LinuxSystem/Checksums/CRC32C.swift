/// CRC-32C (Castagnoli): polynomial 0x1EDC6F41 reflected, initial value and final XOR all ones.
///
/// RFC 3720, appendix B.4 has test vectors; `CRC32C` of "123456789" is 0xE3069283.
public struct CRC32C {
    private var state: UInt32 = .max

    /// The checksum of no bytes yet.
    public init() {}

    /// The checksum of all bytes so far; 0 for none.
    public var value: UInt32 { ~state }

    /// Adds bytes behind those so far.
    public mutating func update(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            state = Self.table[Int(UInt8(truncatingIfNeeded: state) ^ byte)] ^ state >> 8
        }
    }

    /// The checksum of the parts as if they were one sequence of bytes.
    public static func of(_ parts: [UInt8]...) -> UInt32 {
        var crc = CRC32C()
        for part in parts { crc.update(part) }
        return crc.value
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in
            value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1
        }
    }
}
