internal import LinuxSystem
internal import Registers

/// Device sections one after the other, found by their headers and footers: what there is to go by in a
/// stream without a description.
struct SectionChain {
    struct Section {
        var header: SectionHeader
        var place: SectionPlace
        /// Header and body, in the bytes.
        var range: Range<Int>
    }

    /// Where the first section begins, in the bytes.
    let first: Int
    /// As far as each is followed by another one, or by the end mark.
    private(set) var sections: [Section] = []
    /// Why it does not reach the end mark, which must be the last byte; nil where it does.
    private(set) var problem: QEMUStreamError?
    /// Of the last section, in the bytes.
    private(set) var end: Int
    /// Whether the problem is that something stands behind the end mark.
    private(set) var isFollowed = false

    /// Where those of the vCPUs stand, in the bytes.
    func ranges(of name: [UInt8]) -> [Range<Int>] {
        sections.lazy.filter { $0.header.name == name }.map { $0.range }
    }

    /// - Parameters:
    ///   - bytes: the stream's last bytes.
    ///   - start: where they begin in the stream.
    ///   - first: where the first section begins in them.
    ///   - ends: of the same bytes.
    init(in bytes: [UInt8], at start: Int64, from first: Int, _ ends: SectionEnds) {
        self.first = first
        end = first
        problem = follow(bytes, at: start, ends)
    }

    private mutating func follow(
        _ bytes: [UInt8], at start: Int64, _ ends: SectionEnds
    ) -> QEMUStreamError? {
        while end < bytes.count - 1 {
            let offset = start + Int64(end)
            guard let header = SectionHeader(in: bytes, at: end) else {
                return Self.problem(at: offset, expected: "a section's header")
            }
            guard let footer = ends.first(of: header) else {
                if let footer = ends.last(of: header) {
                    isFollowed = true
                    let last = footer + SectionFooter.length + 1
                    return .followed(
                        at: start + Int64(last), by: bytes[last...], after: "the end mark")
                }
                return Self.problem(
                    at: offset,
                    expected: "a section of \(Shown.text(header.name)) with its footer, and then "
                        + "another section or the end mark")
            }
            let place = SectionPlace(
                offset: offset, headerLength: Int64(header.length),
                bodyLength: Int64(footer - header.end), hasFooter: true)
            sections.append(
                Section(header: header, place: place, range: header.start..<footer))
            end = footer + SectionFooter.length
        }
        guard end < bytes.count, bytes[end] == SectionKind.endOfFile else {
            return Self.problem(at: start + Int64(bytes.count), expected: "the end mark")
        }
        return repeatedNumber
    }

    /// QEMU gives each section an id of its own; one that has another's would end with the other.
    private var repeatedNumber: QEMUStreamError? {
        let numbers = sections.map(\.header.numberValue).sorted()
        guard let (number, _) = zip(numbers, numbers.dropFirst()).first(where: { $0 == $1 }),
            let second = sections.last(where: { $0.header.numberValue == number })
        else { return nil }
        return .repeatedID(
            of: second.header.name, second.header.instance, at: second.place.offset)
    }

    private static func problem(at offset: Int64, expected: String) -> QEMUStreamError {
        .damaged(part: "the devices", offset: offset, expected: expected, found: "something else")
    }
}

extension QEMUStreamError {
    /// Of a stream that is whole, and has more behind its end.
    static func followed(
        at offset: Int64, by more: ArraySlice<UInt8>, after last: String
    ) -> QEMUStreamError {
        .damaged(
            part: "the end", offset: offset, expected: "nothing more after \(last)",
            found: more.starts(with: StreamHeader.start) ? "another stream" : "something else")
    }

    /// Of two sections with one id.
    static func repeatedID(
        of name: [UInt8], _ instance: UInt32, at offset: Int64
    ) -> QEMUStreamError {
        .damaged(
            part: "the devices", offset: offset,
            expected: "for \(Shown.text(name)) \(instance) a section id that no other section has",
            found: "another section's")
    }
}

/// Where sections may end: the footers that another section or the end mark follows, and the footers behind which a
/// whole stream would end if it did not go on.
///
/// They are looked for once. A search for each section would take the square of the bytes where none of many
/// has a footer.
struct SectionEnds {
    /// Of each the section's number, and below it the place of the footer; ascending.
    private let keys: [UInt64]
    /// The same, of footers behind whose end mark something stands.
    private let followedKeys: [UInt64]

