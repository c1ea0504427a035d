internal import LinuxSystem
internal import TextFormats
internal import VCPUModel

/// What the chunks of a file add up to while it is being read.
struct SnapshotContent {
    let header: SnapshotHeader
    /// The chunks whose header was read.
    var chunkCount = 0
    var contentSizes: [Int] = []
    /// What the file has beyond version 1.1.
    private(set) var unknown = UnknownContent()
    private var provenance: Provenance?
    private var vcpus: [VCPUState]?
    private var vm: RegisterList?
    private var hasEnd = false

    init(header: SnapshotHeader) {
        self.header = header
        unknown.features = header.compatibleFeatures
        unknown.headerBytes = header.headerSize - SnapshotHeader.size
    }

    func makeDecompressor() throws(SnapshotFormatError) -> ZstdDecompressor {
        let dictionary = FormatDictionary.all[header.dictionaryID] ?? .none
        return try ZstdError.translating(
            try ZstdDecompressor.make(dictionary: dictionary.bytes)
        ) { SnapshotFormatError(.compression, "libzstd: \($0.message)") }
    }

    /// Takes in a chunk whose checksum was checked.
    /// - Parameter digest: of everything before the chunk.
    mutating func add(
        _ chunk: StoredChunk, digest: SHA256, _ decompressor: borrowing ZstdDecompressor
    ) throws(SnapshotFormatError) {
        try chunk.header.checkMeaning(offset: chunk.offset)
        guard !hasEnd else {
            throw chunk.error(.misplacedChunk, "it stands after the end chunk")
        }
        guard try isKnown(chunk) else {
            unknown.chunks.append(chunk.header.kind)
            return
        }
        switch chunk.header.kind {
        case .provenance:
            try refuseSecond(chunk, provenance != nil)
            var reader = try chunk.content(decompressor)
            provenance = try Provenance(parsing: &reader)
        case .vcpus:
            try refuseSecond(chunk, vcpus != nil)
            var reader = try chunk.content(decompressor)
            vcpus = try VCPUChunk(parsing: &reader, header: header).vcpus
        case .vm:
            try refuseSecond(chunk, vm != nil)
            var reader = try chunk.content(decompressor)
            vm = try RegisterList(parsing: &reader)
        default:
            try end(chunk, digest)
        }
    }

    /// Whether to decode a chunk; a critical one that is not known is an error.
    private func isKnown(_ chunk: StoredChunk) throws(SnapshotFormatError) -> Bool {
        let isKnownKind = [.provenance, .vcpus, .vm, .end].contains(chunk.header.kind)
        if isKnownKind, chunk.header.version == 1 { return true }
        guard !chunk.header.flags.contains(.skippable) else { return false }
        guard isKnownKind else {
            throw chunk.error(
                .unknownChunk,
                "the file (version \(SnapshotHeader.majorVersion).\(header.minorVersion)) needs "
                    + "a reader that knows this kind of chunk; use a newer program")
        }
        throw chunk.error(
            .unsupportedVersion,
            "its version is \(chunk.header.version), this program reads version 1; "
                + "use a newer program")
    }

    private func refuseSecond(
        _ chunk: StoredChunk, _ isSecond: Bool
    ) throws(SnapshotFormatError) {
        guard !isSecond else { throw chunk.error(.duplicateChunk, "it stands twice") }
    }

    private mutating func end(
        _ chunk: StoredChunk, _ digest: SHA256
    ) throws(SnapshotFormatError) {
        hasEnd = true
        guard chunkCount == header.chunkCount else {
            throw chunk.error(
                .misplacedChunk,
                "it is chunk \(chunkCount) of \(header.chunkCount), expected it to be the last")
        }
        guard chunk.header.flags.isEmpty, chunk.stored.count == SHA256.size else {
            throw chunk.error(
                .malformed,
                "expected \(SHA256.size) bytes and no flags, found \(chunk.stored.count) bytes "
                    + "and flags \(chunk.header.flags.rawValue.hex)")
        }
        guard chunk.stored == digest.finish() else {
            throw SnapshotFormatError(
                .digestMismatch, chunk: .end, offset: chunk.storedOffset,
                "the SHA-256 of the file is not the one it ends with: it was changed after it was "
                    + "written; get another copy of it")
        }
    }

    /// Checks what the header says about all chunks together.
    func checkTotals(length: Int) throws(SnapshotFormatError) {
        guard hasEnd else {
            throw SnapshotFormatError(
                .missingChunk, chunk: .end, offset: length,
                "none of the \(chunkCount) chunks is the end chunk")
        }
        let statements = [
            (24, "file size", header.fileSize, length),
            (28, "content size", header.contentSize, contentSizes.reduce(0, +)),
            (32, "largest content", header.largestContent, contentSizes.max() ?? 0),
        ]
        for (offset, what, said, found) in statements where said != found {
            throw SnapshotFormatError(
                .sizeMismatch, offset: offset, "the header's \(what) is \(said), it is \(found)")
        }
    }

    func snapshot() throws(SnapshotFormatError) -> Snapshot {
        guard let vcpus else {
            throw SnapshotFormatError(
                .missingChunk, chunk: .vcpus, offset: header.fileSize,
                "none of the \(chunkCount) chunks holds the vCPUs")
        }
        return Snapshot(
            provenance: provenance ?? Provenance(), vcpus: vcpus, vm: vm ?? RegisterList())
    }
}

extension StoredChunk {
    func error(_ code: SnapshotFormatError.Code, _ message: String) -> SnapshotFormatError {
        SnapshotFormatError(code, chunk: header.kind, offset: offset, message)
    }

    /// Where the chunk ends in the file.
    var end: Int { storedOffset + stored.count }
}
