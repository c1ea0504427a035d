internal import LinuxSystem
public import QEMUStream

/// A stream that is written while it is read, except for its end, where the vCPUs are.
///
/// It comes through a pipe, or out of the compression of one of libvirt's images, which is written without
/// it.
public struct PassingStream {
    private let image: UncompressedImage
    private let options: SourceOptions

    /// Nil for what can be read, and changed, at any place.
    public init?(_ source: Location, _ options: SourceOptions) throws(SourceError) {
        let input = try source.input()
        let passes = try SourceError.passing { try input.isPipe || input.isCompressedLibvirt }
        guard passes else { return nil }
        image = try SourceError.passing { try UncompressedImage(input) }
        if options.has(.internalSnapshot) {
            throw source.hasNoUse(.internalSnapshot, as: "no qcow2 image")
        }
        self.options = options
    }

    /// Copies the stream to the output, with changed vCPUs.
    ///
    /// If it may not be changed, no file is written, and what standard output gets ends before the vCPUs.
    /// - Parameter change: gives the vCPUs that the stream is to have; nil where it may not be changed.
    public func write(
        to output: Location, _ change: (StreamFile) throws -> [CPUSection]?
    ) throws(SourceError) {
        let place = try output.placeOfStream()
        try SourceError.passing {
            switch place {
            case .standardStream:
                _ = try write(into: try FileDescriptor(duplicating: .output), change)
            case .path(let path): try replace(path, change)
            }
        }
    }

    private func replace(
        _ path: String, _ change: (StreamFile) throws -> [CPUSection]?
    ) throws {
        var outcome: Result<Bool, any Error>?
        do throws(FileError) {
            try AtomicFile.replace(path) { file throws(Errno) in
                let result = Result { try write(into: file, change) }
                outcome = result
                guard case .success(true) = result else { throw .canceled }
            }
        } catch {
            guard error.errno == .canceled else { throw error }
        }
        guard let outcome else { throw SourceError("\(path): nothing was written") }
        _ = try outcome.get()
    }

    /// - Returns: whether it was changed, and is there as a whole.
    private func write(
        into file: borrowing FileDescriptor, _ change: (StreamFile) throws -> [CPUSection]?
    ) throws -> Bool {
        let ends = try keepEnds(passingTo: file)
        let stream = try StreamFile(ends, options.reading)
        guard let sections = try change(stream) else { return false }
        let patch = try stream.patch(replacing: sections)
        let start = ends.lastBytesStart
        let first = patch.replacements.first?.range.lowerBound ?? start
        guard first >= start else {
            throw SourceError(
                "\(image.name): its vCPUs are more than \(ends.size - start) bytes before its end, "
                    + "and were passed on already: save it to a file and mend that")
        }
        do throws(Errno) {
            try file.write(patch.pieces(from: start, size: ends.size), of: ends)
        } catch {
            throw FileError(.write, "the output", error)
        }
        return true
    }

    private func keepEnds(passingTo file: borrowing FileDescriptor) throws -> HeadAndTail {
        var bytes = try image.nextBeforeStream()
        while !bytes.isEmpty {
            try Self.write(bytes, to: file)
            bytes = try image.nextBeforeStream()
        }
        let ends = HeadAndTail(of: image.name)
        bytes = try image.next()
        while !bytes.isEmpty {
            try Self.write(ends.surplus(appending: bytes), to: file)
            ends.append(bytes)
            bytes = try image.next()
        }
        return ends
    }

    private static func write(_ bytes: [UInt8], to file: borrowing FileDescriptor) throws {
        do throws(Errno) {
            try file.writeAll(bytes)
        } catch {
            throw FileError(.write, "the output", error)
        }
    }
}
