public import LinuxSystem

/// Gives the next bytes of an input: at least one and at most the number asked for.
///
/// No bytes mean the end of the input. It need not be able to seek.
public typealias SnapshotPull = (_ maximum: Int) throws(Errno) -> [UInt8]

/// The input of a reader: exact counts of bytes, the position in the file, the digest so far.
struct FileInput {
    /// The most bytes asked for at once, so that a size that lies costs no memory.
    private static let piece = 64 << 10

    private let pull: SnapshotPull
    private(set) var offset = 0
    var digest = SHA256()

    init(_ pull: @escaping SnapshotPull) {
        self.pull = pull
    }

    init(_ bytes: [UInt8]) {
        var position = 0
        pull = { maximum in
            let piece = bytes[position..<min(position + maximum, bytes.count)]
            position = piece.endIndex
            return Array(piece)
        }
    }

    /// The next bytes, fewer than `count` only at the end of the input.
    mutating func next(
        upTo count: Int, chunk: ChunkKind? = nil
    ) throws(SnapshotFormatError) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let piece = try Errno.translating(
                try pull(min(count - bytes.count, Self.piece))
            ) {
                SnapshotFormatError(
                    .readFailed, chunk: chunk, offset: offset, errno: $0, "cannot read the file")
            }
            guard !piece.isEmpty else { break }
            bytes.append(contentsOf: piece.prefix(count - bytes.count))
            offset += piece.count
        }
        return bytes
    }

    /// The next bytes; an error when the input ends before.
    mutating func next(
        _ count: Int, chunk: ChunkKind? = nil
    ) throws(SnapshotFormatError) -> [UInt8] {
        let bytes = try next(upTo: count, chunk: chunk)
        guard bytes.count == count else {
            let place = chunk.map { "the \($0) chunk" } ?? "a chunk header"
            throw SnapshotFormatError(
                .truncated, chunk: chunk, offset: offset,
                "the file ends \(count - bytes.count) bytes before the end of \(place); "
                    + "get a complete copy of it")
        }
        return bytes
    }
}
