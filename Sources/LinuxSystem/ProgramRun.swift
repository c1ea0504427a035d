internal import CLinux

/// A program that was run to its end: what it was given is here, and so is all that it said.
package struct ProgramRun {
    /// All of its standard output.
    package private(set) var output: [UInt8] = []
    /// The beginning of its standard error.
    package private(set) var errors: [UInt8] = []
    /// How it ended.
    package private(set) var end = ChildProcess.End.exit(status: 0)

    /// Whether it was given any of its input.
    package private(set) var wasFed = false

    private var rest: ArraySlice<UInt8>
    private static let chunk = 1 << 16

    /// Runs a program that is on the PATH.
    /// - Parameters:
    ///   - words: its name and its arguments.
    ///   - input: its standard input, all of it.
    ///   - isReady: whether what it has said so far is reason to give it the input; nil where that is yet to be seen, and
    ///     false where it gets none.
    ///   - passed: becomes its descriptor `ChildProcess.passedDescriptor`; -1 for none.
    ///   - time: how long it may take; nil for as long as it likes.
    ///   - limit: the most bytes of its output that are accepted.
    ///   - errorLimit: the most bytes that are kept of what it writes to standard error.
    /// - Throws: `ENOENT` where there is no such program; `EFBIG` for more output and `ETIMEDOUT` when the time is up,
    ///   upon which it is killed.
    package init(
        _ words: [String], input: [UInt8] = [], once isReady: ([UInt8]) -> Bool? = { _ in true },
        passing passed: Int32 = -1,
        within time: Duration? = nil, limit: Int, errorLimit: Int = 1 << 14
    ) throws(Errno) {
        rest = input[...]
        let deadline = time.map { Deadline(in: $0) }
        var process = try ChildProcess.start(words, passing: passed)
        var hasErrors = true
        while true {
            let isFeeding = isReady(output)
            if isFeeding == false || rest.isEmpty { process.closeFeed() }
            let ready = try process.wait(
                forOutput: true, forErrors: hasErrors, forFeed: isFeeding == true,
                atMost: deadline?.milliseconds ?? -1)
            guard deadline?.isOver != true else { throw .timedOut }
            if ready.errors { hasErrors = try read(&process, errorLimit) }
            if ready.output {
                let bytes = try process.readOutput(upTo: Self.chunk)
                if bytes.isEmpty { break }
                guard bytes.count <= limit - output.count else { throw .fileTooLarge }
                output += bytes
            } else if ready.feed {
                feed(&process)
            }
        }
        process.closeFeed()
        // Others may have its standard error and outlive it, as a connection does that ssh shares: what they say is not
        // waited for.
        end = try process.waitForEnd()
        while hasErrors, try process.hasErrors() { hasErrors = try read(&process, errorLimit) }
    }

    /// - Returns: whether there can be more.
    private mutating func read(
        _ process: inout ChildProcess, _ limit: Int
    ) throws(Errno) -> Bool {
        let bytes = try process.readErrors(upTo: Self.chunk)
        errors += bytes.prefix(limit - errors.count)
        return !bytes.isEmpty
    }

    private mutating func feed(_ process: inout ChildProcess) {
        do throws(Errno) {
            wasFed = true
            rest = rest.dropFirst(try process.write(rest.prefix(Self.chunk)))
        } catch {
            // It reads no more; why, its exit status and what it says will tell.
            if error != .tryAgain { process.closeFeed() }
        }
    }
}
