internal import LinuxSystem

/// Where a changed stream goes.
struct StreamOutput {
    private let place: Location.Place

    init(_ location: Location) throws {
        place = try location.place(orElse: "a stream goes to a file or -")
    }

    /// Writes the changed copy of a file.
    func write(_ patch: FilePatch, of source: Location) throws {
        let base = try Self.base(source)
        switch place {
        case .path(let path): try patch.write(of: base, to: path)
        case .standardStream: try patch.write(of: base, to: .output)
        }
    }

    private static func base(_ source: Location) throws -> SeekableFile {
        switch try source.place(orElse: "name a file or -") {
        case .path(let path): return try SeekableFile(opening: path)
        case .standardStream: return try SeekableFile(.input)
        }
    }
}
