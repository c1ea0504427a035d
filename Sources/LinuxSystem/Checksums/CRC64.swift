/// The CRC-64 of Redis and Firecracker: polynomial 0xAD93D23594C935A9 reflected, initial value and final XOR 0.
///
/// `CRC64.of` of "123456789" is 0xE9C6D914C4B8D9CA. Bytes that are followed by their checksum, little-endian, have 0.
public enum CRC64 {
    /// The checksum of bytes; 0 for none.
    public static func of(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
    }

    private static let table: [UInt64] = (0..<256).map { index in
        (0..<8).reduce(UInt64(index)) { value, _ in
            value & 1 == 1 ? value >> 1 ^ 0x95ac_9329_ac4b_c9b5 : value >> 1
        }
    }
}
