internal import CLinux

/// A new file under a name nobody else has, which is removed again unless it gets its final name.
struct TemporaryFile: ~Copyable {
    let file: FileDescriptor
    private let path: String
    private var isTemporary = true

    /// A new, empty file, open for writing.
    static func make(
        in directory: String, permissions: UInt32
    ) throws(Errno) -> TemporaryFile {
        var template = Array((directory + "/.vcpusnap-XXXXXX").utf8CString)
        let result = template.withUnsafeMutableBufferPointer { buffer -> Int32 in
            // SAFETY: the buffer holds a NUL-terminated string that ends in XXXXXX, as mkostemp(3)
            // wants; it is changed in place, to the same length.
            guard let name = buffer.baseAddress else { return -Errno.invalidArgument.rawValue }
            return clinux_create_temporary(name, permissions)
        }
        let path = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return TemporaryFile(file: try FileDescriptor(owningResult: result), path: path)
    }

    private init(file: consuming FileDescriptor, path: String) {
        self.file = file
        self.path = path
    }

    deinit {
        // A file that cannot be removed is of no further use, but harmless.
        if isTemporary { _ = clinux_unlink(path) }
    }

    /// Gives the file its final name, replacing what had it.
    mutating func rename(to name: String) throws(Errno) {
        try Errno.check(clinux_rename(path, name))
        isTemporary = false
    }
}
