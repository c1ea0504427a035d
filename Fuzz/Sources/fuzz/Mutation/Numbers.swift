/// One after the other.
func bytes(_ parts: [UInt8]...) -> [UInt8] { parts.flatMap(\.self) }

/// Big-endian numbers of the same width.
func bigEndian(_ values: [UInt64], _ width: Int) -> [UInt8] {
    values.flatMap { [UInt8].big($0, width) }
}

/// Numbers in bytes.
extension [UInt8] {
    /// Little-endian; 0 beyond the end.
    func little(_ width: Int, at offset: Int) -> UInt64 {
        (0..<width).reversed().reduce(0) { $0 << 8 | UInt64(byte(at: offset + $1)) }
    }

    func big(_ width: Int, at offset: Int) -> UInt64 {
        (0..<width).reduce(0) { $0 << 8 | UInt64(byte(at: offset + $1)) }
    }

    private func byte(at offset: Int) -> UInt8 { indices.contains(offset) ? self[offset] : 0 }

    mutating func setLittle(_ value: UInt64, _ width: Int, at offset: Int) {
        for index in 0..<width where indices.contains(offset + index) {
            self[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
        }
    }

    mutating func setBig(_ value: UInt64, _ width: Int, at offset: Int) {
        for index in 0..<width where indices.contains(offset + index) {
            self[offset + index] = UInt8(
                truncatingIfNeeded: value >> UInt64(8 * (width - 1 - index)))
        }
    }

    static func little(_ value: UInt64, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    static func big(_ value: UInt64, _ width: Int) -> [UInt8] { little(value, width).reversed() }
}
