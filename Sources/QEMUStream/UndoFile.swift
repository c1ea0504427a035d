internal import Checksums
public import LinuxSystem

/// What undoes the changes of a file: the bytes it had from the first changed one on.
///
/// Formats/undo-v1.md has the layout. The file lies beside the changed one, and is complete and on the
/// disk before anything is changed.
public struct UndoFile: Sendable {
    /// Of the file before the change.
    let originalSize: Int64
    /// Of the file after it.
    let changedSize: Int64
    /// Where the two begin to differ.
    let start: Int64
    /// Of the bytes just before `start`, which both have.
    let contextDigest: [UInt8]
    /// Of everything from `start` on after the change.
    let changedDigest: [UInt8]
    /// Everything from `start` on before the change.
    let tail: [UInt8]

    static let magic = Array("VCPUUNDO".utf8)
    static let version: UInt64 = 1
    static let headerLength = 8 + 4 * 8 + 2 * SHA256.size
    static let longestContext: Int64 = 1 << 16
    /// The most bytes that are kept: the device state and description of a stream.
    public static let longestTail = 256 << 20

    /// The name's end of a file's undo file.
    public static let suffix = ".undo"
}

extension UndoFile {
    /// Of a patch, before it is applied.
    public init(of patch: FilePatch, to file: any SeekableBytes) throws(QEMUStreamError) {
        guard let first = patch.replacements.first else { throw .list("nothing is to be changed") }
        start = first.range.lowerBound
        originalSize = file.size
        changedSize = file.size + patch.growth
        guard file.size - start <= Int64(Self.longestTail) else {
            throw .list(
                "\(file.size - start) bytes follow the first change, and an undo file keeps "
                    + "\(Self.longestTail) at most; write to another file with --output")
        }
        tail = try file.bytes(at: start, count: Int(file.size - start))
        contextDigest = try Self.contextDigest(file, before: start)
        var digest = SHA256()
        for piece in patch.pieces(from: start, size: file.size) {
            switch piece {
            case .new(let bytes): digest.update(bytes)
            case .kept(let range):
                let kept = range.lowerBound - start..<range.upperBound - start
                digest.update(tail[Int(kept.lowerBound)..<Int(kept.upperBound)])
            }
        }
        changedDigest = digest.finish()
    }

    private static func contextDigest(
        _ file: any SeekableBytes, before start: Int64
    ) throws(QEMUStreamError) -> [UInt8] {
        let count = min(start, longestContext)
        return SHA256.of([try file.bytes(at: start - count, count: Int(count))])
    }

    // MARK: The file

    public var encoded: [UInt8] {
        let numbers = [
            Self.version, UInt64(originalSize), UInt64(changedSize), UInt64(start),
        ]
        let body =
            Self.magic + numbers.flatMap { BigEndian.bytes($0, 8) } + contextDigest
            + changedDigest + tail
        return body + SHA256.of([body])
    }

    public init(decoding bytes: [UInt8]) throws(QEMUStreamError) {
        guard bytes.starts(with: Self.magic) else {
            throw .damaged(
                part: "the undo file", offset: 0, expected: "VCPUUNDO",
                found: "\(bytes.prefix(8))")
        }
        guard bytes.count >= Self.headerLength + SHA256.size,
            SHA256.of([Array(bytes.dropLast(SHA256.size))]) == bytes.suffix(SHA256.size)
        else {
            throw .damaged(
                part: "the undo file", offset: Int64(max(0, bytes.count - SHA256.size)),
                expected: "the SHA-256 of what is before", found: "another")
        }
        let version = bytes.bigEndian(at: 8, count: 8)
        guard version == Self.version else {
            throw .damaged(
                part: "the undo file's version", offset: 8, expected: "1", found: "\(version)")
        }
        originalSize = Int64(bitPattern: bytes.bigEndian(at: 16, count: 8))
        changedSize = Int64(bitPattern: bytes.bigEndian(at: 24, count: 8))
        start = Int64(bitPattern: bytes.bigEndian(at: 32, count: 8))
        contextDigest = Array(bytes[40..<72])
        changedDigest = Array(bytes[72..<104])
        tail = Array(bytes[Self.headerLength..<bytes.count - SHA256.size])
        guard start >= 0, changedSize >= start, originalSize >= start,
            Int64(tail.count) == originalSize - start
        else {
            throw .damaged(
                part: "the undo file's sizes", offset: 16, expected: "sizes that fit its content",
                found: "others")
        }
    }

    // MARK: Which file it belongs to

    /// What a file is to this undo file.
    public enum State: Hashable, Sendable {
        /// As it was before the change.
        case original
        /// As it was after the change.
        case changed
        /// The change, or an earlier undoing, was interrupted.
        case between
        /// Another file.
        case foreign
    }

    public func state(of file: any SeekableBytes) throws(QEMUStreamError) -> State {
        guard file.size >= start,
            try Self.contextDigest(file, before: start) == contextDigest
        else { return .foreign }
        let count = Int(min(file.size - start, Int64(Self.longestTail)))
        let now = try file.bytes(at: start, count: count)
        if file.size == originalSize, now == tail { return .original }
        if file.size == changedSize, SHA256.of([now]) == changedDigest { return .changed }
        let sizes = min(originalSize, changedSize)...max(originalSize, changedSize)
        return sizes.contains(file.size) ? .between : .foreign
    }

    /// What turns a file, in whatever state of the change, into the original.
    public func undoing(_ file: any SeekableBytes) -> FilePatch {
        FilePatch([FilePatch.Replacement(start..<file.size, tail)])
    }
}
