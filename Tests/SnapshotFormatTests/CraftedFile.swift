import LinuxSystem
import VCPUModel

@testable import SnapshotFormat

/// A snapshot file put together by hand, so that tests can break one thing in it.
///
/// Everything that is not set follows from the chunks, as in a file the writer makes.
struct CraftedFile {
    struct Chunk {
        var kind: ChunkKind
        var version: UInt16 = 1
        var flags: UInt16 = 0
        var content: [UInt8] = []
        /// What the header says instead of the sizes of `content`.
        var storedSize: Int?
        var contentSize: Int?
    }

    var chunks: [Chunk]
    var hasEnd = true
    var header: (inout SnapshotHeader) -> Void = { _ in }
    /// What stands between the header of version 1.0 and its checksum.
    var headerExtension: [UInt8] = []
    var vcpuCount = 0
    var registerCount = 0

    /// A file of uncompressed chunks with the content of a snapshot.
    init(_ snapshot: Snapshot = Snapshot(provenance: Provenance(), vcpus: [])) throws {
        let vcpus = VCPUChunk(snapshot.vcpus)
        chunks = [Chunk(kind: .vcpus, content: try vcpus.encoded())]
        vcpuCount = snapshot.vcpus.count
        registerCount = vcpus.ids.count
    }

    var bytes: [UInt8] {
        let headerSize = SnapshotHeader.size + headerExtension.count
        var body: [UInt8] = []
        for chunk in chunks { body += stored(chunk).encoded() }
        let sizes = chunks.map { $0.contentSize ?? $0.content.count } + (hasEnd ? [32] : [])
        var header = SnapshotHeader(
            headerSize: headerSize, chunkCount: sizes.count,
            fileSize: headerSize + body.count + (hasEnd ? 52 : 0),
            contentSize: sizes.reduce(0, +), largestContent: sizes.max() ?? 0,
            vcpuCount: vcpuCount, registerCount: registerCount, dictionaryID: 0,
            dictionaryDigest: 0)
        self.header(&header)
        let start = header.encoded().dropLast(4) + headerExtension
        let sum = CRC32C.of(Array(start))
        var file = start + (0..<4).map { UInt8(truncatingIfNeeded: sum >> ($0 * 8)) } + body
        if hasEnd {
            file += StoredChunk(digest: SHA256.of([Array(file)]), at: file.count).encoded()
        }
        return Array(file)
    }

    private func stored(_ chunk: Chunk) -> StoredChunk {
        var stored = StoredChunk(digest: chunk.content, at: 0)
        stored.header = ChunkHeader(
            kind: chunk.kind, version: chunk.version, flags: .init(rawValue: chunk.flags),
            storedSize: chunk.storedSize ?? chunk.content.count,
            contentSize: chunk.contentSize ?? chunk.content.count, checksum: 0)
        stored.header.checksum = stored.computedChecksum
        return stored
    }
}

/// The error reading gives, nil when it succeeds.
func failure(reading bytes: [UInt8]) -> SnapshotFormatError? {
    do throws(SnapshotFormatError) {
        _ = try SnapshotReader.decode(bytes)
        return nil
    } catch {
        return error
    }
}
