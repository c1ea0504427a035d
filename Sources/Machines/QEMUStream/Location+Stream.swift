package import LinuxSystem
internal import QEMUStream
internal import QMP
package import Transfer
package import VCPUModel

extension Location {
    /// Opens the QEMU stream in a file.
    /// - Throws: also for a file of a kind that has no stream.
    package func openStream(_ options: SourceOptions) throws(SourceError) -> StreamFile {
        try Self.stream(try openGuestFile(options), of: text)
    }

    /// Opens what a snapshot can be made of: a file with a QEMU stream, or of another VMM.
    /// - Throws: also for a file of a kind that is neither.
    package func openToConvert(_ options: SourceOptions) throws(SourceError) -> any StateFile {
        let file = try openGuestFile(options)
        if let other = file.vmmFile { return other }
        return try Self.stream(file, of: text)
    }

    /// The stream of a machine: in a file, or taken from the QEMU that runs it.
    /// - Returns: also QEMU's version, which no file says.
    /// - Throws: for what has no stream, for options that are of no use with it, and where it cannot be reached or read.
    package func openStreamOfMachine(
        _ options: SourceOptions
    ) throws(SourceError) -> (file: StreamFile, qemu: String?) {
        guard case .named(let source) = self else { return (try openStream(options), nil) }
        guard let running = source as? any StreamSource else {
            throw isNoFile(
                orElse: "name a file with a stream, or the \(SourceKinds.streamGrammar) of its QEMU"
            )
        }
        try checkOptions(options)
        let (file, machine) = try running.takeStream(options)
        return (file, machine.version)
    }

    /// The stream in a file that was opened to be changed.
    static func openStream(
        _ file: SeekableFile, _ options: SourceOptions
    ) throws(SourceError) -> StreamFile {
        let input = try SourceError.passing { try ImageInput(file) }
        return try stream(
            try Location.file(file.name).openGuestFile(input, options), of: file.name)
    }

    private static func stream(
        _ file: any StateFile, of name: String
    ) throws(SourceError) -> StreamFile {
        guard let stream = file.streamFile else {
            let kind = (type(of: file) as? any StateSource.Type)?.summary.grammar ?? "file"
            throw SourceError(
                "\(name) is a \(kind), but this is for QEMU's migration streams: name a stream; vcpusnap plan without "
                    + "--qemu says what vcpusnap restore does with a \(kind)")
        }
        return stream
    }

    /// Restores a snapshot into the vCPUs of the stream in this file, which stays as it is.
    /// - Parameter source: where the snapshot is from, for messages.
    /// - Returns: what became of each register, and the changes that make the file have them.
    /// - Throws: also where the stream does not have the same vCPUs, or comes through a pipe.
    package func restoring(
        _ snapshot: Snapshot, from source: Location, _ restore: Restore.Options,
        _ options: SourceOptions
    ) throws(SourceError) -> (account: RestoreAccount, patch: FilePatch) {
        let file = try openStream(options)
        guard !file.isOfPipe else {
            throw SourceError("\(text) is a pipe, which can be read only once: name a file")
        }
        try file.checkIsWhatQEMULoads()
        guard file.stream.cpus.map(\.instance).sorted() == snapshot.vcpus.map(\.index) else {
            throw SourceError(
                "\(text) has \(file.indexText), and \(source.text) \(snapshot.indexText): they must be the same"
            )
        }
        let banks = file.banks
        let account = try SourceError.passing {
            try Restore.perform(
                snapshot, into: banks.sorted { $0.section.instance < $1.section.instance },
                vm: file.stream.vmBank, options: restore)
        }
        return (account, try file.changes(to: banks.map(\.section)))
    }

    /// Where a changed stream goes: a file or `-`.
    /// - Throws: for anything else.
    func placeOfStream() throws(SourceError) -> Place {
        try place(orElse: "a stream goes to a file or -")
    }

    /// Writes the changed copy of a file with a stream.
    /// - Throws: for what is no file, and where the source cannot be read or this cannot be written.
    package func write(_ patch: FilePatch, of source: Location) throws(SourceError) {
        let place = try placeOfStream()
        let from = try source.place(orElse: "name a file or -")
        try SourceError.passing {
            let base =
                switch from {
                case .path(let path): try SeekableFile(opening: path)
                case .standardStream: try SeekableFile(.input)
                }
            switch place {
            case .path(let path): try patch.write(of: base, to: path)
            case .standardStream: try patch.write(of: base, to: .output)
            }
        }
    }
}
