internal import LinuxSystem

/// Reads little-endian numbers from front to back, and nothing beyond an end.
struct ByteCursor {
    let bytes: [UInt8]
    private(set) var position: Int
    private let end: Int

    /// From the first byte on.
    init(_ bytes: [UInt8]) { self.init(bytes, 0..<bytes.count) }

    private init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    var isAtEnd: Bool { position == end }

    /// The next `count` bytes, which are passed.
    /// - Throws: where they are not all there.
    mutating func range(_ count: Int, _ what: String) throws(VMMFileError) -> Range<Int> {
        guard let range = Range(at: position, count: count, inside: 0..<end) else {
            throw .cutOff(at: end, missing: "\(what) has \(count) bytes from byte \(position) on")
        }
        position = range.upperBound
        return range
    }

    /// - Throws: where its bytes are not all there.
    mutating func number<Number: FixedWidthInteger>(
        _ what: String, as type: Number.Type = Number.self
    ) throws(VMMFileError) -> Number {
        let range = try range(Number.bitWidth / 8, what)
        return bytes[range].reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    /// A part that begins with its length, 32 bits.
    /// - Throws: where it is not all there.
    mutating func part(_ what: String) throws(VMMFileError) -> ByteCursor {
        let length: UInt32 = try number("the length of \(what)")
        return ByteCursor(bytes, try range(Int(length), what))
    }

    /// How many entries follow, 32 bits.
    /// - Parameter size: of each, in bytes.
    /// - Throws: where there are not so many.
    mutating func count(ofEntriesOf size: Int, _ what: String) throws(VMMFileError) -> Int {
        let place = position
        let count: UInt32 = try number("the number of \(what)")
        let left = (end - position) / size
        guard let result = Int(exactly: count), result <= left else {
            throw .damaged(
                what, at: place, expected: "at most \(left), for which there is room",
                found: "\(count)")
        }
        return result
    }
}
