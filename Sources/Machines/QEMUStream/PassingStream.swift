internal import LinuxSystem
internal import QEMUStream

/// A stream that is written while it is read, except for its end, where the vCPUs are.
///
/// It comes through a pipe, or out of the compression of one of libvirt's images, which is compressed again by the same
/// program.
struct PassingStream {
    private let image: PassingImage
    private let options: SourceOptions

    /// Nil for what can be read, and changed, at any place.
    init?(_ source: Location, _ options: SourceOptions) throws(SourceError) {
        let input = try source.input()
        let kind = SourceKinds.file(beginning: input.prefix)
        let stream = kind as? any StreamFileKind.Type
        guard let image = try SourceError.passing({ try stream?.passing(input) }) else {
            guard input.isPipe else { return nil }
            throw Self.cannotPass(input, kind)
        }
        self.image = image
        if options.has(.internalSnapshot) {
            throw source.hasNoUse(.internalSnapshot, as: "no qcow2 image")
        }
        self.options = options
    }

    private static func cannotPass(
        _ input: ImageInput, _ kind: (any StateFileKind.Type)?
    ) -> SourceError {
        SourceError(
            "\"\(input.name)\": only a plain QEMU stream or a libvirt image can be mended in a pipe"
                + (kind.map { ", and this is \($0.shortPhrase)" } ?? "")
                + "; name the file, or decompress it first")
    }

    /// Copies the stream to the output, with changed vCPUs.
    ///
    /// If it may not be changed, no file is written, and what standard output gets ends before the vCPUs.
    /// - Parameter change: what is made of the stream, and the vCPUs that it is to have; nil where it may not be changed.
    /// - Returns: what was made of it.
    func write<Made>(
        to output: Location, _ change: (StreamFile) throws -> (made: Made, vcpus: [CPUSection]?)
    ) throws(SourceError) -> Made {
        let place = try output.placeOfStream()
        return try SourceError.passing {
            switch place {
            case .standardStream:
                try write(into: try FileDescriptor(duplicating: .output), change).made
            case .path(let path): try replace(path, change)
            }
        }
    }

    private func replace<Made>(
        _ path: String, _ change: (StreamFile) throws -> (made: Made, vcpus: [CPUSection]?)
    ) throws -> Made {
        var outcome: Result<(made: Made, isWhole: Bool), any Error>?
        do throws(FileError) {
            try AtomicFile.replace(path) { file throws(Errno) in
                let result = Result { try write(into: file, change) }
                outcome = result
                guard case .success((_, true)) = result else { throw .canceled }
            }
        } catch {
            guard error.errno == .canceled else { throw error }
        }
        guard let outcome else { throw SourceError("\(path): nothing was written") }
        return try outcome.get().made
    }

    /// - Returns: also whether it was changed, and is there as a whole.
    private func write<Made>(
        into file: borrowing FileDescriptor,
        _ change: (StreamFile) throws -> (made: Made, vcpus: [CPUSection]?)
    ) throws -> (made: Made, isWhole: Bool) {
        let compressor = try image.compressor()
        let ends = try keepEnds(passingTo: file, through: compressor)
        let stream = try StreamFile(ends, options.reading)
        let (made, vcpus) = try change(stream)
        guard let vcpus else { return (made, false) }
        let patch = try stream.patch(replacing: vcpus)
        let start = ends.lastBytesStart
        let first = patch.replacements.first?.range.lowerBound ?? start
        guard first >= start else {
            throw SourceError(
                "\(image.name): its vCPUs are more than \(ends.size - start) bytes before its end, "
                    + "and were passed on already: save it to a file and mend that")
        }
        let old = try ends.read(at: start, count: Int(ends.size - start))
        try Self.pass(patch.end(from: start, of: old), to: file, through: compressor)
        try compressor?.end { try Self.pass($0, to: file, through: nil) }
        return (made, true)
    }

    private func keepEnds(
        passingTo file: borrowing FileDescriptor, through compressor: Compressor?
    ) throws -> HeadAndTail {
        var bytes = try image.nextBeforeStream()
        while !bytes.isEmpty {
            try Self.pass(bytes, to: file, through: nil)
            bytes = try image.nextBeforeStream()
        }
        let ends = HeadAndTail(of: image.name)
        bytes = try image.next()
        while !bytes.isEmpty {
            try Self.pass(ends.surplus(appending: bytes), to: file, through: compressor)
            ends.append(bytes)
            bytes = try image.next()
        }
        return ends
    }

    private static func pass(
        _ bytes: [UInt8], to file: borrowing FileDescriptor, through compressor: Compressor?
    ) throws {
        if let compressor {
            return try compressor.write(bytes) { try pass($0, to: file, through: nil) }
        }
        do throws(Errno) {
            try file.writeAll(bytes)
        } catch {
            throw FileError(.write, "the output", error)
        }
    }
}
