internal import LinuxSystem
public import VCPUModel

/// Reads snapshot files of version 1 (`Formats/vcpusnap-v1.md`), from memory or from a pipe.
///
/// A reader goes through its input once: call `decode` or `verify`, each at most once;
/// `readHeader` may come before.
public struct SnapshotReader {
    private var source: FileInput
    private var header: SnapshotHeader?
    /// What `decode` left out of a file of a later minor version; such a file must not be replaced
    /// by what was read from it.
    package private(set) var unknown = UnknownContent()

    /// Reads a file that is in memory.
    public init(_ bytes: [UInt8]) {
        source = FileInput(bytes)
    }

    /// Reads an input from its start, such as a pipe.
    public init(_ pull: @escaping SnapshotPull) {
        source = FileInput(pull)
    }

    /// Decodes a whole file in memory.
    /// - Throws: the first thing that is wrong, in the order of the bytes of the file.
    public static func decode(_ bytes: [UInt8]) throws(SnapshotFormatError) -> Snapshot {
        var reader = SnapshotReader(bytes)
        return try reader.decode()
    }

    /// The header; reads nothing beyond it, and checks it completely.
    /// - Throws: what is wrong with it, or the errno with which reading it failed.
    public mutating func readHeader() throws(SnapshotFormatError) -> SnapshotHeader {
        if let header { return header }
        let prefix = try source.next(upTo: SnapshotHeader.prefixSize)
        let size = try SnapshotHeader.size(fromPrefix: prefix)
        let rest = try source.next(upTo: size - prefix.count)
        guard prefix.count + rest.count == size else {
            throw SnapshotFormatError(
                .truncated, offset: source.offset,
                "the file ends inside its header; get a complete copy of it")
        }
        source.digest.update(prefix + rest)
        let header = try SnapshotHeader(parsing: prefix + rest)
        try header.check()
        self.header = header
        return header
    }

    /// The snapshot, when the whole file is sound.
    ///
    /// - Throws: the first thing that is wrong, in the order of the bytes of the file.
    public mutating func decode() throws(SnapshotFormatError) -> Snapshot {
        var content = SnapshotContent(header: try readHeader())
        let decompressor = try content.makeDecompressor()
        while let chunk = try nextChunk(&content) {
            try chunk.checkChecksum()
            try content.add(chunk, digest: source.digest, decompressor)
            source.digest.update(chunk.encoded())
        }
        try finish(content)
        unknown = content.unknown
        return try content.snapshot()
    }

    /// Checks the whole file and lists its chunks.
    ///
    /// A damaged chunk does not end the check as long as the next one can be found.
    /// - Throws: what is wrong with the header, without which there is nothing to list.
    public mutating func verify() throws(SnapshotFormatError) -> VerificationReport {
        var content = SnapshotContent(header: try readHeader())
        let decompressor = try content.makeDecompressor()
        var report = VerificationReport(header: content.header)
        do throws(SnapshotFormatError) {
            while let chunk = try nextChunk(&content) {
                report.add(chunk, digest: source.digest, &content, decompressor)
                source.digest.update(chunk.encoded())
            }
            // With a damaged chunk, what is missing or does not add up is no news.
            guard report.isSound else { return report }
            try finish(content)
            report.snapshot = try content.snapshot()
        } catch {
            report.problems.append(error)
        }
        return report
    }

    /// The next chunk, its sizes checked and nothing else; nil after the last.
    private mutating func nextChunk(
        _ content: inout SnapshotContent
    ) throws(SnapshotFormatError) -> StoredChunk? {
        guard content.chunkCount < content.header.chunkCount else { return nil }
        content.chunkCount += 1
        let offset = source.offset
        var reader = ByteReader(
            try source.next(ChunkHeader.size), ByteReader.Place(offset: offset))
        let chunkHeader = try ChunkHeader(parsing: &reader)
        try chunkHeader.checkSizes(
            in: content.header, available: content.header.fileSize - source.offset,
            offset: offset)
        let stored = try source.next(chunkHeader.storedSize, chunk: chunkHeader.kind)
        content.contentSizes.append(chunkHeader.contentSize)
        return StoredChunk(header: chunkHeader, offset: offset, stored: stored)
    }

    /// What can only be checked once every chunk was read.
    private mutating func finish(_ content: SnapshotContent) throws(SnapshotFormatError) {
        let length = source.offset
        try content.checkTotals(length: length)
        guard try source.next(upTo: 1).isEmpty else {
            throw SnapshotFormatError(
                .trailingData, offset: length,
                "the file goes on after its \(length) bytes; cut it there, or get another copy")
        }
    }
}
