public import LinuxSystem
internal import VCPUModel

/// Why a migration stream was not read or changed.
public enum QEMUStreamError: Error, Hashable, Sendable {
    /// The bytes themselves could not be read or written.
    case file(FileError)
    /// Not the start of a stream: these are the first bytes.
    case notAStream(found: [UInt8])
    /// A stream of a version that this program, like QEMU, does not read.
    case version(UInt32)
    /// The stream is not what the format says.
    /// - Parameters:
    ///   - offset: in bytes from the start of the stream.
    ///   - part: what was being read.
    case damaged(part: String, offset: Int64, expected: String, found: String)
    /// The stream ends before its end.
    /// - Parameters:
    ///   - offset: where it ends, in bytes from its start.
    ///   - missing: what should follow, in words.
    case cutOff(at: Int64, missing: String)
    /// No vCPU was found; why, in words.
    case noCPUs(String)
    /// A register list that would not be valid, or a change that cannot be written; why, in words.
    case list(String)
}

extension QEMUStreamError: CustomStringConvertible {
    /// The byte, and what is wrong there.
    public var description: String {
        switch self {
        case .file(let error): "\(error)"
        case .notAStream(let bytes):
            "not a QEMU migration stream: expected \(StreamHeader.magic.hexadecimal) (QEVM), found "
                + (bytes.isEmpty ? "nothing" : bytes.hexadecimal)
        case .version(let version):
            "a migration stream of version \(version), expected 3: QEMU older than 0.13 wrote it, or "
                + "it is damaged"
        case .damaged(let part, let offset, let expected, let found):
            "damaged at byte \(offset): \(part): expected \(expected), found \(found)"
        case .cutOff(let offset, let missing):
            "cut off at byte \(offset): \(missing); take a complete copy of it"
        case .noCPUs(let reason): "no Arm vCPU in this migration stream: \(reason)"
        case .list(let problem): "the register list cannot be written: \(problem)"
        }
    }
}

extension QEMUStreamError {
    /// Whether the bytes could not be read, so that nothing is known of them.
    var isOfFile: Bool {
        if case .file = self { return true }
        return false
    }
}

extension SeekableBytes {
    /// What stands in a range of the stream that is no longer than an array can be.
    func bytes(in range: Range<Int64>) throws(QEMUStreamError) -> [UInt8] {
        try bytes(at: range.lowerBound, count: range.count)
    }

    /// `read` with this module's errors.
    func bytes(at offset: Int64, count: Int) throws(QEMUStreamError) -> [UInt8] {
        try FileError.translating(try read(at: offset, count: count)) { QEMUStreamError.file($0) }
    }
}
