internal import LinuxSystem

/// Decompresses a file, or a part of one, by the system's program.
final class Decompressor {
    private let compression: Compression
    private let file: String
    private var process: ChildProcess
    /// Where the input comes from; nil when the program has the file itself, or has got everything.
    private var source: SequentialBytes?
    private var waiting: ArraySlice<UInt8> = []
    private var complaint: [UInt8] = []
    private var hasErrors = true
    private var hasEnded = false
    let budget: ExpansionBudget
    private var produced: Int64 = 0

    /// Decompresses a file from `offset` on.
    init(
        _ compression: Compression, on file: SeekableFile, from offset: Int64
    ) throws(SavedImageError) {
        self.compression = compression
        self.file = file.name
        budget = ExpansionBudget(input: file.size)
        process = try Errno.translating(
            try ChildProcess.start(compression.decompressing, on: file.file, from: offset)
        ) { Self.startError(compression, file.name, $0) }
    }

    /// Decompresses what comes next, to the end.
    init(
        _ compression: Compression, on source: SequentialBytes
    ) throws(SavedImageError) {
        self.compression = compression
        file = source.name
        budget = source.budget
        self.source = source
        process = try Errno.translating(try ChildProcess.start(compression.decompressing)) {
            Self.startError(compression, source.name, $0)
        }
    }

    /// Decompressed bytes; none at the end, which is reached only when the program says that it
    /// succeeded.
    func next() throws(SavedImageError) -> [UInt8] {
        while !hasEnded {
            let ready = try calling(try process.wait(forOutput: true, forErrors: hasErrors))
            if ready.errors { try readComplaint() }
            if ready.output {
                let bytes = try calling(try process.readOutput(upTo: Self.chunkSize))
                guard bytes.isEmpty else {
                    produced += Int64(bytes.count)
                    try budget.check(produced, compression, of: file)
                    return bytes
                }
                try end()
            } else if ready.feed {
                try writeInput()
            }
        }
        return []
    }

    private static let chunkSize = 1 << 18
    private static let longestComplaint = 4096
}

extension Decompressor {
    private func writeInput() throws(SavedImageError) {
        if waiting.isEmpty, let source { waiting = try source.next()[...] }
        guard !waiting.isEmpty else {
            stopGiving()
            return
        }
        do throws(Errno) {
            waiting = waiting.dropFirst(try process.write(waiting))
        } catch {
            // It reads no more; why, its exit status and its complaint will say.
            if error != .tryAgain { stopGiving() }
        }
    }

    private func stopGiving() {
        process.closeFeed()
        source = nil
        waiting = []
    }

    /// Reads what the program says, and keeps the beginning.
    private func readComplaint() throws(SavedImageError) {
        let bytes = try calling(try process.readErrors(upTo: Self.longestComplaint))
        if bytes.isEmpty { hasErrors = false }
        complaint += bytes.prefix(Self.longestComplaint - complaint.count)
    }

    /// After the last of its output.
    private func end() throws(SavedImageError) {
        stopGiving()
        while hasErrors {
            _ = try calling(try process.wait(forOutput: false, forErrors: true))
            try readComplaint()
        }
        hasEnded = true
        let end = try calling(try process.waitForEnd())
        guard end == .exit(status: 0) else { throw failure(end) }
    }
}

extension Decompressor {
    private func calling<Result>(
        _ work: @autoclosure () throws(Errno) -> Result
    ) throws(SavedImageError) -> Result {
        try Errno.translating(try work()) { errno in
            SavedImageError(
                .programFailed, file, errno: errno,
                "cannot run \(compression.program), which decompresses it: \(errno)")
        }
    }

    static func startError(
        _ compression: Compression, _ file: String, _ errno: Errno
    ) -> SavedImageError {
        let program = compression.program
        if errno == .noEntry {
            return SavedImageError(
                .programMissing, file, errno: errno,
                "it is compressed by \(program), and there is no program \(program) on the PATH: "
                    + "install it (Debian's package is \(compression.package))")
        }
        return SavedImageError(
            .programFailed, file, errno: errno,
            "cannot start \(program), which decompresses it: \(errno): see whether it can be run")
    }

    private func failure(_ end: ChildProcess.End) -> SavedImageError {
        let how: String
        let advice: String
        var offset: Int64?
        switch end {
        case .exit(let status):
            how = "failed with status \(status)"
            offset = produced
            advice =
                "the file is damaged or incomplete, or needs options of that program; take an "
                + "undamaged copy of it, or decompress it yourself"
        case .signal(let number):
            how = "was ended by signal \(number)"
            advice = "try again, and see whether there is enough memory"
        }
        let lines = complaint.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
        let words = lines.first.map { ", saying \"\(Shown.text($0.prefix(200)))\"" } ?? ""
        return SavedImageError(
            .programFailed, file, at: offset, isDecompressed: true,
            "\(compression.program), which decompresses it, \(how)\(words): \(advice)")
    }
}
