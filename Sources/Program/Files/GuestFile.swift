internal import LinuxSystem
internal import QEMUStream
internal import SnapshotFormat
internal import VCPUModel

/// A file or pipe with the state of vCPUs: a snapshot, or a QEMU stream in whatever it comes, told apart
/// by its first bytes.
enum GuestFile {
    case snapshot(Snapshot)
    case stream(StreamFile)

    init(_ location: Location, _ choice: StreamChoice = StreamChoice()) throws {
        try self.init(try Self.open(location), location, choice)
    }

    private init(_ input: ImageInput, _ location: Location, _ choice: StreamChoice) throws {
        switch input.kind {
        case nil where !Self.mayBeSnapshot(input.prefix): throw Self.unknownKind(input)
        case .snapshot, nil:
            try choice.checkUnused(by: location, which: "a snapshot of vcpusnap")
            self = .snapshot(try SnapshotFile.read(input, location))
        case .stream, .libvirt, .compressed, .qcow2:
            let image = try SavedImage.open(input, snapshot: choice.internalSnapshot)
            self = .stream(try StreamFile(image, choice.reading))
        }
    }

    /// Whether the beginning is that of a snapshot, or was: a transfer as text, say, changes it.
    private static func mayBeSnapshot(_ prefix: [UInt8]) -> Bool {
        var reader = SnapshotReader(prefix)
        do throws(SnapshotFormatError) {
            _ = try reader.readHeader()
            return true
        } catch {
            return error.code != .notASnapshot
        }
    }

    private static func unknownKind(_ input: ImageInput) -> CommandError {
        CommandError(
            "\(input.name): not a vcpusnap file, nor another one that is read here: it begins with "
                + "\(input.prefix.hexadecimal); expected is a snapshot of vcpusnap, a QEMU migration "
                + "stream, an image of \"virsh save\" or \"managedsave\", either compressed by gzip, "
                + "bzip2, xz, lzop or zstd, a qcow2 image with an internal snapshot, or a host's "
                + "profile, whose name ends in .vhost")
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

    /// The stream; nil for a snapshot.
    var stream: QEMUStream? {
        guard case .stream(let file) = self else { return nil }
        return file.stream
    }

    /// The QEMU stream of a file, for what is done with no other.
    static func stream(
        _ location: Location, _ choice: StreamChoice = StreamChoice()
    ) throws -> StreamFile {
        try GuestFile(location, choice).stream(of: location.text)
    }

    /// The same of a file that was opened to be changed.
    static func stream(_ file: SeekableFile, _ choice: StreamChoice) throws -> StreamFile {
        try GuestFile(try ImageInput(file), .file(file.name), choice).stream(of: file.name)
    }

    private func stream(of name: String) throws -> StreamFile {
        guard case .stream(let file) = self else {
            throw CommandError(
                "\(name) is a snapshot, and this is about QEMU's migration streams: name the stream; of a "
                    + "snapshot vcpusnap plan without --qemu says what vcpusnap restore does")
        }
        return file
    }
}
