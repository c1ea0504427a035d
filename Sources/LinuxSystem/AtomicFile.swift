/// Replacing a file so that no reader, and no crash, ever sees half of it.
public enum AtomicFile {
    /// Whose the new file is, and who may do what with it.
    public enum Access: Hashable, Sendable {
        /// Its owner's alone, whatever the umask and the old file's were: the state of a vCPU holds
        /// secrets of its guest (pointer authentication keys, for one).
        case secret
        /// As the file that it replaces (owner, group, permissions, access list); `secret` where there is none yet.
        case kept
        /// As `kept`, for what anybody may see; what the umask leaves where there is no file yet.
        case open
    }

    /// Writes the chunks to a new file and puts it in place of `path`.
    ///
    /// The new file is written beside the old one, brought to the disk, and renamed over it; then
    /// the directory is brought to the disk. A failure before the rename removes the new file and
    /// leaves the old one as it was. A symbolic link is followed, its target replaced or made. What is no
    /// regular file (a pipe, a device, `/dev/stdout`) cannot be replaced and is written directly.
    ///
    /// What an earlier program that was killed left behind in that directory is removed.
    /// - Parameter chunks: written one after the other.
    /// - Throws: the step that failed, with its errno; the old file is there then, but where the
    ///   directory could not be brought to the disk.
    public static func replace(
        _ path: String, access: Access = .secret, with chunks: some Sequence<[UInt8]>
    ) throws(FileError) {
        try replace(path, access: access) { file throws(Errno) in
            for chunk in chunks { try file.writeAll(chunk) }
        }
    }

    /// The same with what `write` writes, from front to back.
    /// - Throws: as the other does, and what `write` throws as a failed write.
    package static func replace(
        _ path: String, access: Access = .secret,
        writing write: (borrowing FileDescriptor) throws(Errno) -> Void
    ) throws(FileError) {
        try replace(path, access: access, writing: write, directly: write)
    }

    /// The same with a file that `write` fills, from its start and in any order.
    /// - Parameter directly: writes from front to back, to what is no regular file.
    static func replace(
        _ path: String, access: Access = .secret,
        writing write: (borrowing FileDescriptor) throws(Errno) -> Void,
        directly: (borrowing FileDescriptor) throws(Errno) -> Void
    ) throws(FileError) {
        switch try Target(path) {
        case .direct: try writeDirectly(to: path, directly)
        case .replaceable(let real): try writeBeside(real, named: path, access: access, write)
        }
    }

    /// Finds out whether a file could be written, before anybody works for it; nothing is changed.
    /// - Throws: what replacing it would.
    public static func check(_ path: String) throws(FileError) {
        guard case .replaceable(let real) = try Target(path) else { return }
        _ = try FileError.during(.create, path, try TemporaryFile.make(in: real.directory))
    }

    /// Whether `replace` puts a new file in place of what a path leads to; what it writes directly is overwritten.
    public static func replaces(_ path: String) -> Bool {
        if case .replaceable? = try? Target(path) { true } else { false }
    }

    /// Removes what programs that were killed left behind in the directory of a file.
    public static func removeLeftovers(beside path: String) {
        guard let real = try? RealPath.directory(of: path, for: .open) else { return }
        TemporaryFile.removeLeftovers(in: real)
    }

    private static func writeDirectly(
        to path: String, _ write: (borrowing FileDescriptor) throws(Errno) -> Void
    ) throws(FileError) {
        var step = FileError.Step.open
        do throws(Errno) {
            let file = try FileDescriptor(opening: path, for: .writing)
            step = .write
            try write(file)
            step = .close
            try file.close()
        } catch {
            throw FileError(step, path, error)
        }
    }

    private static func writeBeside(
        _ real: RealPath, named path: String, access: Access,
        _ write: (borrowing FileDescriptor) throws(Errno) -> Void
    ) throws(FileError) {
        var step = FileError.Step.create
        do throws(Errno) {
            var temporary = try TemporaryFile.make(in: real.directory, access, of: real.path)
            step = .prepare
            try write(temporary.file)
            try temporary.file.synchronize()
            step = .rename
            try temporary.rename(to: real.path)
            step = .settle
            try FileDescriptor(opening: real.directory, for: .directory).synchronize()
        } catch {
            throw FileError(step, path, error)
        }
    }
}
