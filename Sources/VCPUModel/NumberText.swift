internal import LinuxSystem

/// Numbers as people and files write them: ASCII digits and nothing else.
///
/// The standard library takes a sign, and counts as digits what Unicode does.
public enum NumberText {
    /// A decimal number without a sign or separators.
    ///
    /// - Returns: nil for other text, and for a number of more than 64 bits.
    public static func decimal(_ text: some Collection<UInt8>) -> UInt64? {
        guard !text.isEmpty else { return nil }
        var number: Checked<UInt64> = 0
        for byte in text {
            guard let digit = digit(byte), digit < 10 else { return nil }
            number = number * 10 + Checked(digit)
        }
        return number.value
    }

    /// The same of a string.
    public static func decimal(_ text: some StringProtocol) -> UInt64? { decimal(text.utf8) }

    /// What a hexadecimal digit, in either case, stands for; nil for another byte.
    public static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
