internal import CLinux
public import LinuxSystem

/// A file or pipe whose first bytes are known before it is decided how to read it.
public final class ImageInput {
    enum Content {
        case file(SeekableFile)
        case pipe(SequentialBytes)
    }

    let content: Content
    /// How many first bytes are looked at, at most, to find out what a file is.
    public static let prefixSize = 64
    /// How many of them a message shows, at most.
    public static let shownSize = 16
    /// The first bytes: `prefixSize`, or as many as there are.
    public let prefix: [UInt8]
    /// How many compressions were removed to get here.
    let compressions: Int
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

    private init(_ content: Content, compressions: Int = 0) throws(SavedImageError) {
        self.content = content
        self.compressions = compressions
        switch content {
        case .file(let file):
            prefix = try SavedImageError.reading(
                try file.readWhatIsThere(at: 0, upTo: ImageInput.prefixSize))
        case .pipe(let pipe): prefix = try pipe.peek(ImageInput.prefixSize)
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

    /// What it decompresses to, for which the program of the compression is run.
    /// - Throws: `limitExceeded` for what was compressed too many times.
    package func decompressed(by compression: Compression) throws(SavedImageError) -> ImageInput {
        guard compressions < SavedImageLimits.compressions else {
            throw SavedImageError(
                .limitExceeded, name,
                "it was compressed more than \(SavedImageLimits.compressions) times: "
                    + "decompress it first")
        }
        let program =
            switch content {
            case .file(let file): try Decompressor(compression, on: file, from: 0)
            case .pipe(let pipe): try Decompressor(compression, on: pipe)
            }
        return try ImageInput(
            .pipe(SequentialBytes(program, of: name)), compressions: compressions + 1)
    }

    /// Why there is no stream in it.
    /// - Parameters:
    ///   - kind: what it is; nil where that is not known.
    ///   - expected: the kinds of files that have one.
    /// - Throws: `programFailed`, where that is the reason.
    public func notAStream(
        but kind: String?, expected: String
    ) throws(SavedImageError) -> SavedImageError {
        if case .pipe(let pipe) = content { try pipe.checkProgram() }
        let found =
            if prefix.isEmpty {
                "it is empty"
            } else if let kind {
                "it is \(kind), in which there is no QEMU stream"
            } else {
                "it begins with \(Shown.bytes(Array(prefix.prefix(Self.shownSize))))"
            }
        let isMemoryDump = Self.dumps.contains { prefix.starts(with: $0) }
        return SavedImageError(
            .notRecognized, name,
            "\(compressions > 0 ? "decompressed, " : "")\(found); expected is \(expected)"
                + (isMemoryDump
                    ? ": if this is a memory dump (\"virsh dump\", \"dump-guest-memory\"), save the VM "
                        + "with \"virsh save\" or \"migrate\" instead" : ""))
    }

    /// That an internal snapshot was named of what has none.
    /// - Parameter kind: what it is.
    public func hasNoSnapshots(but kind: String) -> SavedImageError {
        SavedImageError(
            .noSuchSnapshot, name,
            "it is \(kind), and only qcow2 images have internal snapshots to choose from: "
                + "leave the choice out")
    }

    /// How the files begin that people have when they mean a saved image: ELF, and what makedumpfile writes.
    private static let dumps: [[UInt8]] = [[0x7f, 0x45, 0x4c, 0x46], Array("KDUMP   ".utf8)]

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
