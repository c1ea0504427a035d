/// A file, pipe or standard stream that is read from front to back.
package final class ByteStream {
    private let file: FileDescriptor

    /// Opens a path.
    ///
    /// The corresponding C function is `open`.
    /// - Throws: step `open`, with its errno.
    package init(opening path: String) throws(FileError) {
        file = try FileError.during(.open, path, try FileDescriptor(opening: path, for: .reading))
    }

    /// Reads a standard stream through a duplicate of its descriptor; the stream itself stays open.
    /// - Throws: step `open` and `EBADF` when the stream is closed.
    package init(_ stream: StandardStream) throws(FileError) {
        file = try FileError.during(.open, stream.name, try FileDescriptor(duplicating: stream))
    }

    /// What comes next, at most `count` bytes; empty at the end.
    ///
    /// The corresponding C function is `read`.
    /// - Throws: the errno of `read`.
    package func read(upTo count: Int) throws(Errno) -> [UInt8] {
        try file.read(upTo: count)
    }
}
