internal import CLinux
public import LinuxSystem

/// A file or pipe whose first bytes are known before it is decided how to read it.
public final class ImageInput {
    enum Content {
        case file(SeekableFile)
        case pipe(SequentialBytes)
    }

    let content: Content
    /// The first bytes: `SavedImage.prefixSize`, or as many as there are.
    public let prefix: [UInt8]
    private var position: Int64 = 0

    /// Opens a regular file, to be read in any order, or a named pipe, to be read once.
    ///
    /// The kernel's own files, which say that they are empty, are read as a pipe is.
    /// - Throws: `readFailed` when it cannot be opened or read.
    public convenience init(opening path: String) throws(SavedImageError) {
        // A pipe that is opened twice has lost its writer by then, so this asks before opening.
        if FileName.withBytes(of: path, clinux_kind_of_path) == Int32(CLINUX_FILE_OTHER.rawValue) {
            let stream = try SavedImageError.reading(try ByteStream(opening: path))
            try self.init(.pipe(SequentialBytes(of: FileName.shown(path), stream)))
        } else {
            let file = try SavedImageError.reading(try SeekableFile(opening: path))
            // The kernel's own files say that they are empty, and are not.
            if file.size == 0, let content = try Self.content(ofSizelessFile: path) {
                try self.init(content)
            } else {
                try self.init(.file(file))
            }
        }
    }

    /// Nil where there is nothing to read.
    private static func content(
        ofSizelessFile path: String
    ) throws(SavedImageError) -> Content? {
        let stream = try SavedImageError.reading(try ByteStream(opening: path))
        let bytes = SequentialBytes(of: path, stream)
        return try bytes.peek(1).isEmpty ? nil : .pipe(bytes)
    }

    /// Takes what a standard stream is connected to; a regular file is read from its beginning.
    /// - Throws: `readFailed` when it is closed or cannot be read.
    package convenience init(_ stream: StandardStream) throws(SavedImageError) {
        let content: Content
        do throws(FileError) {
            content = .file(try SeekableFile(stream))
        } catch {
            guard error.errno == .illegalSeek else { throw SavedImageError(error) }
            let pipe = try SavedImageError.reading(try ByteStream(stream))
            content = .pipe(SequentialBytes(of: stream.name, pipe))
        }
        try self.init(content)
    }

    /// Takes a file that is open already, and reads its first bytes.
    /// - Throws: `readFailed`.
    public convenience init(_ file: SeekableFile) throws(SavedImageError) {
        try self.init(.file(file))
    }

    /// Takes a pipe from which the first bytes were read already.
    /// - Throws: `readFailed` where more of the pipe is needed and cannot be read.
    package convenience init(
        prefix: [UInt8], rest: ByteStream, name: String
    ) throws(SavedImageError) {
        try self.init(.pipe(SequentialBytes(of: name, ahead: prefix, rest)))
    }

    init(_ content: Content) throws(SavedImageError) {
        self.content = content
        switch content {
        case .file(let file):
            prefix = try SavedImageError.reading(
                try file.readWhatIsThere(at: 0, upTo: SavedImage.prefixSize))
        case .pipe(let pipe): prefix = try pipe.peek(SavedImage.prefixSize)
        }
    }

    /// The path, or `standard input`.
    public var name: String {
        switch content {
        case .file(let file): file.name
        case .pipe(let pipe): pipe.name
        }
    }

    /// Whether it can be read only once, from front to back.
    public var isPipe: Bool {
        if case .pipe = content { return true }
        return false
    }

    /// What the first bytes say it is; nil for what this program does not know.
    package var kind: SavedImage.Kind? { SavedImage.detect(prefix) }

    /// Whether it is a file, not a pipe, of libvirt's whose stream is compressed.
    package var isCompressedLibvirt: Bool {
        get throws(SavedImageError) {
            guard kind == .libvirt, case .file(let file) = content else { return false }
            return try LibvirtSave(of: file).format.compression != nil
        }
    }

    /// Everything from front to back.
    var sequential: SequentialBytes {
        switch content {
        case .file(let file): SequentialBytes(file)
        case .pipe(let pipe): pipe
        }
    }

    /// The next bytes, at most `count`, for what turns out not to be a saved image; empty at the end.
    /// - Throws: the errno with which reading fails.
    public func read(upTo count: Int) throws(Errno) -> [UInt8] {
        switch content {
        case .file(let file):
            do throws(FileError) {
                let bytes = try file.readWhatIsThere(at: position, upTo: count)
                position += Int64(bytes.count)
                return bytes
            } catch {
                throw error.errno
            }
        case .pipe(let pipe):
            do throws(SavedImageError) {
                // One byte is enough to know that it is not the end; more would wait for more.
                let isEnd = try pipe.peek(1).isEmpty
                return isEnd ? [] : pipe.takeAhead(upTo: count)
            } catch {
                throw error.errno ?? .io
            }
        }
    }
}
