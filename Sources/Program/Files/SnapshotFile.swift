internal import LinuxSystem
internal import QEMUStream
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
        /// The file itself, where it will be changed and nobody else is to change it meanwhile.
        fileprivate let locked: LockedFile?

        fileprivate init(
            _ snapshot: Snapshot, _ location: Location, _ unknown: UnknownContent,
            _ locked: LockedFile?
        ) {
            self.snapshot = snapshot
            self.location = location
            self.unknown = unknown
            self.locked = locked
        }

        /// What was read from vCPUs and is in no file yet.
        init(_ snapshot: Snapshot, madeOn location: Location) {
            self.init(snapshot, location, UnknownContent(), nil)
        }

        /// Whether that is the file which was read.
        fileprivate func isOf(_ other: Location) -> Bool {
            other == location || locked.map { FileIdentity(of: $0.path) == other.identity } ?? false
        }
    }

    static func read(_ location: Location) throws -> Snapshot {
        try readToChange(location, inPlace: false).snapshot
    }

    /// - Parameter inPlace: whether it is a file that will be replaced.
    static func readToChange(_ location: Location, inPlace: Bool) throws -> Changeable {
        var locked: LockedFile?
        if inPlace, case .file(let path) = location {
            locked = try LockedFile(waitingFor: path, .reading)
        }
        let next = try locked?.read ?? open(location).read
        return try reading(location, next) { reader throws(SnapshotFormatError) in
            let snapshot = try reader.decode()
            return Changeable(snapshot, location, reader.unknown, locked)
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
            guard !changed.isOf(location) else {
                throw CommandError(
                    "\(loss): it is not replaced; give --output another file, which will be "
                        + "without, or use a newer program")
            }
            StandardError.write("vcpusnap: \(loss): \(location.text) is without\n")
        }
        let isChange = changed.locked != nil && changed.isOf(location)
        // The lock goes with its owner.
        try withExtendedLifetime(changed.locked) {
            try write(changed.snapshot, to: location, access: isChange ? .kept : .secret)
        }
    }

    /// Writes a whole file or nothing; a stream gets the bytes as they are.
    /// - Parameter access: `kept` for a file that is changed.
    static func write(
        _ snapshot: Snapshot, to location: Location, access: AtomicFile.Access = .secret
    ) throws {
        let bytes: [UInt8]
        do throws(SnapshotFormatError) {
            bytes = try SnapshotWriter.encode(snapshot)
        } catch {
            throw CommandError("\(location.text): \(error)")
        }
        switch try location.place(orElse: "a snapshot goes to a file or -") {
        case .standardStream: try StandardStream.output.write(bytes)
        case .path(let path): try AtomicFile.replace(path, access: access, with: [bytes])
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
        switch try location.place(
            orElse: "name a snapshot file or -; vcpusnap save makes one of what runs")
        {
        case .standardStream: return try ByteStream(.input)
        case .path(let path): return try ByteStream(opening: path)
        }
    }
}
