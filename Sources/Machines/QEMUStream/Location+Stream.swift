public import LinuxSystem
internal import QEMUStream

extension Location {
    /// Opens the QEMU stream in a file.
    /// - Throws: also for a file of a kind that has no stream.
    public func openStream(_ options: SourceOptions) throws(SourceError) -> StreamFile {
        try Self.stream(try openGuestFile(options), of: text)
    }

    /// The same of a file that was opened to be changed.
    public static func openStream(
        _ file: SeekableFile, _ options: SourceOptions
    ) throws(SourceError) -> StreamFile {
        let input = try SourceError.passing { try ImageInput(file) }
        return try stream(
            try Location.file(file.name).openGuestFile(input, options), of: file.name)
    }

    private static func stream(
        _ file: any StateFile, of name: String
    ) throws(SourceError) -> StreamFile {
        guard let stream = file as? StreamFile else {
            let kind = (type(of: file) as? any StateSource.Type)?.summary.grammar ?? "file"
            throw SourceError(
                "\(name) is a \(kind), and this is about QEMU's migration streams: name the stream; of a "
                    + "\(kind) vcpusnap plan without --qemu says what vcpusnap restore does")
        }
        return stream
    }
}
