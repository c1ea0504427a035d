package import LinuxSystem

/// Changes of a file in place, and their undoing, by the undo file beside it (Formats/undo-v1.md).
///
/// The file is opened once and locked as long as this lives: what is read, compared, changed and undone is one
/// file, and no other `mend` or `unmend` comes in between.
package struct UndoableChange {
    private let name: String
    private let file: LockedFile

    /// Opens the file for reading and writing, waits for its lock, and removes temporary files that an interrupted
    /// run left beside it.
    ///
    /// While it waits, it says so.
    /// - Throws: when it is not a regular file, or cannot be opened or written.
    package init(_ path: String, _ options: SourceOptions) throws(SourceError) {
        name = FileName.shown(path)
        file = try LockedFile(waitingFor: path, .readingAndWriting, options)
        AtomicFile.removeLeftovers(beside: file.path)
    }

    /// The file as it is now.
    /// - Throws: where it cannot be read.
    package func contents() throws(SourceError) -> SeekableFile {
        try SourceError.passing { try SeekableFile(file) }
    }

    /// Whether there is an undo file that may be of this file.
    package var hasUndoFile: Bool { (try? existing())?.isEmpty == false }

    /// Writes the undo file, then changes the file.
    /// - Throws: where one of them cannot be written.
    package func apply(_ patch: FilePatch) throws(SourceError) {
        try SourceError.passing { try change(by: patch) }
    }

    private func change(by patch: FilePatch) throws {
        try checkNothingIsLost(isChanging: !patch.isEmpty)
        guard !patch.isEmpty else { return }
        let undo = try undoFile(of: patch)
        guard let changed = undo.changedBytes else { return }
        let path = file.path + UndoFile.suffix
        try AtomicFile.replace(path, with: [undo.encoded])
        guard file.isInPlace, try undo.state(of: try contents()) == .original else {
            try File.remove(path)
            throw SourceError(
                "\(name) was changed or replaced by another program meanwhile: nothing was done")
        }
        try replaceEnd(from: undo.start, with: changed)
    }

    private func undoFile(of patch: FilePatch) throws -> UndoFile {
        do {
            return try UndoFile(of: patch, to: try contents())
        } catch let error as UndoFileError {
            guard case .tooLong = error else { throw error }
            throw SourceError(
                "the register list cannot be written: \(error); write to another file with --output"
            )
        }
    }

    /// An undo file that is needed, or is another file's, is not replaced; a file whose change was
    /// interrupted is never as it should be.
    private func checkNothingIsLost(isChanging: Bool) throws {
        for (path, undo) in try existing() {
            switch try undo.state(of: try contents()) {
            case .original: continue
            case .changed where !isChanging: continue
            case .foreign where !isChanging, .altered where !isChanging: continue
            case .changed, .between:
                throw SourceError(
                    "\(name) was changed before, and \(FileName.shown(path)) restores it: run "
                        + "vcpusnap unmend first")
            case .altered, .foreign:
                throw SourceError(
                    "\(FileName.shown(path)) belongs to another file, or \(name) was changed since: move "
                        + "it away, or write with --output")
            }
        }
    }

    /// Puts the original bytes back and removes the undo file.
    /// - Returns: false when the file was as it was before the change.
    /// - Throws: where the undo file is missing or of another file, and where the file cannot be written.
    package func undo() throws(SourceError) -> Bool {
        try SourceError.passing { try putBack() }
    }

    private func putBack() throws -> Bool {
        guard let (path, undo) = try existing().first else {
            throw SourceError(
                "there is no \(name)\(UndoFile.suffix): only what mend --in-place changed can be "
                    + "undone")
        }
        let state = try undo.state(of: try contents())
        switch state {
        case .original: break
        case .changed, .between: try replaceEnd(from: undo.start, with: undo.original)
        case .foreign:
            throw SourceError("\(FileName.shown(path)) belongs to another file than \(name)")
        case .altered: throw altered(FileName.shown(path), undo)
        }
        do throws(FileError) {
            try File.remove(path)
        } catch {
            throw SourceError(
                "\(error); \(name) is as it was before that mend, and \(FileName.shown(path)) is of no more use"
            )
        }
        return state != .original
    }

    /// Neither the one nor the other, and so nothing that may be overwritten.
    private func altered(_ path: String, _ undo: UndoFile) -> SourceError {
        let count = undo.original.count
        return SourceError(
            "\(path) belongs to another file than \(name), or \(name) was changed since: it is neither as it "
                + "was before that mend nor as after it, and stays as it is. If a later mend by "
                + "another name of the file changed it, undo that first. Else the original is the first "
                + "\(undo.start) bytes of \(name) and, in \(path), \(count) bytes from byte "
                + "\(undo.originalOffset) on")
    }

    private func replaceEnd(from start: Int64, with bytes: [UInt8]) throws {
        do throws(FileError) {
            try file.replaceEnd(from: start, with: bytes)
        } catch {
            throw SourceError("\(error): vcpusnap unmend restores it")
        }
    }
}

// MARK: - Undo files

extension UndoableChange {
    /// Those there are for the file; more than one where it has several names.
    private func existing() throws -> [(path: String, undo: UndoFile)] {
        try candidates().compactMap { path in try read(path).map { (path, $0) } }
    }

    /// Where its undo file may be: by its name without links, and by its other names in that directory.
    private func candidates() throws -> [String] {
        let own = file.path + UndoFile.suffix
        guard file.hasOtherNames, let slash = file.path.utf8.lastIndex(of: UInt8(ascii: "/")) else {
            return [own]
        }
        let folder = String(file.path[...slash])
        let others = try Folder.names(in: folder) { $0.hasSuffix(UndoFile.suffix) }
            .map { folder + $0 }
            .filter { $0 != own && isOfThisFile(String($0.dropLast(UndoFile.suffix.count))) }
        return [own] + others
    }

    private func isOfThisFile(_ path: String) -> Bool {
        FileIdentity(of: path).map { $0 == FileIdentity(of: file.path) } ?? false
    }

    /// Nil where there is none.
    private func read(_ path: String) throws -> UndoFile? {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try File.readRegular(path, limit: UndoFile.longest)
        } catch {
            guard error.errno == .noEntry else { throw error }
            return nil
        }
        do throws(UndoFileError) {
            return try UndoFile(decoding: bytes)
        } catch {
            throw SourceError(
                "\(FileName.shown(path)): \(error); it cannot undo anything any more: what it has of the original "
                    + "follows its first bytes (Formats/undo-v1.md), and what came before that is in \(name)"
            )
        }
    }
}
