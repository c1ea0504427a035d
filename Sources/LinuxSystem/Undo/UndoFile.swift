/// What undoes the change of a file: the bytes that it had from the first changed one on, and those that it got.
///
/// Formats/undo-v1.md has the layout. The file lies beside the changed one, and is complete and on the
/// disk before anything is changed.
package struct UndoFile: Sendable {
    /// Of the file before the change, in bytes.
    let originalSize: Int64
    /// Of the file after it, in bytes.
    let changedSize: Int64
    /// Where the change begins: nothing before it differs.
    package let start: Int64
    /// Of the bytes just before `start`, which both have.
    let contextDigest: [UInt8]
    /// Everything from `start` on before the change.
    package let original: [UInt8]
    let changed: Changed

    /// What is known of everything from `start` on after the change.
    enum Changed: Hashable, Sendable {
        case bytes([UInt8])
        /// Of version 1.
        case digest([UInt8])
    }

    /// The bytes it begins with.
    package static let magic = Array("VCPUUNDO".utf8)
    static let version: UInt64 = 2
    static let longestContext: Int64 = 1 << 16
    /// The most bytes that follow `start`, before the change and after it: device state and description of a stream.
    package static let longestEnd = 256 << 20
    /// The most bytes of an undo file.
    package static let longest = 2 * longestEnd + (1 << 16)

    /// What the name of an undo file adds to that of its file.
    package static let suffix = ".undo"
}

// MARK: - Making

extension UndoFile {
    /// What undoes a patch that is not applied yet.
    /// - Throws: `nothingToUndo` for an empty patch, `tooLong` when more than `longestEnd` bytes follow the first change,
    ///   `file` when the file cannot be read.
    package init(of patch: FilePatch, to file: any SeekableBytes) throws(UndoFileError) {
        guard let first = patch.replacements.first?.range.lowerBound else { throw .nothingToUndo }
        let longest = Int64(Self.longestEnd)
        guard file.size - first <= longest, file.size - first + patch.growth <= longest else {
            throw .tooLong(file.size - first)
        }
        let before = try file.bytes(at: first, count: Int(file.size - first))
        let after = patch.end(from: first, of: before)
        let same = zip(before, after).prefix { $0 == $1 }.count
        start = first + Int64(same)
        originalSize = file.size
        changedSize = try (Checked(file.size) + Checked(patch.growth)).value(
            or: UndoFileError.file(FileError(.change, file.name, .fileTooLarge)))
        original = Array(before.dropFirst(same))
        changed = .bytes(Array(after.dropFirst(same)))
        contextDigest = try Self.contextDigest(file, before: start)
    }

    /// What the file has from `start` on after the change; nil for version 1, which is only read.
    package var changedBytes: [UInt8]? {
        guard case .bytes(let bytes) = changed else { return nil }
        return bytes
    }

    private static func contextDigest(
        _ file: any SeekableBytes, before start: Int64
    ) throws(UndoFileError) -> [UInt8] {
        let count = min(start, longestContext)
        return SHA256.of([try file.bytes(at: start - count, count: Int(count))])
    }
}

// MARK: - Which file it belongs to

extension UndoFile {
    /// What a file is to this undo file.
    package enum State: Hashable, Sendable {
        /// As it was before the change.
        case original
        /// As it was after the change.
        case changed
        /// The change, or an earlier undoing, was interrupted.
        case between
        /// None of these, though it begins like them: it was changed since, or is another file.
        case altered
        /// Another file: it is too short, or differs before `start`.
        case foreign
    }

    /// Compares a file with both states: its size, the bytes just before `start`, and those from `start` on.
    /// - Throws: when the file cannot be read.
    package func state(of file: any SeekableBytes) throws(UndoFileError) -> State {
        guard file.size >= start,
            try Self.contextDigest(file, before: start) == contextDigest
        else { return .foreign }
        let sizes = min(originalSize, changedSize)...max(originalSize, changedSize)
        guard sizes.contains(file.size), file.size - start <= Int64(Self.longestEnd) else {
            return .altered
        }
        let now = try file.bytes(at: start, count: Int(file.size - start))
        if now == original { return .original }
        switch changed {
        case .bytes(let bytes):
            if now == bytes { return .changed }
            return isMixed(now, bytes) ? .between : .altered
        case .digest(let digest): return state(of: now, digest)
        }
    }

    /// Whether each byte is one of the two at its place.
    ///
    /// Where a crash has lost what a file was lengthened by, it is zero.
    private func isMixed(_ now: [UInt8], _ changed: [UInt8]) -> Bool {
        let both = min(original.count, changed.count)
        let longer = original.count > changed.count ? original : changed
        return now.indices.allSatisfy { place in
            let byte = now[place]
            guard place < both else { return byte == longer[place] || byte == 0 }
            return byte == original[place] || byte == changed[place]
        }
    }

    /// The same by what version 1 knows.
    private func state(of now: [UInt8], _ digest: [UInt8]) -> State {
        let changedCount = Int(changedSize - start)
        if now.count >= changedCount, SHA256.of([Array(now.prefix(changedCount))]) == digest {
            if now.count == changedCount { return .changed }
            let rest = changedCount..<now.count
            return now.count == original.count && now[rest] == original[rest] ? .between : .altered
        }
        // The original bytes again, and the file not yet cut.
        let isRestored = now.count == changedCount && now.starts(with: original)
        return isRestored ? .between : .altered
    }
}

extension SeekableBytes {
    /// `read` with an undo file's errors.
    fileprivate func bytes(at offset: Int64, count: Int) throws(UndoFileError) -> [UInt8] {
        try FileError.translating(try read(at: offset, count: count)) { UndoFileError.file($0) }
    }
}
