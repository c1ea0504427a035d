public import LinuxSystem

/// Where a changed stream goes.
public struct StreamOutput {
    private let place: Location.Place

    /// Takes a file or `-`.
    /// - Throws: for anything else.
    public init(_ location: Location) throws(SourceError) {
        place = try location.place(orElse: "a stream goes to a file or -")
    }

    /// Writes the changed copy of a file.
    public func write(_ patch: FilePatch, of source: Location) throws(SourceError) {
        let from = try source.place(orElse: "name a file or -")
        try SourceError.passing {
            let base = try Self.base(from)
            switch place {
            case .path(let path): try patch.write(of: base, to: path)
            case .standardStream: try patch.write(of: base, to: .output)
            }
        }
    }

    private static func base(_ place: Location.Place) throws(FileError) -> SeekableFile {
        switch place {
        case .path(let path): return try SeekableFile(opening: path)
        case .standardStream: return try SeekableFile(.input)
        }
    }
}
