import LinuxSystem
import SeededRandom

@testable import SnapshotFormat

/// A snapshot file taken apart at its chunks, to be damaged and put together again with right sums.
struct TakenApart {
    private struct Chunk {
        /// Without the checksum.
        var head: [UInt8]
        var stored: [UInt8]

        var isEnd: Bool { head.starts(with: "END ".utf8) && head[6...7].allSatisfy { $0 == 0 } }

        mutating func setSizes() {
            let size = TakenApart.bytes(of: UInt32(stored.count))
            head.replaceSubrange(8..<16, with: size + size)
        }
    }

    /// Without the checksum.
    private var header: [UInt8]
    private var chunks: [Chunk] = []
    private var rest: ArraySlice<UInt8>

    /// Nil for a file that is too short to have a header.
    init?(_ file: [UInt8]) {
        guard file.count >= 56 else { return nil }
        let size = min(max(Int(file[12]) | Int(file[13]) << 8, 56), file.count)
        header = Array(file[..<(size - 4)])
        rest = file[size...]
        while rest.count >= 20 {
            let head = Array(rest.prefix(16))
            let stored = Self.number(head[8..<12])
            guard stored <= rest.count - 20 else { break }
            chunks.append(Chunk(head: head, stored: Array(rest.dropFirst(20).prefix(stored))))
            rest = rest.dropFirst(20 + stored)
        }
    }

    /// The file again; the header's sizes are put right when asked to.
    func file(withTotals: Bool) -> [UInt8] {
        var header = header
        if withTotals {
            let contents = chunks.map { Self.number($0.head[12..<16]) }
            let length = chunks.reduce(header.count + 4) { $0 + 20 + $1.stored.count } + rest.count
            let sizes = [length, contents.reduce(0, +), contents.max() ?? 0]
            header.replaceSubrange(12..<14, with: Self.bytes(of: UInt16(header.count + 4)))
            header.replaceSubrange(14..<16, with: Self.bytes(of: UInt16(chunks.count)))
            header.replaceSubrange(
                24..<36, with: sizes.flatMap { Self.bytes(of: UInt32(truncatingIfNeeded: $0)) })
        }
        var file = header + Self.bytes(of: CRC32C.of(header))
        for chunk in chunks {
            let isDigest = chunk.isEnd && chunk.stored.count == 32
            let stored = isDigest ? SHA256.of([file]) : chunk.stored
            file += chunk.head + Self.bytes(of: CRC32C.of(chunk.head + stored)) + stored
        }
        return file + rest
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    private static func bytes(of number: some FixedWidthInteger) -> [UInt8] {
        (0..<number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }
}

extension TakenApart {
    /// Changes one thing.
    mutating func damage(_ generator: inout SeededGenerator) {
        guard let place = chunks.indices.randomElement(using: &generator) else {
            return Self.changeByte(of: &header, from: 8, &generator)
        }
        switch Int.random(in: 0..<16, using: &generator) {
        case 0: Self.changeByte(of: &header, from: 8, &generator)
        case 1: Self.changeByte(of: &chunks[place].head, from: 0, &generator)
        case 2: chunks.insert(chunks[place], at: Int.random(in: 0...place, using: &generator))
        case 3: chunks.swapAt(place, Int.random(in: 0...place, using: &generator))
        case 4: chunks.remove(at: place)
        case 5: chunks[place].head[6] ^= 1 << UInt8.random(in: 0...2, using: &generator)
        case 6: header[Int.random(in: 36...39, using: &generator)] ^= 1
        case 7: header.insert(.random(in: 0...255, using: &generator), at: header.count)
        case 8, 9: Self.change(&chunks[place].stored, &generator)
        default:
            unpack(place)
            let old = chunks[place].stored.count
            Self.change(&chunks[place].stored, &generator)
            if chunks[place].stored.count != old || Bool.random(using: &generator) {
                chunks[place].setSizes()
            }
        }
    }

    /// Puts the content in the place of a frame.
    private mutating func unpack(_ place: Int) {
        let chunk = chunks[place]
        let size = Self.number(chunk.head[12..<16])
        let hasDictionary = header[40..<44].contains { $0 != 0 }
        let dictionary = hasDictionary ? FormatDictionary.version1.bytes : []
        guard chunk.head[6] & 2 != 0, size < 1 << 16,
            let content = try? Self.content(of: chunk.stored, size, dictionary)
        else { return }
        chunks[place].head[6] ^= 2
        chunks[place].stored = content
        chunks[place].setSizes()
    }

    private static func content(
        of frame: [UInt8], _ size: Int, _ dictionary: [UInt8]
    ) throws -> [UInt8] {
        let decompressor = try ZstdDecompressor.make(dictionary: dictionary)
        return try decompressor.decompress(frame, size: size)
    }

    /// Changes bytes, and maybe how many there are.
    static func change(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
        guard let place = bytes.indices.randomElement(using: &generator) else { return }
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: bytes.remove(at: place)
        case 1: bytes.insert(.random(in: 0...255, using: &generator), at: place)
        case 2: bytes.replaceSubrange(place..<bytes.count, with: bytes[...place])
        default: changeByte(of: &bytes, from: 0, &generator)
        }
    }

    private static func changeByte(
        of bytes: inout [UInt8], from start: Int, _ generator: inout SeededGenerator
    ) {
        guard let place = (start..<bytes.count).randomElement(using: &generator) else { return }
        let edges: [UInt8] = [0, 1, 2, 0x7f, 0x80, 0x81, 0xfd, 0xfe, 0xff]
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes[place] = edges.randomElement(using: &generator) ?? 0
        case 1: bytes[place] = .random(in: 0...255, using: &generator)
        default: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &generator)
        }
    }
}
