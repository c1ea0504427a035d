internal import LinuxSystem
internal import SnapshotFormat
internal import VCPUModel

/// Snapshot files and streams, with the file's name in every error.
enum SnapshotFile {
    static func read(_ location: Location) throws -> Snapshot {
        try naming(location) { bytes throws(SnapshotFormatError) in
            try SnapshotReader.decode(bytes)
        }
    }

    static func verify(_ location: Location) throws -> VerificationReport {
        try naming(location) { bytes throws(SnapshotFormatError) in
            var reader = SnapshotReader(bytes)
            return try reader.verify()
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

    private static func naming<Result>(
        _ location: Location, _ body: ([UInt8]) throws(SnapshotFormatError) -> Result
    ) throws -> Result {
        let bytes = try load(location)
        do throws(SnapshotFormatError) {
            return try body(bytes)
        } catch {
            throw CommandError("\(location.text): \(error)")
        }
    }

    private static func load(_ location: Location) throws -> [UInt8] {
        switch location {
        case .standardStream: return try StandardStream.input.read(limit: SnapshotLimits.fileSize)
        case .file(let path): return try File.read(path, limit: SnapshotLimits.fileSize)
        case .kvm, .emulated:
            throw CommandError("\(location.text) is not a file: name a snapshot file or -")
        }
    }
}
