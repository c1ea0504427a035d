internal import LinuxSystem

/// Takes little-endian numbers from the bytes of a file, one after the other, and never beyond an end.
///
/// `part` is what messages call that which is being read.
struct ByteCursor {
    let bytes: [UInt8]
    /// The place of the next byte.
    private(set) var position: Int
    /// No byte from here on is taken.
    let end: Int
    var part: String

    /// - Parameter range: inside the bytes; from its first byte on they are taken.
    init(_ bytes: [UInt8], in range: Range<Int>, part: String) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
        self.part = part
    }

    /// How many bytes are left.
    var left: Int { end - position }

    /// The place of the next `count` bytes, which are taken.
    mutating func take(_ count: Int) throws(VMMFileError) -> Range<Int> {
        guard let range = Range(at: position, count: count, inside: 0..<end) else {
            throw .cutOff(
                at: end,
                missing: "\(part): expected \(count) bytes from byte \(position) on, found \(left)")
        }
        position = range.upperBound
        return range
    }

    /// The next number of 1 to 8 bytes.
    mutating func number(_ width: Int) throws(VMMFileError) -> UInt64 {
        bytes.littleEndian(in: try take(width))
    }

    /// A number of elements of at least `size` bytes each, as many as there can be.
    /// - Parameter count: as the file says it.
    func checked(_ count: UInt64, of size: Int) throws(VMMFileError) -> Int {
        guard let number = Int(exactly: count),
            let needed = (Checked(number) * Checked(size)).value,
            needed <= left
        else {
            throw damaged("a number of elements that fit into \(left) bytes", "\(count)")
        }
        return number
    }

    /// That something else is found at the next byte.
    func damaged(_ expected: String, _ found: String) -> VMMFileError {
        .damaged(part, at: position, expected: expected, found: found)
    }
}

extension [UInt8] {
    /// The little-endian number in a range of at most 8 bytes.
    /// - Precondition: they are inside.
    func littleEndian(in range: Range<Int>) -> UInt64 {
        self[range].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
