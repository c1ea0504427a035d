internal import LinuxSystem
internal import SavedImage
internal import SnapshotFormat
internal import VCPUModel

/// Snapshot files and streams, with the file's name in every error.
enum SnapshotFile {
    static func read(_ location: Location) throws -> Snapshot {
        let stream = try open(location)
        return try reading(location, stream.read) { reader throws(SnapshotFormatError) in
            try reader.decode()
        }
    }

    /// Of a file that was opened to see what it is.
    static func read(_ input: ImageInput, _ location: Location) throws -> Snapshot {
        try reading(location, input.read) { reader throws(SnapshotFormatError) in
            try reader.decode()
        }
    }

    static func verify(_ location: Location) throws -> VerificationReport {
        let stream = try open(location)
        return try reading(location, stream.read) { reader throws(SnapshotFormatError) in
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
        switch try location.place(orElse: "a snapshot goes to a file or -") {
        case .standardStream: try StandardStream.output.write(bytes)
        case .path(let path): try AtomicFile.replace(path, with: [bytes])
        }
    }

    /// Reads from front to back, so that what is no snapshot is refused by its first bytes.
    private static func reading<Result>(
        _ location: Location, _ next: @escaping (Int) throws(Errno) -> [UInt8],
        _ body: (inout SnapshotReader) throws(SnapshotFormatError) -> Result
    ) throws -> Result {
        var reader = SnapshotReader(next)
        do throws(SnapshotFormatError) {
            return try body(&reader)
        } catch {
            throw CommandError("\(location.text): \(error)")
        }
    }

    private static func open(_ location: Location) throws -> ByteStream {
        switch try location.place(orElse: "name a snapshot file or -") {
        case .standardStream: return try ByteStream(.input)
        case .path(let path): return try ByteStream(opening: path)
        }
    }
}
