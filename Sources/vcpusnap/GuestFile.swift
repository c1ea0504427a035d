internal import LinuxSystem
internal import QEMUStream
internal import VCPUModel

/// A file or stream with the state of vCPUs: a snapshot, or a QEMU stream in whatever it comes, told
/// apart by its first bytes.
enum GuestFile {
    case snapshot(Snapshot)
    case stream(StreamFile)

    init(_ location: Location) throws {
        if case .file(let path) = location, let bytes = try? SeekableFile(opening: path),
            (try? bytes.readWhatIsThere(at: 0, upTo: 4)) == [0x51, 0x45, 0x56, 0x4d]
        {
            self = .stream(try StreamFile(bytes))
            return
        }
        self = .snapshot(try SnapshotFile.read(location))
    }

    /// Its registers, and what of them could not be read; known losses go to standard error.
    func snapshot() throws -> (snapshot: Snapshot, unreadable: [RegisterBankError]) {
        switch self {
        case .snapshot(let snapshot): return (snapshot, [])
        case .stream(let file):
            file.warn()
            return try file.snapshot()
        }
    }

    /// The QEMU stream, for what is done with no other file.
    func stream(_ location: Location) throws -> StreamFile {
        guard case .stream(let file) = self else {
            throw CommandError(
                "\(location.text) is a snapshot, and this is about QEMU's migration streams")
        }
        return file
    }
}
