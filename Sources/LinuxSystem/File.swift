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

    /// Removes a name.
    ///
    /// The corresponding C function is `unlink`.
    public static func remove(_ path: String) throws(FileError) {
        do throws(Errno) {
            try Errno.check(clinux_unlink(path))
        } catch {
            throw FileError(.remove, path, error)
        }
    }
}
