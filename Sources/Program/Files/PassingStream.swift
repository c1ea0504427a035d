internal import LinuxSystem
internal import Planning
internal import QEMUStream

/// A stream that is written while it is read: all but its end, where the vCPUs are.
///
/// It comes through a pipe, or out of the compression of one of libvirt's images, which is written without
/// it.
struct PassingStream {
    private let image: UncompressedImage
    private let reading: StreamReading

    /// Nil for what can be read, and changed, at any place.
    init?(_ source: Location, _ choice: StreamChoice) throws {
        let input = try GuestFile.open(source)
        guard try input.isPipe || input.isCompressedLibvirt else { return nil }
        image = try UncompressedImage(input)
        if choice.internalSnapshot != nil {
            try choice.checkUnused(by: source, which: "no qcow2 image")
        }
        reading = choice.reading
    }

    /// Mends what comes and writes it.
    ///
    /// What may not be mended is not written to a file, and in a pipe
    /// ends before its vCPUs.
    func mend(_ request: MendRequest, to output: Location) throws -> MendResult {
        guard case .path(let path) = try output.place(orElse: "a stream goes to a file or -") else {
            return try mend(request, into: try FileDescriptor(duplicating: .output))
        }
        var outcome: Result<MendResult, any Error>?
        do throws(FileError) {
            try AtomicFile.replace(path) { file throws(Errno) in
                let result = Result { try mend(request, into: file) }
                outcome = result
                guard case .success(let result) = result, result.mend.isSafe else {
                    throw .canceled
                }
            }
        } catch {
            guard error.errno == .canceled else { throw error }
        }
        guard let outcome else { throw CommandError("\(path): nothing was written") }
        return try outcome.get()
    }

    private func mend(
        _ request: MendRequest, into file: borrowing FileDescriptor
    ) throws -> MendResult {
        let ends = try keepEnds(passingTo: file)
        let stream = try StreamFile(ends, reading)
        let result = try request.mend(stream)
        guard result.mend.isSafe else { return result }
        let patch = try stream.patch(replacing: result.mend.sections)
        let start = ends.lastBytesStart
        let first = patch.replacements.first?.range.lowerBound ?? start
        guard first >= start else {
            throw CommandError(
                "\(image.name): its vCPUs are more than \(ends.size - start) bytes before its end, "
                    + "and were passed on already: save it to a file and mend that")
        }
        do throws(Errno) {
            try file.write(patch.pieces(from: start, size: ends.size), of: ends)
        } catch {
            throw FileError(.write, "the output", error)
        }
        return result
    }

    private func keepEnds(passingTo file: borrowing FileDescriptor) throws -> KeptEnds {
        var bytes = try image.nextBeforeStream()
        while !bytes.isEmpty {
            try Self.write(bytes, to: file)
            bytes = try image.nextBeforeStream()
        }
        let ends = KeptEnds(of: image.name)
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
