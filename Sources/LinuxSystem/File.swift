internal import CLinux

/// Reading whole files.
public enum File {
    /// Reads a file, pipe or device to its end.
    /// - Parameter limit: the most bytes accepted, and held.
    /// - Throws: step `read` and `EFBIG` when there is more than that.
    public static func read(_ path: String, limit: Int) throws(FileError) -> [UInt8] {
        var step = FileError.Step.open
        do throws(Errno) {
            let file = try FileDescriptor(opening: path, for: .reading)
            step = .read
            return try file.readAll(limit: limit)
        } catch {
            throw FileError(step, path, error)
        }
    }

    /// Reads a standard stream to its end, as a file.
    /// - Throws: where it cannot be read, or has more than `limit` bytes.
    package static func read(_ stream: StandardStream, limit: Int) throws(FileError) -> [UInt8] {
        try FileError.during(
            .read, stream.name, try FileDescriptor(duplicating: stream).readAll(limit: limit))
    }

    /// Reads a regular file that may be anything because its name was made up: it follows no symbolic link at the end
    /// of the path, and waits for no pipe.
    /// - Throws: `EFBIG` when there are more than `limit` bytes, `ESPIPE` for a pipe or device, `ELOOP` for a symbolic
    ///   link.
    public static func readRegular(_ path: String, limit: Int) throws(FileError) -> [UInt8] {
        var step = FileError.Step.open
        do throws(Errno) {
            let file = try FileDescriptor(openingRegular: path, for: .reading)
            step = .read
            // One that is too large may be a hole of any size.
            guard try file.regularSize() <= limit else { throw .fileTooLarge }
            return try file.readAll(limit: limit)
        } catch {
            throw FileError(step, path, error)
        }
    }

    /// The first `count` bytes of a regular file, or all of a shorter one; nil when it is not a regular file or cannot
    /// be read.
    public static func beginning(of path: String, count: Int) -> [UInt8]? {
        try? FileDescriptor(openingRegular: path, for: .reading).read(upTo: count)
    }

    /// Removes a name.
    ///
    /// The corresponding C function is `unlink`.
    /// - Throws: with the errno of `unlink`.
    public static func remove(_ path: String) throws(FileError) {
        _ = try FileError.during(
            .remove, path, try Errno.check(FileName.withBytes(of: path, clinux_unlink)))
    }
}
