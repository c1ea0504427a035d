internal import LinuxSystem
internal import QEMUStream

/// Changes of a file in place, and their undoing, by the undo file beside it (Formats/undo-v1.md).
struct UndoableChange {
    private let path: String
    private let undoPath: String

    init(_ path: String) {
        self.path = path
        undoPath = path + UndoFile.suffix
    }

    /// Writes the undo file, then changes the file.
    func apply(_ patch: FilePatch) throws {
        try checkNothingIsLost(isChanging: !patch.isEmpty)
        guard !patch.isEmpty else { return }
        let undo = try UndoFile(of: patch, to: try SeekableFile(opening: path))
        try AtomicFile.replace(undoPath, with: [undo.encoded])
        try patch.applyInPlace(to: path, limit: UndoFile.longestTail)
    }

    /// An undo file that is needed, or is another file's, is not replaced; a file whose change was
    /// interrupted is never as it should be.
    private func checkNothingIsLost(isChanging: Bool) throws {
        guard let undo = try existing() else { return }
        switch try undo.state(of: try SeekableFile(opening: path)) {
        case .original: return
        case .changed where !isChanging: return
        case .foreign where !isChanging: return
        case .changed, .between:
            throw CommandError(
                "\(path) was changed before, and \(undoPath) restores it: run vcpusnap unmend first"
            )
        case .foreign:
            throw CommandError(
                "\(undoPath) belongs to another file: move it away, or write with --output")
        }
    }

    /// Puts the original bytes back and removes the undo file.
    /// - Returns: false when the file was as it was before the change.
    func undo() throws -> Bool {
        guard let undo = try existing() else {
            throw CommandError(
                "there is no \(undoPath): only what mend --in-place changed can be undone")
        }
        let file = try SeekableFile(opening: path)
        let state = try undo.state(of: file)
        guard state != .foreign else {
            throw CommandError("\(undoPath) belongs to another file than \(path)")
        }
        if state != .original {
            try undo.undoing(file).applyInPlace(to: path, limit: UndoFile.longestTail)
        }
        try File.remove(undoPath)
        return state != .original
    }

    private func existing() throws -> UndoFile? {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try File.read(undoPath, limit: UndoFile.longestTail + (1 << 16))
        } catch {
            guard error.errno == .noEntry else { throw error }
            return nil
        }
        do throws(QEMUStreamError) {
            return try UndoFile(decoding: bytes)
        } catch {
            throw CommandError("\(undoPath): \(error)")
        }
    }
}
