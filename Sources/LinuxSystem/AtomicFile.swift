/// Replacing a file so that no reader, and no crash, ever sees half of it.
public enum AtomicFile {
    /// Writes the chunks to a new file and puts it in place of `path`.
    ///
    /// The new file is written beside the old one, brought to the disk, and renamed over it; then
    /// the directory is brought to the disk. A failure before the rename removes the new file and
    /// leaves the old one as it was. A symbolic link is followed, its target replaced. What is no
    /// regular file (a pipe, a device, `/dev/stdout`) cannot be replaced and is written directly.
    ///
    /// - Parameters:
    ///   - permissions: of the new file, whatever the umask and the old file's were. The state of a
    ///     vCPU holds secrets of its guest (pointer authentication keys, for one), so the owner only.
    ///   - chunks: written one after the other.
    public static func replace(
        _ path: String, permissions: UInt32 = 0o600, with chunks: some Sequence<[UInt8]>
    ) throws(FileError) {
        try replace(path, permissions: permissions) { file throws(Errno) in
            for chunk in chunks { try file.writeAll(chunk) }
        }
    }

    /// The same with what `write` writes, from front to back.
    public static func replace(
        _ path: String, permissions: UInt32 = 0o600,
        writing write: (borrowing FileDescriptor) throws(Errno) -> Void
    ) throws(FileError) {
        try replace(path, permissions: permissions, writing: write, directly: write)
    }

    /// The same with a file that `write` fills, from its start and in any order.
    /// - Parameter directly: writes from front to back, to what is no regular file.
    static func replace(
        _ path: String, permissions: UInt32 = 0o600,
        writing write: (borrowing FileDescriptor) throws(Errno) -> Void,
        directly: (borrowing FileDescriptor) throws(Errno) -> Void
    ) throws(FileError) {
        switch try Target(path) {
        case .direct: try writeDirectly(to: path, directly)
        case .replaceable(let real):
            try writeBeside(real, named: path, permissions: permissions, write)
        }
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
        _ real: RealPath, named path: String, permissions: UInt32,
        _ write: (borrowing FileDescriptor) throws(Errno) -> Void
    ) throws(FileError) {
        var step = FileError.Step.create
        do throws(Errno) {
            var temporary = try TemporaryFile.make(
                in: real.directory, permissions: permissions)
            step = .write
            try write(temporary.file)
            step = .synchronize
            try temporary.file.synchronize()
            step = .rename
            try temporary.rename(to: real.path)
            step = .synchronize
            try FileDescriptor(opening: real.directory, for: .directory).synchronize()
        } catch {
            throw FileError(step, path, error)
        }
    }
}
