internal import LinuxSystem
public import VCPUModel

/// What `SnapshotReader.verify` found.
public struct VerificationReport: Hashable, Sendable {
    /// One chunk of the file, as its header describes it and as the check found it.
    public struct Chunk: Hashable, Sendable {
        /// What the chunk holds.
        public var kind: ChunkKind
        /// The version of the layout of its content.
        public var version: UInt16
        /// Where its header starts in the file, in bytes.
        public var offset: Int
        /// The length of its stored bytes, without its header of 20.
        public var storedSize: Int
        /// The length of its content, decompressed.
        public var contentSize: Int
        /// Whether the stored bytes are a zstd frame, by the chunk's flags.
        public var isCompressed: Bool
        /// Whether a reader that does not know the kind may leave the chunk out, by the chunk's flags.
        public var isSkippable: Bool
        /// Whether the CRC-32C in the chunk's header is that of the chunk as the file has it.
        public var checksumMatches: Bool
        /// Whether it was left out, because it is of a kind or version that this program does not know.
        public var isLeftOut = false
        /// What is wrong with the chunk; nil for nothing.
        public var problem: SnapshotFormatError?
    }

    /// The file's header, which was sound.
    public var header: SnapshotHeader
    /// In the order of the file, up to where the next chunk could not be found.
    public var chunks: [Chunk] = []
    /// The SHA-256 of everything before the end chunk, computed; nil when there was no end chunk.
    public var digest: [UInt8]?
    /// Everything that is wrong, in the order of the file; empty for a sound file.
    public var problems: [SnapshotFormatError] = []

    /// What a sound file holds; nil for one that is not.
    public var snapshot: Snapshot?

    /// Whether nothing is wrong with the file.
    public var isSound: Bool { problems.isEmpty }

    init(header: SnapshotHeader) {
        self.header = header
    }

    mutating func add(
        _ chunk: StoredChunk, digest: SHA256, _ content: inout SnapshotContent,
        _ decompressor: borrowing ZstdDecompressor
    ) {
        var entry = Chunk(chunk)
        if chunk.header.kind == .end { self.digest = digest.finish() }
        do throws(SnapshotFormatError) {
            try chunk.checkChecksum()
            entry.checksumMatches = true
            let known = content.unknown
            try content.add(chunk, digest: digest, decompressor)
            entry.isLeftOut = content.unknown != known
        } catch {
            entry.problem = error
            problems.append(error)
        }
        chunks.append(entry)
    }
}

extension VerificationReport.Chunk {
    fileprivate init(_ chunk: StoredChunk) {
        kind = chunk.header.kind
        version = chunk.header.version
        offset = chunk.offset
        storedSize = chunk.header.storedSize
        contentSize = chunk.header.contentSize
        isCompressed = chunk.header.flags.contains(.compressed)
        isSkippable = chunk.header.flags.contains(.skippable)
        checksumMatches = false
    }
}
