/// Numbers as people and files write them: ASCII digits and nothing else.
///
/// The standard library takes a sign.
package enum NumberText {
    /// A decimal number without a sign or separators.
    ///
    /// - Returns: nil for other text, and for a number of more than 64 bits.
    package static func decimal(_ text: some Collection<UInt8>) -> UInt64? {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard text.allSatisfy({ digits ~= $0 }) else { return nil }
        return UInt64(String(decoding: text, as: UTF8.self))
    }

    /// The same of a string.
    package static func decimal(_ text: some StringProtocol) -> UInt64? { decimal(text.utf8) }

    /// A number with `0x`, of at most 64 bits, without separators.
    package static func hexadecimal(_ text: some StringProtocol) -> UInt64? {
        let digits = text.utf8.dropFirst(2)
        guard text.utf8.starts(with: "0x".utf8), digits.allSatisfy({ digit($0) != nil }) else {
            return nil
        }
        return UInt64(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    /// A number of at most 64 bits: hexadecimal with `0x`, or decimal without a sign.
    package static func number(_ text: some StringProtocol) -> UInt64? {
        decimal(text) ?? hexadecimal(text)
    }

    /// What a hexadecimal digit, in either case, stands for; nil for another byte.
    package static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension Character {
    /// `0` to `9`, and no other script's digit.
    package var isDigit: Bool { isASCII && isWholeNumber }
    /// The same, or a letter to `F` in either case.
    package var isHexadecimalDigit: Bool { isASCII && isHexDigit }
}

extension BinaryInteger {
    /// The number in hexadecimal, as messages have it: `0x1f`.
    package var hex: String { "0x" + String(self, radix: 16) }
}
