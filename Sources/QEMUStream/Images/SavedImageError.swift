public import LinuxSystem

/// Why no QEMU stream was found in a file.
public struct SavedImageError: Error, Hashable, Sendable {
    /// The kind of failure.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The name of the code, as in `SavedImageError.Code.malformed`: `malformed`.
        public let description: String

        private init(_ name: String) {
            description = name
        }

        /// The first bytes are not those of a file that holds a stream.
        public static let notRecognized = Code("notRecognized")
        /// libvirt did not finish the save.
        public static let unfinished = Code("unfinished")
        /// The file breaks a rule of its format, or ends too early.
        public static let malformed = Code("malformed")
        /// A count or size is above `SavedImageLimits`.
        public static let limitExceeded = Code("limitExceeded")
        /// The format allows it, but this reader does not read it.
        public static let unsupported = Code("unsupported")
        /// The file has no such internal snapshot, or none with the state of a VM.
        public static let noSuchSnapshot = Code("noSuchSnapshot")
        /// The program that decompresses the file is not installed.
        public static let programMissing = Code("programMissing")
        /// The program that decompresses the file said that it failed.
        public static let programFailed = Code("programFailed")
        /// Opening or reading the file failed; see `errno`.
        public static let readFailed = Code("readFailed")
    }

    /// What kind of failure it is; `message` has the words.
    public var code: Code
    /// The path, or `standard input`.
    public var file: String
    /// Where what is wrong stands, in bytes from the start of the file, or where a program that decompresses it
    /// stopped; nil where it is about no place in it.
    public var offset: Int64?
    /// Whether `offset` counts in what the file decompresses to.
    public var isDecompressed: Bool
    /// What was expected, what was found, and what to do next.
    public var message: String
    /// The system's error, where there was one.
    public var errno: Errno?

    init(
        _ code: Code, _ file: String, at offset: Int64? = nil, isDecompressed: Bool = false,
        errno: Errno? = nil, _ message: String
    ) {
        self.code = code
        self.file = file
        self.offset = offset
        self.isDecompressed = isDecompressed
        self.message = message
        self.errno = errno
    }

    /// For an error of the file itself, which says everything.
    init(_ error: FileError) {
        self.init(.readFailed, error.path, errno: error.errno, error.description)
    }

    /// What `work` reads of the file.
    static func reading<Result>(
        _ work: @autoclosure () throws(FileError) -> Result
    ) throws(SavedImageError) -> Result {
        try FileError.translating(try work(), to: SavedImageError.init)
    }

    /// The same of what these bytes are, whose places a program may have made.
    func inside(_ bytes: SequentialBytes) -> SavedImageError {
        var error = self
        error.isDecompressed = isDecompressed || bytes.isDecompressed
        return error
    }
}

extension SavedImageError: CustomStringConvertible {
    /// One line: `"vm.save": at byte 28: its libvirt header has the format 7 …`.
    public var description: String {
        if code == .readFailed { return message }
        let unit = isDecompressed ? ", decompressed" : ""
        let place = offset.map { "at byte \($0)\(unit): " } ?? ""
        return "\"\(file)\": \(place)\(message)"
    }
}
