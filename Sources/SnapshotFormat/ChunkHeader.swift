/// The 20 bytes before the stored bytes of a chunk.
struct ChunkHeader: Hashable {
    static let size = 20

    struct Flags: OptionSet, Hashable {
        let rawValue: UInt16

        /// A reader that does not know the chunk may leave it out.
        static let skippable = Flags(rawValue: 1)
        /// The stored bytes are one zstd frame.
        static let compressed = Flags(rawValue: 2)
        static let all: Flags = [skippable, compressed]
    }

    var kind: ChunkKind
    var version: UInt16
    var flags: Flags
    /// The length of what follows this header, in bytes.
    var storedSize: Int
    /// The length of the content, decompressed, in bytes.
    var contentSize: Int
    /// CRC32C of the first 16 bytes of this header and the stored bytes.
    var checksum: UInt32
}

/// A chunk as it stands in a file.
struct StoredChunk {
    var header: ChunkHeader
    /// Where its header starts in the file.
    var offset: Int
    var stored: [UInt8]

    /// Where its stored bytes start in the file.
    var storedOffset: Int { offset + ChunkHeader.size }
}
