/// Bytes in the making: little-endian numbers.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ more: some Collection<UInt8>) {
        bytes.append(contentsOf: more)
    }

    mutating func append(integer value: some FixedWidthInteger & UnsignedInteger) {
        for shift in stride(from: 0, to: value.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    /// See `ByteReader.variableNumber`.
    mutating func append(variable value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// See `ByteReader.ascendingNumbers`.
    mutating func append(ascending values: some Sequence<UInt64>) {
        var previous: UInt64?
        for value in values {
            append(variable: previous.map { value - $0 - 1 } ?? value)
            previous = value
        }
    }
}
