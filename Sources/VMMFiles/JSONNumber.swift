internal import TextFormats
internal import VCPUModel

extension JSONValue {
    /// A whole number from 0 to 2^64-1, exactly; nil for anything else.
    var unsigned: UInt64? {
        guard case .number(let digits) = content else { return nil }
        return NumberText.decimal(digits)
    }

    /// The elements of an array of bytes; nil for anything else.
    var byteList: [UInt8]? {
        guard let array else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(array.count)
        for element in array {
            guard let byte = element.unsigned.flatMap({ UInt8(exactly: $0) }) else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    /// A whole number of any width as the value of a register; nil for anything else, and for one that does not fit.
    func registerValue(size: Int) -> RegisterValue? {
        guard case .number(let digits) = content else { return nil }
        return RegisterValue(decimalDigits: digits, size: size)
    }
}

extension RegisterValue {
    /// A decimal number without a sign; nil for another text, and for a number that does not fit.
    fileprivate init?(decimalDigits text: String, size: Int) {
        guard 1...RegisterValue.maximumDecimalSize ~= size, !text.isEmpty else { return nil }
        var bytes = [UInt8](repeating: 0, count: size)
        for character in text.utf8 {
            guard let digit = NumberText.digit(character), digit < 10 else { return nil }
            var carry = UInt16(digit)
            for index in bytes.indices {
                carry += UInt16(bytes[index]) * 10
                bytes[index] = UInt8(truncatingIfNeeded: carry)
                carry >>= 8
            }
            guard carry == 0 else { return nil }
        }
        self.init(littleEndian: bytes)
    }

    /// Of V0 to V31; wider registers are lists of bytes in every file.
    private static let maximumDecimalSize = 16
}
