public import LinuxSystem

/// Why a snapshot file could not be read or written, and where in the file.
public struct SnapshotFormatError: Error, Hashable, Sendable {
    /// The kind of failure; `Formats/vcpusnap-v1.md`, section "What a reader must refuse", lists
    /// the cases of each.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The name of the code, as in `SnapshotFormatError.Code.truncated`: `truncated`.
        public let description: String

        private init(_ name: String) {
            description = name
        }

        /// The first bytes are not those of a snapshot file.
        public static let notASnapshot = Code("notASnapshot")
        /// The file went through a transfer that changed line ends or stripped bit 7.
        public static let textModeDamage = Code("textModeDamage")
        /// Another major version of the format, or of a critical chunk.
        public static let unsupportedVersion = Code("unsupportedVersion")
        /// An incompatible feature or chunk flag this version does not know.
        public static let unsupportedFeature = Code("unsupportedFeature")
        /// The file was compressed with a dictionary this program does not have.
        public static let unknownDictionary = Code("unknownDictionary")
        /// The CRC32C of the header or of a chunk does not match.
        public static let checksumMismatch = Code("checksumMismatch")
        /// The SHA-256 of the file does not match.
        public static let digestMismatch = Code("digestMismatch")
        /// The input ends before the file does.
        public static let truncated = Code("truncated")
        /// The input goes on after the end of the file.
        public static let trailingData = Code("trailingData")
        /// A count or size is above what the format allows (`SnapshotLimits`).
        public static let limitExceeded = Code("limitExceeded")
        /// Two statements about one size contradict each other.
        public static let sizeMismatch = Code("sizeMismatch")
        /// The content of a chunk breaks a rule of the format.
        public static let malformed = Code("malformed")
        /// A critical chunk of a kind this version does not know.
        public static let unknownChunk = Code("unknownChunk")
        /// A chunk that may stand once stands twice.
        public static let duplicateChunk = Code("duplicateChunk")
        /// A chunk every file has is not there.
        public static let missingChunk = Code("missingChunk")
        /// The end chunk is not the last one.
        public static let misplacedChunk = Code("misplacedChunk")
        /// libzstd refused.
        public static let compression = Code("compression")
        /// The snapshot to be written breaks a rule of the format.
        public static let invalidSnapshot = Code("invalidSnapshot")
        /// The input gave an error; see `errno`.
        public static let readFailed = Code("readFailed")
        /// The output gave an error; see `errno`.
        public static let writeFailed = Code("writeFailed")
    }

    /// The kind of failure.
    public var code: Code
    /// The chunk concerned; nil for the header and the file as a whole.
    public var chunk: ChunkKind?
    /// Where in the file, in bytes from its start; nil when the error is not about a place in it, as in writing.
    public var offset: Int?
    /// What was expected, what was found, and what to do next.
    public var message: String
    /// The error of the input or output, for `readFailed` and `writeFailed`.
    public var errno: Errno?

    init(
        _ code: Code, chunk: ChunkKind? = nil, offset: Int? = nil, errno: Errno? = nil,
        _ message: String
    ) {
        self.code = code
        self.chunk = chunk
        self.offset = offset
        self.message = message
        self.errno = errno
    }
}

extension SnapshotFormatError: CustomStringConvertible {
    /// One line: `VCPU chunk, byte 110: the checksum is …`.
    public var description: String {
        let place = [chunk.map { "\($0) chunk" }, offset.map { "byte \($0)" }].compactMap { $0 }
        let reason = errno.map { ": \($0)" } ?? nextStep
        return (place.isEmpty ? "" : place.joined(separator: ", ") + ": ") + message + reason
    }

    /// What to do about a place that breaks a rule of the format; for other codes the message says it.
    private var nextStep: String {
        let isRule = [
            Code.limitExceeded, .sizeMismatch, .malformed, .duplicateChunk, .missingChunk,
            .misplacedChunk,
        ].contains(code)
        return isRule && offset != nil
            ? "; the file is damaged, or what wrote it is at fault: get another copy of it" : ""
    }
}
