internal import LinuxSystem
package import QEMUStream

/// Where a changed stream goes.
package enum StreamOutput: Equatable, Sendable {
    /// To another file, or to standard output.
    case copy(Location)
    /// Into the file that it was read from, after an undo file was written.
    case inPlace
    /// Nowhere: what would be written is found out, and no more.
    case nowhere
}

extension Location {
    /// Opens the QEMU stream in this file, has it changed, and writes it: the one way for all that gives a stream other
    /// vCPUs at once.
    ///
    /// A stream that comes through a pipe goes on as it comes, but for its end; a file that is changed in place is locked
    /// from before it is read.
    /// - Parameter change: what is made of the stream, and the vCPUs that it is to have; nil where it may not be changed,
    ///   and nothing is to be written.
    /// - Returns: what was made of it.
    /// - Throws: also where this is not the stream that QEMU would load, and what `change` throws.
    package func rewriteStream<Made>(
        to output: StreamOutput, _ options: SourceOptions,
        _ change: (StreamFile) throws -> (made: Made, vcpus: [CPUSection]?)
    ) throws(SourceError) -> Made {
        switch output {
        case .copy(let copy):
            if let passing = try PassingStream(self, options) {
                return try passing.write(to: copy) { try Self.make($0, options, change) }
            }
            let file = try openStream(options)
            let (made, vcpus) = try Self.make(file, options, change)
            if let vcpus { try copy.write(try file.changes(to: vcpus), of: self) }
            return made
        case .inPlace: return try rewriteInPlace(options, change)
        case .nowhere:
            let file = try openStream(options)
            let (made, vcpus) = try Self.make(file, options, change)
            // Whether it can be changed is found out all the same.
            if let vcpus { _ = try file.patch(replacing: vcpus) }
            return made
        }
    }

    private func rewriteInPlace<Made>(
        _ options: SourceOptions,
        _ change: (StreamFile) throws -> (made: Made, vcpus: [CPUSection]?)
    ) throws(SourceError) -> Made {
        guard case .file(let path) = self else { throw isNoFile(orElse: "name the file to change") }
        let place = try UndoableChange(path, options)
        let file: StreamFile
        do throws(SourceError) {
            file = try Self.openStream(place.contents(), options)
        } catch {
            // A change that was interrupted leaves a stream that is not whole.
            guard place.hasUndoFile else { throw error }
            throw SourceError(
                "\(error); if \(text)\(UndoFile.suffix) is of this file, vcpusnap unmend restores it"
            )
        }
        let (made, vcpus) = try Self.make(file, options, change)
        if let vcpus { try place.apply(try file.changes(to: vcpus)) }
        return made
    }

    private static func make<Made>(
        _ file: StreamFile, _ options: SourceOptions, _ change: (StreamFile) throws -> Made
    ) throws(SourceError) -> Made {
        try file.checkIsWhatQEMULoads()
        file.warn(options)
        return try SourceError.passing { try change(file) }
    }
}
