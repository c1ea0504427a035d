/// CRC-32C (Castagnoli): polynomial 0x1EDC6F41 reflected, initial value and final XOR all ones.
///
/// RFC 3720, appendix B.4 has test vectors; `CRC32C` of "123456789" is 0xE3069283.
public enum CRC32C {
    /// The checksum of the parts as if they were one sequence of bytes; 0 for none.
    public static func of(_ parts: [UInt8]...) -> UInt32 {
        var state = UInt32.max
        for part in parts {
            for byte in part {
                state = table[Int(UInt8(truncatingIfNeeded: state) ^ byte)] ^ state >> 8
            }
        }
        return ~state
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in
            value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1
        }
    }
}
