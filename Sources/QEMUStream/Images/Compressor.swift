internal import LinuxSystem

/// Compresses what is written, by the system's program.
package final class Compressor {
    private let compression: Compression
    private let file: String
    private var process: ChildProcess
    private var hasErrors = true
    private var complaint: [UInt8] = []

    private static let chunkSize = 1 << 18
    private static let longestComplaint = 4096

    /// - Parameter file: what errors name.
    /// - Throws: `programMissing` where there is no such program.
    init(_ compression: Compression, for file: String) throws(SavedImageError) {
        self.compression = compression
        self.file = file
        process = try Errno.translating(
            try ChildProcess.start(compression.compressing)
        ) { Decompressor.startError(compression, file, $0) }
    }

    /// Takes bytes.
    /// - Parameter output: gets what the program makes of these and of earlier ones.
    /// - Throws: where the program fails, and what `output` throws.
    package func write(_ bytes: [UInt8], to output: ([UInt8]) throws -> Void) throws {
        var waiting = bytes[...]
        while !waiting.isEmpty {
            let ready = try process.wait(forOutput: true, forErrors: hasErrors)
            if ready.errors { try readComplaint() }
            if ready.output { _ = try pass(to: output) }
            if ready.feed { waiting = waiting.dropFirst(try feed(waiting)) }
        }
    }

    /// Ends the input, and passes on the rest.
    /// - Throws: where the program fails, and what `output` throws.
    package func end(to output: ([UInt8]) throws -> Void) throws {
        process.closeFeed()
        while try pass(to: output) {}
        if hasErrors { try readComplaint() }
        guard try process.waitForEnd() == .exit(status: 0) else { throw failure }
    }

    /// - Returns: whether there was something.
    private func pass(to output: ([UInt8]) throws -> Void) throws -> Bool {
        let bytes = try process.readOutput(upTo: Self.chunkSize)
        guard !bytes.isEmpty else { return false }
        try output(bytes)
        return true
    }

    /// How many bytes the program took.
    private func feed(_ bytes: ArraySlice<UInt8>) throws -> Int {
        do throws(Errno) {
            return try process.write(bytes)
        } catch {
            guard error == .tryAgain else { throw failure }
            return 0
        }
    }

    private func readComplaint() throws {
        let bytes = try process.readErrors(upTo: Self.longestComplaint)
        if bytes.isEmpty { hasErrors = false }
        complaint += bytes.prefix(Self.longestComplaint - complaint.count)
    }

    private var failure: SavedImageError {
        let line = complaint.prefix { $0 != UInt8(ascii: "\n") }.prefix(200)
        let words = line.isEmpty ? "" : ", saying \"\(Shown.text(line))\""
        return SavedImageError(
            .programFailed, file,
            "\(compression.program), which compresses the result, failed\(words): see whether it can be run"
        )
    }
}
