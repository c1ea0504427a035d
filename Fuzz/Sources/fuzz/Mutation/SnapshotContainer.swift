import CFuzz
import VCPUSnap

/// A vcpusnap-v1 file in its parts, which is put together again with sizes and checksums that fit.
struct SnapshotContainer {
    struct Chunk {
        var kind: [UInt8]
        var version: UInt64
        var flags: UInt64
        /// What it says that its content has, where it stays compressed.
        var contentSize: UInt64
        var stored: [UInt8]

        var isCompressed: Bool { flags & 2 != 0 }
    }

    var header: [UInt8]
    /// Without the last, which has the digest.
    var chunks: [Chunk] = []

    private static let headerSize = 56
    private static let chunkHeaderSize = 20
    private static let maximumContent = 1 << 20

    /// Nil for what does not begin as such a file does.
    init?(_ bytes: [UInt8]) {
        let size = Int(bytes.little(2, at: 12))
        guard bytes.count >= Self.headerSize, bytes.starts(with: [0xf6, 0x76, 0x43, 0x53]),
            Self.headerSize...bytes.count ~= size
        else { return nil }
        header = Array(bytes[..<size])
        var offset = size
        while let chunk = Chunk(bytes, at: offset) {
            offset += Self.chunkHeaderSize + chunk.stored.count
            chunks.append(chunk)
        }
        if chunks.last?.kind == Array("END ".utf8) { chunks.removeLast() }
    }

    /// With the sums of the header and of the chunks, whatever they are made of.
    /// - Parameter fixed: whether vCPUs and registers are counted anew.
    func bytes() -> [UInt8] {
        var header = header
        let end = chunks.reduce(header.count) { $0 + Self.chunkHeaderSize + $1.stored.count }
        let contents = chunks.map(\.contentSize) + [32]
        header.setLittle(UInt64(header.count), 2, at: 12)
        header.setLittle(UInt64(chunks.count + 1), 2, at: 14)
        header.setLittle(UInt64(end + Self.chunkHeaderSize + 32), 4, at: 24)
        header.setLittle(contents.reduce(0, &+), 4, at: 28)
        header.setLittle(contents.max() ?? 0, 4, at: 32)
        let sum = header.count - 4
        header.setLittle(UInt64(CRC32C.of(Array(header[..<sum]))), 4, at: sum)
        let front = chunks.reduce(header) { $0 + $1.bytes }
        let last = Chunk(
            kind: Array("END ".utf8), version: 1, flags: 0, contentSize: 32,
            stored: SHA256.of([front]))
        return front + last.bytes
    }

    /// Makes the chunk at an index what it says without compression.
    mutating func decompress(_ index: Int) {
        let chunk = chunks[index]
        guard chunk.isCompressed, 1...Self.maximumContent ~= Int(chunk.contentSize) else { return }
        var content = [UInt8](repeating: 0, count: Int(chunk.contentSize))
        let count = cfuzz_decompress(&content, content.count, chunk.stored, chunk.stored.count)
        guard count >= 0 else { return }
        chunks[index].flags &= ~2
        chunks[index].stored = Array(content.prefix(count))
        chunks[index].contentSize = UInt64(count)
    }
}

extension SnapshotContainer.Chunk {
    fileprivate init?(_ bytes: [UInt8], at offset: Int) {
        let stored = Int(bytes.little(4, at: offset + 8))
        guard bytes.count - offset >= 20, stored <= bytes.count - offset - 20 else { return nil }
        kind = Array(bytes[offset..<offset + 4])
        version = bytes.little(2, at: offset + 4)
        flags = bytes.little(2, at: offset + 6)
        contentSize = bytes.little(4, at: offset + 12)
        self.stored = Array(bytes[offset + 20..<offset + 20 + stored])
    }

    fileprivate var bytes: [UInt8] {
        let front = fuzz.bytes(
            kind, .little(version, 2), .little(flags, 2), .little(UInt64(stored.count), 4),
            .little(contentSize, 4))
        return fuzz.bytes(front, .little(UInt64(CRC32C.of(front, stored)), 4), stored)
    }
}

extension SnapshotContainer {
    /// Changes one part.
    mutating func mutate(most: Int, _ random: inout Random) {
        let index = random.below(chunks.count)
        switch random.below(8) {
        case 0:
            let (offset, width) = [(8, 2), (10, 2), (16, 4), (20, 4), (36, 2), (38, 2), (40, 4)][
                random.below(7)]
            header.setLittle(random.number(), width, at: offset)
        case 1 where chunks.count > 1: chunks.swapAt(0, index)
        case 2 where !chunks.isEmpty: chunks.append(chunks[index])
        case 3 where !chunks.isEmpty:
            // As it is stored, so that zstd sees it.
            chunks[index].stored = mutated(chunks[index].stored, most: most)
            if !chunks[index].isCompressed {
                chunks[index].contentSize = UInt64(chunks[index].stored.count)
            }
        case 4 where !chunks.isEmpty:
            if random.once(in: 2) {
                chunks[index].flags ^= 1
            } else {
                chunks[index].version = random.number()
            }
        default:
            guard !chunks.isEmpty else { return }
            decompress(index)
            guard !chunks[index].isCompressed else { return }
            chunks[index].stored = mutated(chunks[index].stored, most: most)
            chunks[index].contentSize = UInt64(chunks[index].stored.count)
        }
    }
}
