internal import LinuxSystem
internal import SavedImage
internal import SnapshotFormat
internal import VCPUModel

/// Snapshot files and streams, with the file's name in every error.
enum SnapshotFile {
    static func read(_ location: Location) throws -> Snapshot {
        try reading(location) { reader throws(SnapshotFormatError) in
            try reader.decode()
        }
    }

    /// Of a file that was opened to see what it is.
    static func read(_ input: ImageInput, _ location: Location) throws -> Snapshot {
        var reader = SnapshotReader { count throws(Errno) in try input.read(upTo: count) }
        do throws(SnapshotFormatError) {
            return try reader.decode()
        } catch {
            throw CommandError("\(location.text): \(error)")
        }
    }

    static func verify(_ location: Location) throws -> VerificationReport {
        try reading(location) { reader throws(SnapshotFormatError) in
            try reader.verify()
        }
    }

    /// Writes a whole file or nothing; a stream gets the bytes as they are.
    static func write(_ snapshot: Snapshot, to location: Location) throws {
        let bytes: [UInt8]
        do throws(SnapshotFormatError) {
            bytes = try SnapshotWriter.encode(snapshot)
        } catch {
            throw CommandError("\(location.text): \(error)")
        }
        switch location {
        case .standardStream: try StandardStream.output.write(bytes)
        case .file(let path): try AtomicFile.replace(path, with: [bytes])
        case .kvm, .emulated:
            throw CommandError("\(location.text) is not a file: a snapshot goes to a file or -")
        }
    }

    /// Reads from front to back, so that what is no snapshot is refused by its first bytes.
    private static func reading<Result>(
        _ location: Location,
        _ body: (inout SnapshotReader) throws(SnapshotFormatError) -> Result
    ) throws -> Result {
        let stream = try open(location)
        var reader = SnapshotReader { count throws(Errno) in try stream.read(upTo: count) }
        do throws(SnapshotFormatError) {
            return try body(&reader)
        } catch {
            throw CommandError("\(location.text): \(error)")
        }
    }

    private static func open(_ location: Location) throws -> ByteStream {
        switch location {
        case .standardStream: return try ByteStream(.input)
        case .file(let path): return try ByteStream(opening: path)
        case .kvm, .emulated:
            throw CommandError("\(location.text) is not a file: name a snapshot file or -")
        }
    }
}
