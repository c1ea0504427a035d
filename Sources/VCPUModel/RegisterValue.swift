internal import TextFormats

/// The value of one register: 1 to 256 bytes, little-endian.
///
/// Values of up to 64 bits are kept without allocating; wider ones (FP/SIMD, SVE) as bytes.
public struct RegisterValue: Hashable, Sendable {
    private enum Storage: Hashable, Sendable {
        case narrow(UInt64, size: UInt8)
        case wide([UInt8])
    }

    private let storage: Storage

    /// A value of `size` bytes (1 to 8); bits above the size are dropped.
    public init(_ bits: UInt64, size: Int = 8) {
        precondition(1...8 ~= size, "a narrow register value has 1 to 8 bytes")
        let mask = size == 8 ? UInt64.max : (1 << UInt64(size * 8)) - 1
        storage = .narrow(bits & mask, size: UInt8(size))
    }

    /// A value from its little-endian bytes; nil unless there are 1 to 256 of them.
    public init?(littleEndian bytes: some Collection<UInt8>) {
        guard 1...256 ~= bytes.count else { return nil }
        if bytes.count <= 8 {
            let bits = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            storage = .narrow(bits, size: UInt8(bytes.count))
        } else {
            storage = .wide(Array(bytes))
        }
    }

    /// A value with every bit 0; nil unless the size is 1 to 256 bytes.
    public static func zero(size: Int) -> RegisterValue? {
        RegisterValue(littleEndian: repeatElement(0, count: size))
    }

    /// The size in bytes.
    public var size: Int {
        switch storage {
        case .narrow(_, let size): Int(size)
        case .wide(let bytes): bytes.count
        }
    }

    /// The whole value when it has at most 64 bits, else nil.
    public var bits: UInt64? {
        if case .narrow(let bits, _) = storage { return bits }
        return nil
    }

    /// The low 64 bits (fewer when the register is smaller).
    public var lowBits: UInt64 {
        switch storage {
        case .narrow(let bits, _): bits
        case .wide(let bytes): bytes[..<8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    /// The bytes, least significant first.
    public var littleEndianBytes: [UInt8] {
        switch storage {
        case .narrow(let bits, let size):
            (0..<Int(size)).map { UInt8(truncatingIfNeeded: bits >> UInt64($0 * 8)) }
        case .wide(let bytes): bytes
        }
    }

    /// Whether every bit is 0.
    public var isZero: Bool {
        switch storage {
        case .narrow(let bits, _): bits == 0
        case .wide(let bytes): bytes.allSatisfy { $0 == 0 }
        }
    }

    /// The bits in which two values of the same size differ; nil when the sizes differ.
    public func differingBits(from other: RegisterValue) -> RegisterValue? {
        guard size == other.size else { return nil }
        if let mine = bits, let theirs = other.bits {
            return RegisterValue(mine ^ theirs, size: size)
        }
        return RegisterValue(
            littleEndian: zip(littleEndianBytes, other.littleEndianBytes).map { $0 ^ $1 })
    }

    /// The value with the low 64 bits limited to `mask`; bits above 64 are kept.
    public func masked(by mask: UInt64) -> RegisterValue {
        replacingLowBits(with: lowBits & mask)
    }

    /// The value with other low 64 bits, or as many as it has; bits above 64 are kept.
    public func replacingLowBits(with bits: UInt64) -> RegisterValue {
        if self.bits != nil { return RegisterValue(bits, size: size) }
        var bytes = littleEndianBytes
        for index in 0..<8 { bytes[index] = UInt8(truncatingIfNeeded: bits >> UInt64(index * 8)) }
        return RegisterValue(littleEndian: bytes) ?? self
    }
}

extension RegisterValue: CustomStringConvertible {
    /// Hexadecimal, most significant digit first, with `0x` and without leading zeros.
    public var description: String {
        if let bits { return bits.hex }
        let bytes = littleEndianBytes.reversed().drop { $0 == 0 }
        guard let first = bytes.first else { return "0x0" }
        return bytes.dropFirst().reduce(into: first.hex) { text, byte in
            text += byte < 16 ? "0" : ""
            text += String(byte, radix: 16)
        }
    }

    /// Parses what `description` prints (and decimal) for a register of `size` bytes; nil when it
    /// is not a number or does not fit.
    ///
    /// Digits are those of ASCII; underscores may separate them, and there is no sign.
    public init?(parsing text: some StringProtocol, size: Int) {
        guard 1...256 ~= size else { return nil }
        let bytes = text.utf8.filter { $0 != UInt8(ascii: "_") }
        let isHexadecimal =
            bytes.first == UInt8(ascii: "0")
            && [UInt8(ascii: "x"), UInt8(ascii: "X")].contains(bytes.dropFirst().first)
        if isHexadecimal {
            self.init(hexadecimal: bytes.dropFirst(2), size: size)
        } else if let number = NumberText.decimal(bytes) {
            self.init(number: number, size: size)
        } else {
            return nil
        }
    }

    /// Hexadecimal digits, most significant first; nil when there are none or they do not fit.
    private init?(hexadecimal text: some BidirectionalCollection<UInt8>, size: Int) {
        let digits = text.drop { $0 == UInt8(ascii: "0") }
        guard !text.isEmpty, digits.count <= size * 2 else { return nil }
        var bytes = [UInt8](repeating: 0, count: size)
        for (index, byte) in digits.reversed().enumerated() {
            guard let digit = NumberText.digit(byte) else { return nil }
            bytes[index / 2] |= digit << UInt8(index % 2 * 4)
        }
        self.init(littleEndian: bytes)
    }

    /// A number widened to `size` bytes; nil when it does not fit.
    private init?(number: UInt64, size: Int) {
        guard size >= 8 || number >> UInt64(size * 8) == 0, let zero = Self.zero(size: size)
        else { return nil }
        self = zero.replacingLowBits(with: number)
    }
}
