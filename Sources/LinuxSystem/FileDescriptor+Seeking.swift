internal import CLinux

extension FileDescriptor {
    /// Exactly `count` bytes from `offset` on.
    ///
    /// The corresponding C function is `pread`.
    /// - Throws: `EIO` when the file ends before.
    package borrowing func read(at offset: Int64, count: Int) throws(Errno) -> [UInt8] {
        var failure: Errno?
        let bytes = withNumber { number in
            [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                while initialized < count {
                    // SAFETY: the buffer has room for `count` bytes, and `initialized` are used.
                    guard let address = buffer.baseAddress else { return }
                    let result = clinux_read_at(
                        number, address + initialized, count - initialized,
                        offset + Int64(initialized))
                    guard result > 0 else {
                        failure = result == 0 ? .io : Errno(rawValue: Int32(-result))
                        return
                    }
                    initialized += Int(result)
                }
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Writes all the bytes from `offset` on.
    ///
    /// The corresponding C function is `pwrite`.
    /// - Throws: the errno of `pwrite`; some of the bytes can be written then.
    package borrowing func write(_ bytes: [UInt8], at offset: Int64) throws(Errno) {
        try writeAll(bytes) { number, rest, count, written in
            clinux_write_at(number, rest, count, offset + Int64(written))
        }
    }

    /// The size of a regular file in bytes.
    /// - Throws: `ESPIPE` for anything else, which cannot be read at any place.
    package borrowing func regularSize() throws(Errno) -> Int64 {
        let kind = withNumber { clinux_kind_of_descriptor($0) }
        if try Errno.check(kind) == Int32(CLINUX_FILE_DIRECTORY.rawValue) { throw .isDirectory }
        guard kind == Int32(CLINUX_FILE_REGULAR.rawValue) else { throw .illegalSeek }
        return try Errno.check(withNumber { clinux_size_of_descriptor($0) })
    }

    /// Gives the file that size; what is beyond is gone, what is new is a hole.
    ///
    /// The corresponding C function is `ftruncate`.
    /// - Throws: the errno of `ftruncate`.
    package borrowing func truncate(to size: Int64) throws(Errno) {
        try Errno.check(withNumber { clinux_truncate($0, size) })
    }
}

extension FileDescriptor {
    /// Copies a range of a regular file to a place in another one, inside the kernel where that can be
    /// done; holes stay holes.
    ///
    /// The corresponding C functions are `lseek` with `SEEK_DATA` and `SEEK_HOLE`, and
    /// `copy_file_range`.
    /// - Throws: the errno of the call that failed; some of the range can be copied then.
    package borrowing func copy(
        _ range: Range<Int64>, to target: borrowing FileDescriptor, at place: Int64
    ) throws(Errno) {
        var position = range.lowerBound
        while position < range.upperBound {
            guard let data = try nextData(from: position), data < range.upperBound else {
                // The rest is a hole, unless the file has become shorter.
                guard try regularSize() >= range.upperBound else { throw .io }
                return
            }
            let hole = min(try nextHole(from: data), range.upperBound)
            try copyData(data..<hole, to: target, at: place + (data - range.lowerBound))
            position = hole
        }
    }

    /// Nil when there is no more data.
    private borrowing func nextData(from offset: Int64) throws(Errno) -> Int64? {
        let result = withNumber { clinux_next_data($0, offset) }
        if result == -Int64(Errno.noDeviceOrAddress.rawValue) { return nil }
        // A file system without holes says EINVAL: everything is data.
        if result == -Int64(Errno.invalidArgument.rawValue) { return offset }
        // A file system can be another process.
        guard try Errno.check(result) >= offset else { throw .io }
        return result
    }

    private borrowing func nextHole(from offset: Int64) throws(Errno) -> Int64 {
        let result = withNumber { clinux_next_hole($0, offset) }
        if result == -Int64(Errno.invalidArgument.rawValue) { return .max }
        guard try Errno.check(result) > offset else { throw .io }
        return result
    }

    private borrowing func copyData(
        _ range: Range<Int64>, to target: borrowing FileDescriptor, at place: Int64
    ) throws(Errno) {
        var position = range.lowerBound
        while position < range.upperBound {
            let to = place + (position - range.lowerBound)
            let count = Int(min(range.upperBound - position, 1 << 30))
            let copied = withNumber { from in
                target.withNumber { clinux_copy_range(from, position, $0, to, count) }
            }
            if copied == 0 { throw .io }
            if copied > 0 {
                position += copied
            } else {
                // Between some file systems the kernel cannot copy by itself.
                let chunk = try read(at: position, count: min(count, Self.copyChunk))
                try target.write(chunk, at: to)
                position += Int64(chunk.count)
            }
        }
    }

    private static let copyChunk = 1 << 20

    /// Sends a range of a regular file to a pipe or socket, inside the kernel where that can be done.
    ///
    /// The corresponding C function is `sendfile`.
    /// - Throws: the errno of the call that failed, `EPIPE` where nobody reads any more.
    package borrowing func send(
        _ range: Range<Int64>, to target: borrowing FileDescriptor
    ) throws(Errno) {
        var position = range.lowerBound
        while position < range.upperBound {
            let count = Int(min(range.upperBound - position, 1 << 30))
            let sent = withNumber { from in
                target.withNumber { clinux_send_file($0, from, position, count) }
            }
            if sent == 0 { throw .io }
            if sent > 0 {
                position += sent
            } else if sent == -Int64(Errno.brokenPipe.rawValue) {
                throw .brokenPipe
            } else {
                let chunk = try read(at: position, count: min(count, Self.copyChunk))
                try target.writeAll(chunk)
                position += Int64(chunk.count)
            }
        }
    }
}
