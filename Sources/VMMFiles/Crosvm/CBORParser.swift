internal import TextFormats

/// Reads one item of CBOR with definite lengths, of which each is compared with the bytes that are left.
struct CBORParser {
    /// Items inside each other, at most; crosvm's files have five.
    private static let maximumDepth = 16
    /// Items, at most, but for numbers in arrays.
    private static let maximumCount = 1 << 20

    private let bytes: [UInt8]
    private var position = 0
    private var count = 0

    /// - Throws: where the bytes are not one item, and where it exceeds a limit.
    static func item(_ bytes: [UInt8]) throws(VMMFileError) -> CrosvmItem {
        var parser = CBORParser(bytes)
        let result = try parser.item(depth: 0)
        guard parser.position == bytes.count else {
            throw parser.damaged("its end behind the first item", "more", at: parser.position)
        }
        return result
    }

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    private func damaged(_ expected: String, _ found: String, at offset: Int) -> VMMFileError {
        .damaged("CBOR", at: offset, expected: expected, found: found)
    }

    private mutating func next(_ size: Int) throws(VMMFileError) -> ArraySlice<UInt8> {
        guard size <= bytes.count - position else {
            throw .cutOff(
                at: bytes.count,
                missing: "an item of CBOR goes on for \(size) bytes from byte \(position) on")
        }
        position += size
        return bytes[position - size..<position]
    }

    /// The kind of the next item, and its number.
    private mutating func head() throws(VMMFileError) -> (kind: UInt8, number: UInt64) {
        let start = position
        guard let first = try next(1).first else { return (7, 0) }
        let low = first & 31
        switch low {
        case ..<24: return (first >> 5, UInt64(low))
        case 24...27:
            let number = try next(1 << Int(low - 24)).reduce(0) { $0 << 8 | UInt64($1) }
            return (first >> 5, number)
        default:
            throw damaged("a definite length", "byte \(first.hex)", at: start)
        }
    }

    /// A length, of items with so many bytes at least.
    private func length(_ number: UInt64, of size: UInt64 = 1) throws(VMMFileError) -> Int {
        let left = UInt64(bytes.count - position) / size
        guard number <= left else {
            throw .cutOff(
                at: bytes.count,
                missing: "there are to be \(number) more items or bytes from byte \(position) on")
        }
        return Int(number)
    }

    private mutating func item(depth: Int) throws(VMMFileError) -> CrosvmItem {
        let start = position
        count += 1
        guard depth < Self.maximumDepth, count <= Self.maximumCount else {
            throw damaged(
                "at most \(Self.maximumDepth) items inside each other and \(Self.maximumCount) in all",
                "more", at: start)
        }
        let (kind, number) = try head()
        switch kind {
        case 0: return .number(number)
        case 2: return .wide(Array(try next(try length(number)).reversed()))
        case 3: return .text(String(decoding: try next(try length(number)), as: UTF8.self))
        case 4: return try array(try length(number), depth)
        case 5: return try map(try length(number, of: 2), depth)
        // A number wider than 64 bits.
        case 6 where number == 2:
            guard case .wide(let bytes) = try item(depth: depth + 1) else {
                throw damaged("a byte string behind tag 2", "another item", at: start)
            }
            return .wide(bytes)
        case 7 where number <= 23: return .other
        default: throw damaged("an item that crosvm writes", "byte \(bytes[start].hex)", at: start)
        }
    }

    private mutating func array(_ length: Int, _ depth: Int) throws(VMMFileError) -> CrosvmItem {
        var numbers: [UInt64] = []
        numbers.reserveCapacity(length)
        while numbers.count < length, position < bytes.count, bytes[position] >> 5 == 0 {
            numbers.append(try head().number)
        }
        if numbers.count == length { return .numbers(numbers) }
        var items = numbers.map { CrosvmItem.number($0) }
        while items.count < length { items.append(try item(depth: depth + 1)) }
        return .array(items)
    }

    private mutating func map(_ length: Int, _ depth: Int) throws(VMMFileError) -> CrosvmItem {
        var members: [(key: CrosvmItem, value: CrosvmItem)] = []
        for _ in 0..<length {
            let key = try item(depth: depth + 1)
            members.append((key, try item(depth: depth + 1)))
        }
        return .map(members)
    }
}
