internal import CLinux

/// An open file, owned: it is closed exactly once, at the latest when the value's life ends.
///
/// One that is borrowed is its owner's to close.
package struct FileDescriptor: ~Copyable {
    private let number: Int32
    private let isOwned: Bool

    /// How `init(opening:for:)` opens.
    ///
    /// The object must exist; nothing is created or truncated.
    package enum Access: Hashable, Sendable {
        case reading, writing, readingAndWriting
        /// Of a directory, for `synchronize()`.
        case directory
    }

    /// Takes over a descriptor that somebody else opened.
    package init(owning number: Int32) {
        self.number = number
        isOwned = true
    }

    /// Uses a descriptor that somebody else has open, and never closes it.
    ///
    /// It must stay open as long as this value lives.
    package init(borrowing number: Int32) {
        self.number = number
        isOwned = false
    }

    /// Takes over the result of a function of CLinux: a descriptor, or a negated error number.
    /// - Throws: the error that the result stands for.
    package init(owningResult result: Int32) throws(Errno) {
        number = try Errno.check(result)
        isOwned = true
    }

    /// Opens a path, close-on-exec.
    ///
    /// The corresponding C function is `open`.
    /// - Throws: the errno of `open`.
    package init(opening path: String, for access: Access) throws(Errno) {
        let open =
            switch access {
            case .reading: clinux_open_read
            case .writing: clinux_open_write
            case .readingAndWriting: clinux_open_read_write
            case .directory: clinux_open_directory
            }
        try self.init(owningResult: FileName.withBytes(of: path, open))
    }

    /// Opens a regular file, close-on-exec, without following a link at its end or waiting for anything.
    /// - Throws: `ESPIPE` for a pipe or device, `EISDIR`, `ELOOP` for a symbolic link.
    init(openingRegular path: String, for access: LockedFile.Access) throws(Errno) {
        let writes: Int32 = access == .readingAndWriting ? 1 : 0
        try self.init(
            owningResult: FileName.withBytes(of: path) { clinux_open_regular($0, writes) })
    }

    /// Makes a file that was not there, for writing.
    /// - Parameter permissions: of which the umask takes away some.
    /// - Throws: `EEXIST` where something has that name.
    init(creating path: String, permissions: UInt32) throws(Errno) {
        try self.init(
            owningResult: FileName.withBytes(of: path) { clinux_create_new($0, permissions) })
    }

    /// Another descriptor of what this one has open, with its position and its lock.
    ///
    /// The corresponding C function is `fcntl` with `F_DUPFD_CLOEXEC`.
    init(duplicating file: borrowing FileDescriptor) throws(Errno) {
        try self.init(owningResult: file.withNumber(clinux_duplicate))
    }

    /// Opens what a standard stream is connected to once more, leaving the stream itself open.
    ///
    /// The corresponding C function is `fcntl` with `F_DUPFD_CLOEXEC`.
    /// - Throws: what `fcntl` fails with.
    package init(duplicating stream: StandardStream) throws(Errno) {
        try self.init(owningResult: clinux_duplicate(stream.rawValue))
    }

    deinit {
        guard isOwned else { return }
        // Nobody is left to tell about an error here; close() is for those who care.
        _ = clinux_close(number)
    }

    /// Closes the file and reports what a delayed write came to, which `deinit` cannot.
    ///
    /// The corresponding C function is `close`.
    /// - Throws: the errno of `close`; the descriptor is closed all the same.
    package consuming func close() throws(Errno) {
        let result = isOwned ? clinux_close(number) : 0
        discard self
        try Errno.check(result)
    }

    /// Lends the number to a system call; it must not be closed or kept.
    /// - Throws: what `body` throws.
    package borrowing func withNumber<Result, Failure>(
        _ body: (Int32) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(number)
    }
}

