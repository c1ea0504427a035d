internal import LinuxSystem
internal import TextFormats

extension ChunkHeader {
    init(parsing reader: inout ByteReader) throws(SnapshotFormatError) {
        kind = ChunkKind(rawValue: try reader.integer("chunk kind"))
        version = try reader.integer("chunk version")
        flags = Flags(rawValue: try reader.integer("chunk flags"))
        storedSize = Int(try reader.integer("stored size", as: UInt32.self))
        contentSize = Int(try reader.integer("content size", as: UInt32.self))
        checksum = try reader.integer("chunk checksum")
    }

    /// The bytes the checksum is over, besides the stored ones.
    func encodedWithoutChecksum() -> [UInt8] {
        var writer = ByteWriter()
        writer.append(integer: kind.rawValue)
        writer.append(integer: version)
        writer.append(integer: flags.rawValue)
        writer.append(integer: UInt32(storedSize))
        writer.append(integer: UInt32(contentSize))
        return writer.bytes
    }

    /// What has to hold before the stored bytes are read.
    /// - Parameter available: the bytes between this chunk's header and the end of the file.
    func checkSizes(
        in header: SnapshotHeader, available: Int, offset: Int
    ) throws(SnapshotFormatError) {
        guard storedSize <= available else {
            throw SnapshotFormatError(
                .sizeMismatch, chunk: kind, offset: offset + 8,
                "its stored size is \(storedSize), the file of \(header.fileSize) bytes has "
                    + "room for \(max(available, 0))")
        }
        guard contentSize <= header.largestContent else {
            throw SnapshotFormatError(
                .sizeMismatch, chunk: kind, offset: offset + 12,
                "its content size is \(contentSize), the header says at most "
                    + "\(header.largestContent)")
        }
    }

    /// What can be refused before the content is looked at.
    func checkMeaning(offset: Int) throws(SnapshotFormatError) {
        guard Flags.all.isSuperset(of: flags) else {
            throw SnapshotFormatError(
                .unsupportedFeature, chunk: kind, offset: offset + 6,
                "its flags are \(flags.rawValue.hex), this program knows "
                    + "\(Flags.all.rawValue.hex); use a newer program")
        }
        guard flags.contains(.compressed) || storedSize == contentSize else {
            throw SnapshotFormatError(
                .sizeMismatch, chunk: kind, offset: offset + 8,
                "it is not compressed, but its stored size is \(storedSize) and its content "
                    + "size \(contentSize)")
        }
    }
}

extension StoredChunk {
    var computedChecksum: UInt32 { CRC32C.of(header.encodedWithoutChecksum(), stored) }

    /// A chunk for writing, compressed when that makes it shorter.
    init(
        _ kind: ChunkKind, _ flags: ChunkHeader.Flags, content: [UInt8], at offset: Int,
        compressor: borrowing ZstdCompressor
    ) throws(SnapshotFormatError) {
        let compressed = try ZstdError.translating(try compressor.compress(content)) {
            SnapshotFormatError(.compression, chunk: kind, "libzstd: \($0.message)")
        }
        let isShorter = compressed.count < content.count
        self.init(
            kind, isShorter ? flags.union(.compressed) : flags, isShorter ? compressed : content,
            contentSize: content.count, at: offset)
    }

    /// The end chunk of a file.
    init(digest: [UInt8], at offset: Int) {
        self.init(.end, [], digest, contentSize: digest.count, at: offset)
    }

    private init(
        _ kind: ChunkKind, _ flags: ChunkHeader.Flags, _ stored: [UInt8], contentSize: Int,
        at offset: Int
    ) {
        self.offset = offset
        self.stored = stored
        header = ChunkHeader(
            kind: kind, version: 1, flags: flags, storedSize: stored.count,
            contentSize: contentSize, checksum: 0)
        header.checksum = computedChecksum
    }

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.append(header.encodedWithoutChecksum())
        writer.append(integer: header.checksum)
        writer.append(stored)
        return writer.bytes
    }

    func checkChecksum() throws(SnapshotFormatError) {
        let computed = computedChecksum
        guard computed == header.checksum else {
            throw .checksum(
                chunk: header.kind, offset: offset + 16, stored: header.checksum,
                computed: computed)
        }
    }

    /// A cursor over the content, decompressed if need be.
    func content(
        _ decompressor: borrowing ZstdDecompressor
    ) throws(SnapshotFormatError) -> ByteReader {
        guard header.flags.contains(.compressed) else {
            return ByteReader(
                stored, ByteReader.Place(chunk: header.kind, offset: storedOffset))
        }
        let content = try ZstdError.translating(
            try decompressor.decompress(stored, size: header.contentSize)
        ) {
            SnapshotFormatError(
                .compression, chunk: header.kind, offset: storedOffset,
                "its content does not decompress: \($0.message)")
        }
        return ByteReader(
            content,
            ByteReader.Place(chunk: header.kind, offset: storedOffset, isDecompressed: true))
    }
}
