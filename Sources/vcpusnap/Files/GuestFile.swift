internal import LinuxSystem
internal import QEMUStream
internal import SavedImage
internal import VCPUModel

/// A file or pipe with the state of vCPUs: a snapshot, or a QEMU stream in whatever it comes, told apart
/// by its first bytes.
enum GuestFile {
    case snapshot(Snapshot)
    case stream(StreamFile)

    /// - Parameter internalSnapshot: of a qcow2 image; nil for the newest.
    init(_ location: Location, _ internalSnapshot: String? = nil) throws {
        let input = try Self.open(location)
        switch input.kind {
        case .snapshot, nil: self = .snapshot(try SnapshotFile.read(input, location))
        case .stream, .libvirt, .compressed, .qcow2:
            self = .stream(
                try StreamFile(try SavedImage.open(input, snapshot: internalSnapshot)))
        }
    }

    /// A file or pipe with its first bytes looked at.
    static func open(_ location: Location) throws -> ImageInput {
        switch try location.place(orElse: "name a file or -") {
        case .standardStream: return try ImageInput(.input)
        case .path(let path): return try ImageInput(opening: path)
        }
    }

    /// Its registers, and what of them could not be read; known losses go to standard error.
    func snapshot() throws -> (snapshot: Snapshot, unreadable: [UnreadableRegister]) {
        switch self {
        case .snapshot(let snapshot): return (snapshot, [])
        case .stream(let file):
            file.warn()
            return try file.snapshot()
        }
    }

    /// The QEMU stream of a file, for what is done with no other.
    static func stream(
        _ location: Location, _ internalSnapshot: String? = nil
    ) throws -> StreamFile {
        guard case .stream(let file) = try GuestFile(location, internalSnapshot) else {
            throw CommandError(
                "\(location.text) is a snapshot, and this is about QEMU's migration streams")
        }
        return file
    }
}
