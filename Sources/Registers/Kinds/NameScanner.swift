internal import TextFormats

/// Reads generic register names and numbers, in any case.
struct NameScanner: Sendable {
    private var rest: ArraySlice<UInt8>

    /// - Parameter text: of which only as much is looked at as a generic name or number can have.
    init(_ text: some StringProtocol) {
        // ASCII capitals differ from small letters in bit 5; other bytes match nothing anyway.
        rest =
            text.utf8.prefix(24).map {
                UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0
            }[...]
    }

    var isAtEnd: Bool { rest.isEmpty }

    /// `0x` and 1 to 16 hexadecimal digits.
    consuming func number() -> RegisterID? {
        guard 3...18 ~= rest.count else { return nil }
        let number = NumberText.hexadecimal(String(decoding: rest, as: UTF8.self))
        return number.map(RegisterID.init(rawValue:))
    }

    /// A prefix and a number of one or two decimal digits without leading zeros.
    mutating func part(_ prefix: StaticString) -> Int? {
        let start = rest
        let digits = skip(prefix) ? rest.prefix { (0x30...0x39).contains($0) } : []
        guard 1...2 ~= digits.count, digits.count == 1 || digits.first != 0x30 else {
            rest = start
            return nil
        }
        rest = rest.dropFirst(digits.count)
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    mutating func skip(_ text: StaticString) -> Bool {
        let matches = text.withUTF8Buffer { rest.starts(with: $0) }
        if matches { rest = rest.dropFirst(text.utf8CodeUnitCount) }
        return matches
    }
}
