internal import LinuxSystem
internal import QEMULoad
internal import QEMUStream
internal import SavedImage

/// A stream that comes through a pipe and goes on to an output while it comes: all but its end, where the
/// vCPUs are.
struct PassingStream {
    private let input: ImageInput

    /// Nil for a regular file, which can be read at any place.
    init?(_ source: Location) throws {
        input = try GuestFile.open(source)
        guard input.isPipe else { return nil }
        guard input.kind == .stream else {
            throw CommandError(
                "\(input.name): only a plain QEMU stream can be mended in a pipe"
                    + (input.kind.map { ", and this is \($0)" } ?? "")
                    + "; name the file, or decompress it first")
        }
    }

    /// Mends what comes and writes it.
    ///
    /// What may not be mended is not written to a file, and in a pipe
    /// ends before its vCPUs.
    func mend(_ request: MendRequest, to output: Location) throws -> StreamMend {
        guard case .path(let path) = try output.place(orElse: "a stream goes to a file or -") else {
            return try mend(request, into: try FileDescriptor(duplicating: .output))
        }
        var outcome: Result<StreamMend, any Error>?
        do throws(FileError) {
            try AtomicFile.replace(path) { file throws(Errno) in
                let result = Result { try mend(request, into: file) }
                outcome = result
                guard case .success(let mend) = result, mend.isSafe else { throw .canceled }
            }
        } catch {
            guard error.errno == .canceled else { throw error }
        }
        guard let outcome else { throw CommandError("\(path): nothing was written") }
        return try outcome.get()
    }

    private func mend(
        _ request: MendRequest, into file: borrowing FileDescriptor
    ) throws -> StreamMend {
        let ends = try keepEnds(passingTo: file)
        let stream = try StreamFile(ends)
        let mend = try request.mend(stream)
        guard mend.isSafe else { return mend }
        let patch = try stream.filePatch(replacing: mend.sections)
        let start = ends.lastBytesStart
        let first = patch.replacements.first?.range.lowerBound ?? start
        guard first >= start else {
            throw CommandError(
                "\(input.name): its vCPUs are more than \(ends.size - start) bytes before its end, "
                    + "and were passed on already: save it to a file and mend that")
        }
        do throws(Errno) {
            try file.write(patch.pieces(from: start, size: ends.size), of: ends)
        } catch {
            throw FileError(.write, "the output", error)
        }
        return mend
    }

    private func keepEnds(
        passingTo file: borrowing FileDescriptor
    ) throws(FileError) -> KeptEnds {
        let ends = KeptEnds(of: input.name)
        var step = FileError.Step.read
        do throws(Errno) {
            while true {
                step = .read
                let bytes = try input.read(upTo: Self.chunkSize)
                if bytes.isEmpty { return ends }
                step = .write
                try file.writeAll(ends.surplus(appending: bytes))
                ends.append(bytes)
            }
        } catch {
            throw FileError(step, step == .read ? input.name : "the output", error)
        }
    }

    private static let chunkSize = 1 << 20
}
