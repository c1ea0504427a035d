internal import Registers
internal import VCPUModel

/// How one value is written: one byte, and the bytes of the value that are not implied by it.
///
/// Values are written register after register; `earlier` values are those of the same register on
/// the vCPUs before.
enum ValueCode {
    /// The value of the nearest earlier vCPU.
    static let same: UInt8 = 255
    /// As far from the nearest earlier value as that is from the one before it.
    static let step: UInt8 = 254
    /// The most units of a value; a code up to this is the number of units that follow.
    static let maximumUnits = 128

    /// The bytes a unit has: 1, but 2 in a 256-byte register so that 128 units are enough.
    static func unit(size: Int) -> Int {
        max(1, size / maximumUnits)
    }

    /// The two nearest values of one register.
    struct Earlier {
        private var last: RegisterValue?
        private var beforeLast: RegisterValue?

        mutating func append(_ value: RegisterValue) {
            (beforeLast, last) = (last, value)
        }

        var same: RegisterValue? { last }

        var step: RegisterValue? {
            guard let last, let bits = last.bits, let earlierBits = beforeLast?.bits
            else { return nil }
            return RegisterValue(bits &+ (bits &- earlierBits), size: last.size)
        }
    }

    /// The code for a value, and the bytes to write.
    static func encode(
        _ value: RegisterValue, after earlier: Earlier
    ) -> (code: UInt8, bytes: ArraySlice<UInt8>) {
        if value == earlier.same { return (same, []) }
        if value == earlier.step { return (step, []) }
        let bytes = value.littleEndianBytes
        let significant = bytes.count - bytes.reversed().prefix { $0 == 0 }.count
        let unit = unit(size: bytes.count)
        let units = (significant + unit - 1) / unit
        return (UInt8(units), bytes[..<(units * unit)])
    }

    /// The value of a register, of `size` bytes, from its code and the bytes at `reader`.
    static func decode(
        _ code: UInt8, size: Int, after earlier: Earlier, _ reader: inout ByteReader
    ) throws(SnapshotFormatError) -> RegisterValue {
        switch code {
        case same:
            guard let value = earlier.same else {
                throw reader.malformed("code 255 (same) without an earlier value")
            }
            return value
        case step:
            guard let value = earlier.step else {
                throw reader.malformed(
                    "code 254 (step) without two earlier values of at most 8 bytes")
            }
            return value
        default:
            return try explicit(Int(code) * unit(size: size), size: size, &reader)
        }
    }

    private static func explicit(
        _ count: Int, size: Int, _ reader: inout ByteReader
    ) throws(SnapshotFormatError) -> RegisterValue {
        guard count <= size else {
            throw reader.malformed("a value of \(count) bytes in a register of \(size)")
        }
        let bytes = try reader.take(count, "a register value")
        guard
            let value = RegisterValue(
                littleEndian: Array(bytes) + repeatElement(0, count: size - count))
        else { throw reader.malformed("a register of \(size) bytes") }
        return value
    }
}
