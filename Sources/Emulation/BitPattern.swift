public import VCPUModel

/// Bits to set, bits to clear and bits to leave alone, as Firecracker writes them: `0b01xx`.
public struct BitPattern: Hashable, Sendable {
    /// Digits at most: the bits of the widest register that a pattern can be for.
    public static let maximumDigits = 128

    /// The bits that it decides, and what it makes of them: 16 bytes each, the least significant first.
    private var mask = [UInt8](repeating: 0, count: maximumDigits / 8)
    private var bits = [UInt8](repeating: 0, count: maximumDigits / 8)

    /// Decides the low 64 bits that are in a mask.
    public init(_ bits: UInt64, in mask: UInt64) {
        self.mask.replaceSubrange(..<8, with: RegisterValue(mask).littleEndianBytes)
        self.bits.replaceSubrange(..<8, with: RegisterValue(bits & mask).littleEndianBytes)
    }

    /// Decides every bit of a register.
    /// - Returns: nil for a value that is too wide for a pattern.
    public init?(all value: RegisterValue) {
        guard value.size <= mask.count else { return nil }
        mask.replaceSubrange(..<value.size, with: repeatElement(0xff, count: value.size))
        bits.replaceSubrange(..<value.size, with: value.littleEndianBytes)
    }

    /// From `0b01xx`, the least significant digit last; `0b` can be left out, and `_` separates digits.
    /// - Returns: nil for another character, for no digit, and for more than `digits`.
    public init?(parsing text: String, digits most: Int = maximumDigits) {
        let digits = Array(
            (text.hasPrefix("0b") ? text.dropFirst(2) : text[...]).utf8
                .filter { $0 != UInt8(ascii: "_") })
        guard 1...min(most, Self.maximumDigits) ~= digits.count else { return nil }
        for (place, digit) in digits.reversed().enumerated() {
            let bit: UInt8 = 1 << UInt8(place % 8)
            switch digit {
            case UInt8(ascii: "1"): bits[place / 8] |= bit
            case UInt8(ascii: "0"), UInt8(ascii: "x"): break
            default: return nil
            }
            if digit != UInt8(ascii: "x") { mask[place / 8] |= bit }
        }
    }

    /// The low 32 bits that it sets, and those that it clears.
    public var lowWord: (set: UInt32, cleared: UInt32) {
        let (mask, bits) = (Self.lowWord(of: mask), Self.lowWord(of: bits))
        return (bits, mask & ~bits)
    }

    private static func lowWord(of bytes: [UInt8]) -> UInt32 {
        bytes[..<4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Whether it leaves all bits alone.
    public var isEmpty: Bool { mask.allSatisfy { $0 == 0 } }

    /// Whether it decides every bit of a register of so many bytes.
    public func decidesAll(ofSize size: Int) -> Bool {
        size <= mask.count && mask[..<size].allSatisfy { $0 == 0xff }
    }

    /// Whether it sets or decides bits beyond a register of so many bytes.
    func exceeds(size: Int) -> (set: Bool, decided: Bool) {
        (bits.dropFirst(size).contains { $0 != 0 }, mask.dropFirst(size).contains { $0 != 0 })
    }

    /// What it makes of a value of at most 16 bytes; a wider one stays.
    public func applied(to value: RegisterValue) -> RegisterValue {
        let changed = zip(value.littleEndianBytes, zip(mask, bits)).map { $0 & ~$1.0 | $1.1 }
        return RegisterValue(littleEndian: changed).flatMap { $0.size == value.size ? $0 : nil }
            ?? value
    }
}

extension BitPattern: CustomStringConvertible {
    /// `0b01xx`, from the highest bit that it decides.
    public var description: String {
        let digits = (0..<Self.maximumDigits).reversed().map { place in
            let bit: UInt8 = 1 << UInt8(place % 8)
            return mask[place / 8] & bit == 0 ? "x" : bits[place / 8] & bit == 0 ? "0" : "1"
        }
        let decided = digits.drop { $0 == "x" }
        return "0b" + (decided.isEmpty ? "x" : decided.joined())
    }
}
