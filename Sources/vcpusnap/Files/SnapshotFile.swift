internal import LinuxSystem
internal import SavedImage
internal import SnapshotFormat
internal import VCPUModel

/// Snapshot files and streams, with the file's name in every error.
enum SnapshotFile {
    /// A snapshot that will be changed and written again.
    struct Changeable {
        var snapshot: Snapshot
        let location: Location
        /// What the file has that a file written by this program does not.
        let unknown: UnknownContent

        fileprivate init(_ snapshot: Snapshot, _ location: Location, _ unknown: UnknownContent) {
            self.snapshot = snapshot
            self.location = location
            self.unknown = unknown
        }

        /// What was read from vCPUs and is in no file yet.
        init(_ snapshot: Snapshot, madeOn location: Location) {
            self.init(snapshot, location, UnknownContent())
        }
    }

    static func read(_ location: Location) throws -> Snapshot {
        try readToChange(location).snapshot
    }

    static func readToChange(_ location: Location) throws -> Changeable {
        let stream = try open(location)
        return try reading(location, stream.read) { reader throws(SnapshotFormatError) in
            let snapshot = try reader.decode()
            return Changeable(snapshot, location, reader.unknown)
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

    /// Writes what was read from a file and changed: not over a file that holds more than that.
    static func write(_ changed: Changeable, to location: Location) throws {
        if !changed.unknown.isEmpty {
            let loss =
                "\(changed.location.text) is of a newer version of the format and has "
                + "\(changed.unknown), which this program does not know"
            guard location != changed.location else {
                throw CommandError(
                    "\(loss): it is not replaced; give --output another file, which will be "
                        + "without, or use a newer program")
            }
            StandardError.write("vcpusnap: \(loss): \(location.text) is without\n")
        }
        try write(changed.snapshot, to: location)
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