extension FileDescriptor {
    /// Reads what is there, at most `count` bytes; empty at the end of the file.
    ///
    /// The corresponding C function is `read`.
    /// - Throws: the errno of `read`; one that was interrupted is made again.
    package borrowing func read(upTo count: Int) throws(Errno) -> [UInt8] {
        var result: Int64 = 0
        let bytes = withNumber { number in
            [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                // SAFETY: an empty buffer may have no address; read(2) is then not called. Else it
                // writes at most `count` bytes, the buffer's capacity.
                guard let address = buffer.baseAddress, count > 0 else { return }
                result = clinux_read(number, address, count)
                initialized = Int(max(0, result))
            }
        }
        try Errno.check(result)
        return bytes
    }

    /// Reads to the end of the file.
    /// - Throws: `EFBIG` when there are more than `limit` bytes; no more than that are ever held.
    package borrowing func readAll(limit: Int) throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let room = limit - bytes.count
            let chunk = try read(upTo: room < Self.chunkSize ? room + 1 : Self.chunkSize)
            if chunk.isEmpty { return bytes }
            bytes += chunk
            if bytes.count > limit { throw .fileTooLarge }
        }
    }

    /// Writes all the bytes.
    ///
    /// The corresponding C function is `write`.
    /// - Throws: the errno of `write`; some of the bytes can be written then.
    package borrowing func writeAll(_ bytes: [UInt8]) throws(Errno) {
        try writeAll(bytes) { number, rest, count, _ in clinux_write(number, rest, count) }
    }

    /// Writes all the bytes by a call that may write fewer, and does not keep the address of the rest.
    /// - Parameter write: called with the descriptor, the rest's address and length, and how many bytes are written.
    borrowing func writeAll(
        _ bytes: [UInt8], by write: (Int32, UnsafeRawPointer, Int, Int) -> Int64
    ) throws(Errno) {
        var written = 0
        while written < bytes.count {
            let result = withNumber { number in
                bytes.withUnsafeBytes { buffer -> Int64 in
                    // SAFETY: the rest is not empty, so it has an address; the call only reads it.
                    let rest = UnsafeRawBufferPointer(rebasing: buffer[written...])
                    return rest.baseAddress.map { write(number, $0, rest.count, written) } ?? 0
                }
            }
            // Nothing written and no error would be repeated forever.
            guard try Errno.check(result) > 0 else { throw .io }
            written += Int(result)
        }
    }

    /// Sends bytes to a socket, as many as it takes at once; how many that was.
    ///
    /// The corresponding C function is `sendmsg`.
    /// - Parameter descriptor: goes along with the first of them; -1 for none.
    /// - Throws: what `sendmsg` fails with.
    package borrowing func send(
        _ bytes: ArraySlice<UInt8>, passing descriptor: Int32 = -1
    ) throws(Errno) -> Int {
        let result = withNumber { number in
            bytes.withUnsafeBytes { buffer in
                // SAFETY: bytes have an address unless there are none; sendmsg(2) only reads them.
                buffer.baseAddress.map { clinux_send(number, $0, buffer.count, descriptor) } ?? 0
            }
        }
        return Int(try Errno.check(result))
    }

    /// Waits until what was written is on the disk.
    ///
    /// The corresponding C function is `fsync`.
    /// - Throws: the errno of `fsync`.
    package borrowing func synchronize() throws(Errno) {
        try Errno.check(withNumber { clinux_fsync($0) })
    }

    /// Locks the file against all others that lock it, until the last descriptor of this opening goes.
    ///
    /// The corresponding C function is `flock`.
    /// - Returns: false where another one has the lock.
    borrowing func lock() throws(Errno) -> Bool {
        let result = withNumber { clinux_lock($0, 0) }
        if result == -Errno.tryAgain.rawValue { return false }
        try Errno.check(result)
        return true
    }

    /// The same, however long it takes.
    borrowing func waitForLock() throws(Errno) {
        try Errno.check(withNumber { clinux_lock($0, 1) })
    }

    /// Whether this is a terminal.
    ///
    /// The corresponding C function is `isatty`.
    package borrowing func isTerminal() -> Bool {
        withNumber { clinux_is_terminal($0) } == 1
    }

    private static let chunkSize = 1 << 18
}
