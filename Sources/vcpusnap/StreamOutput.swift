internal import LinuxSystem

/// Where a changed stream goes.
struct StreamOutput {
    private let location: Location

    init(_ location: Location) throws {
        switch location {
        case .file, .standardStream: self.location = location
        case .kvm, .emulated:
            throw CommandError("\(location.text) is not a file: a stream goes to a file or -")
        }
    }

    /// Writes the changed copy of a file.
    func write(_ patch: FilePatch, of source: Location) throws {
        let base = try Self.base(source)
        switch location {
        case .file(let path): try patch.write(of: base, to: path)
        default: try patch.write(of: base, to: .output)
        }
    }

    private static func base(_ source: Location) throws -> SeekableFile {
        guard case .file(let path) = source else { return try SeekableFile(.input) }
        return try SeekableFile(opening: path)
    }
}
