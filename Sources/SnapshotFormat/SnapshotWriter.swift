public import LinuxSystem
public import VCPUModel

/// Writes snapshot files of version 1.1, and of 1.0 where nothing asks for more (`Formats/vcpusnap-v1.md`).
///
/// The same snapshot gives the same bytes with the same libzstd and level; another version of
/// libzstd may compress differently, into a file that decodes to the same snapshot.
public enum SnapshotWriter {
    /// The zstd level used unless another is asked for.
    public static let defaultLevel = 19

    /// The whole file.
    /// - Parameters:
    ///   - snapshot: its vCPUs in ascending order of index.
    ///   - level: the zstd level, 1 (fast) to 22 (small).
    /// - Throws: `invalidSnapshot` or `limitExceeded` for one that the format cannot hold.
    public static func encode(
        _ snapshot: Snapshot, level: Int = defaultLevel
    ) throws(SnapshotFormatError) -> [UInt8] {
        try encode(snapshot, level: level, dictionary: .version1).flatMap { $0 }
    }

    /// Writes the file to an output that need not be able to seek: the header, then each chunk.
    ///
    /// Nothing is written unless the whole snapshot could be encoded.
    /// - Parameter sink: takes all the bytes it is given.
    /// - Throws: as `encode` does, and `writeFailed` with the errno that `sink` throws.
    public static func write(
        _ snapshot: Snapshot, level: Int = defaultLevel,
        to sink: (_ bytes: [UInt8]) throws(Errno) -> Void
    ) throws(SnapshotFormatError) {
        var offset = 0
        for part in try encode(snapshot, level: level, dictionary: .version1) {
            try Errno.translating(try sink(part)) {
                SnapshotFormatError(
                    .writeFailed, offset: offset, errno: $0, "cannot write the file")
            }
            offset += part.count
        }
    }

    /// The parts of the file: header, chunks, end chunk.
    static func encode(
        _ snapshot: Snapshot, level: Int, dictionary: FormatDictionary
    ) throws(SnapshotFormatError) -> [[UInt8]] {
        let vcpuChunk = VCPUChunk(snapshot.vcpus)
        var contents: [(ChunkKind, ChunkHeader.Flags, [UInt8])] = []
        if !snapshot.provenance.entries.isEmpty {
            contents.append((.provenance, .skippable, try snapshot.provenance.encoded()))
        }
        contents.append((.vcpus, [], try vcpuChunk.encoded()))
        if snapshot.vm.count > 0 {
            contents.append((.vm, .skippable, try snapshot.vm.encodedForVM()))
        }
        let chunks = try compress(contents, level: level, dictionary: dictionary)

        let end = (chunks.last?.end ?? SnapshotHeader.size)
        let sizes = chunks.map(\.header.contentSize) + [SHA256.size]
        let header = SnapshotHeader(
            minorVersion: snapshot.vm.count > 0 ? 1 : 0, chunkCount: sizes.count,
            fileSize: end + ChunkHeader.size + SHA256.size,
            contentSize: sizes.reduce(0, +), largestContent: sizes.max() ?? 0,
            vcpuCount: snapshot.vcpus.count, registerCount: vcpuChunk.ids.count,
            dictionaryID: dictionary.id, dictionaryDigest: dictionary.digest)
        try header.checkLimits()
        let parts = [header.encoded()] + chunks.map { $0.encoded() }
        let digest = SHA256.of(parts)
        return parts + [StoredChunk(digest: digest, at: end).encoded()]
    }

    private static func compress(
        _ contents: [(ChunkKind, ChunkHeader.Flags, [UInt8])], level: Int,
        dictionary: FormatDictionary
    ) throws(SnapshotFormatError) -> [StoredChunk] {
        let compressor = try ZstdError.translating(
            try ZstdCompressor.make(level: level, dictionary: dictionary.bytes)
        ) { SnapshotFormatError(.compression, "libzstd: \($0.message)") }
        var chunks: [StoredChunk] = []
        for (kind, flags, content) in contents {
            chunks.append(
                try StoredChunk(
                    kind, flags, content: content, at: chunks.last?.end ?? SnapshotHeader.size,
                    compressor: compressor))
        }
        return chunks
    }
}
