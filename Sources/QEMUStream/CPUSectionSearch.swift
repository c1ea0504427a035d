internal import LinuxSystem

/// Finds "cpu" sections by their looks, where a stream has no description.
struct CPUSectionSearch {
    /// Device state stands at the end; what lies further ahead is RAM and is not read.
    static let window = 64 << 20

    /// In the order of the stream; of two with one number the last.
    static func sections(in stream: any SeekableBytes) throws(QEMUStreamError) -> [CPUSection] {
        let count = Int(min(Int64(window), stream.size))
        let start = stream.size - Int64(count)
        let bytes = try stream.bytes(at: start, count: count)
        var found: [UInt32: CPUSection] = [:]
        for offset in candidates(in: bytes) {
            guard let section = section(in: bytes, at: offset, start) else { continue }
            found[section.instance] = section
        }
        return found.values.sorted { $0.place.offset < $1.place.offset }
    }

    /// Header: kind, section id, length of the name, name, instance, version.
    static let headerLength = 17

    /// Where a kind byte, the name and the version stand as they should.
    private static func candidates(in bytes: [UInt8]) -> [Int] {
        var result: [Int] = []
        bytes.withUnsafeBufferPointer { buffer in
            // The name's length is rarer in device state than anything else of the header.
            var position = 5
            while position + 12 <= buffer.count {
                if buffer[position] == 3, buffer[position + 1] == UInt8(ascii: "c"),
                    buffer[position + 2] == UInt8(ascii: "p"),
                    buffer[position + 3] == UInt8(ascii: "u"),
                    buffer[position - 5] == SectionKind.full
                {
                    result.append(position - 5)
                }
                position += 1
            }
        }
        return result.filter {
            bytes.bigEndian(at: $0 + 13, as: UInt32.self) == CPUSection.version
        }
    }

    /// How long a body with the list's length that stands there can be; nil for a length that no list
    /// has, before anything is copied.
    private static func longestBody(in bytes: [UInt8], at start: Int) -> Int? {
        let place = start + CPUSection.Field.listLength
        guard place + 4 <= bytes.count else { return nil }
        let count = Int(bytes.bigEndian(at: place, as: UInt32.self))
        guard count <= CPUSection.mostRegisters else { return nil }
        return CPUSection.Field.list + 16 * count + CPUSection.Field.tail + longestSubsections
    }

    /// ZA has half of it.
    private static let longestSubsections = 1 << 17

    /// The section, if everything in it is as it must be.
    private static func section(in bytes: [UInt8], at offset: Int, _ start: Int64) -> CPUSection? {
        let place = SectionPlace(
            offset: start + Int64(offset), headerLength: Int64(headerLength), bodyLength: 0,
            hasFooter: true)
        guard let length = longestBody(in: bytes, at: offset + headerLength) else { return nil }
        let body = Array(bytes[(offset + headerLength)...].prefix(length))
        guard
            let section = try? CPUSection(
                instance: bytes.bigEndian(at: offset + 9, as: UInt32.self), place: place,
                body: body,
                describedLengths: [:])
        else { return nil }
        let end = offset + headerLength + section.body.count
        let hasFooter =
            bytes.count - end >= 5 && bytes[end] == SectionKind.footer
            && bytes[end + 1..<end + 5].elementsEqual(bytes[offset + 1..<offset + 5])
        // Without its footer a section is only believed where another one, or the end, follows.
        guard hasFooter || (end < bytes.count && bytes[end] <= SectionKind.full) else { return nil }
        return section.withFooter(hasFooter)
    }
}