    /// - Parameter bytes: fewer than 2^32.
    init(in bytes: [UInt8]) {
        var (keys, followedKeys): ([UInt64], [UInt64]) = ([], [])
        var rest = bytes.dropLast(SectionFooter.length)
        while let position = rest.firstIndex(of: SectionKind.footer) {
            rest = rest[(position + 1)...]
            let next = position + SectionFooter.length
            let key = Self.key(bytes[position + 1..<next], position)
            if Self.mayFollow(in: bytes, at: next) {
                keys.append(key)
            } else if Self.isFollowedEnd(in: bytes, at: next) {
                followedKeys.append(key)
            }
        }
        self.keys = keys.sorted()
        self.followedKeys = followedKeys.sorted()
    }

    /// Whether the end mark stands there with something behind it; the beginning of a description is only what is left of
    /// a whole one.
    private static func isFollowedEnd(in bytes: [UInt8], at position: Int) -> Bool {
        let rest = bytes[position...].prefix(2)
        return rest.count == 2 && rest.first == SectionKind.endOfFile
            && rest.last != SectionKind.description
    }

    /// Whether what stands there may follow a section: another one, or the end mark as the last byte.
    static func mayFollow(in bytes: [UInt8], at position: Int) -> Bool {
        let last = bytes.indices.last
        return position == last && bytes[position] == SectionKind.endOfFile
            || SectionHeader(in: bytes, at: position) != nil
    }

    private static func key(_ number: ArraySlice<UInt8>, _ place: Int) -> UInt64 {
        number.reduce(0) { $0 << 8 | UInt64($1) } << 32 | UInt64(place)
    }

    /// Where the section's footer begins: the first one behind the header that has its number.
    func first(of header: SectionHeader) -> Int? { Self.first(of: header, in: keys) }

    /// Likewise, for a section that would be the last one if nothing stood behind the end mark.
    func last(of header: SectionHeader) -> Int? { Self.first(of: header, in: followedKeys) }

    private static func first(of header: SectionHeader, in keys: [UInt64]) -> Int? {
        let wanted = key(header.number, header.end)
        let place = keys.lowerBound { $0 < wanted }
        guard place < keys.count, keys[place] >> 32 == wanted >> 32 else { return nil }
        return Int(keys[place] & 0xffff_ffff)
    }
}

/// The header of a device's section: kind, number, name, instance, version.
struct SectionHeader {
    /// In the bytes it was found in.
    let start: Int
    /// The section id, four bytes.
    let number: ArraySlice<UInt8>
    let name: [UInt8]
    let instance: UInt32
    let version: UInt32

    /// Of a header with an empty name.
    static let shortest = 14

    var length: Int { Self.shortest + name.count }
    /// The section id.
    var numberValue: UInt32 { number.reduce(0) { $0 << 8 | UInt32($1) } }
    var end: Int { start + length }

    /// Nil where no header stands: QEMU's names are printable.
    init?(in bytes: [UInt8], at start: Int) {
        guard let fixed = Range(at: start, count: Self.shortest, inside: bytes.indices),
            bytes[start] == SectionKind.full,
            let place = Range(at: start + 6, count: bytes[start + 5], inside: bytes.indices),
            let rest = Range(at: place.upperBound, count: 8, inside: bytes.indices),
            !place.isEmpty, bytes[place].allSatisfy({ 0x20..<0x7f ~= $0 })
        else { return nil }
        self.start = fixed.lowerBound
        number = bytes[start + 1..<start + 5]
        name = Array(bytes[place])
        instance = bytes.bigEndian(at: rest.lowerBound, as: UInt32.self)
        version = bytes.bigEndian(at: rest.lowerBound + 4, as: UInt32.self)
    }
}

/// What ends a section: a byte, and the section's number again.
enum SectionFooter {
    static let length = 5

    static func isThere(of number: ArraySlice<UInt8>, in bytes: [UInt8], at position: Int) -> Bool {
        position + length <= bytes.count && bytes[position] == SectionKind.footer
            && bytes[position + 1..<position + length].elementsEqual(number)
    }

    /// Whether the end mark comes last, and before it the footer of a section that is there.
    static func isLast(in bytes: [UInt8]) -> Bool {
        let last = bytes.suffix(length + 1)
        guard last.first == SectionKind.footer, last.last == SectionKind.endOfFile,
            last.count > length
        else { return false }
        let number = last.dropFirst().dropLast()
        return bytes.indices.contains { position in
            bytes[position] == SectionKind.full
                && SectionHeader(in: bytes, at: position)?.number.elementsEqual(number) == true
        }
    }
}
