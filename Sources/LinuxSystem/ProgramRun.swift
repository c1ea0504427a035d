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

    private var rest: ArraySlice<UInt8> = []
    private static let chunk = 1 << 16

    /// Runs a program that is on the PATH.
    /// - Parameters:
    ///   - words: its name and its arguments.
    ///   - answer: its standard input, all of it, by what it has said so far; nil as long as there is no answer to
    ///     that.
    ///   - passed: becomes its descriptor `ChildProcess.passedDescriptor`; -1 for none.
    ///   - time: how long it may take.
    ///   - limit: the most bytes of its output that are accepted.
    ///   - errorLimit: the most bytes that are kept of what it writes to standard error.
    /// - Throws: `ENOENT` where there is no such program; `EFBIG` for more output and `ETIMEDOUT` when the time is up,
    ///   upon which it is killed.
    package init(
        _ words: [String], answering answer: ([UInt8]) -> [UInt8]? = { _ in [] },
        passing passed: Int32 = -1, within time: Duration, limit: Int, errorLimit: Int = 1 << 14
    ) throws(Errno) {
        let deadline = Deadline(in: time)
        var process = try ChildProcess.start(words, passing: passed)
        var (isAnswered, hasErrors) = (false, true)
        while true {
            if !isAnswered, let input = answer(output) { (rest, isAnswered) = (input[...], true) }
            if isAnswered, rest.isEmpty { process.closeFeed() }
            let ready = try process.wait(
                forOutput: true, forErrors: hasErrors, forFeed: isAnswered,
                atMost: deadline.milliseconds)
            guard !deadline.isOver else { throw .timedOut }
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
        try finish(&process, until: deadline, errorLimit)
    }

    /// Waits for the end of a program that says no more but on its standard error.
    ///
    /// Others may have that and outlive it, as a connection does that ssh shares: they are not waited for.
    private mutating func finish(
        _ process: inout ChildProcess, until deadline: Deadline, _ errorLimit: Int
    ) throws(Errno) {
        var (hasEnded, hasErrors) = (false, true)
        while true {
            if !hasEnded, let end = try process.endNow() { (self.end, hasEnded) = (end, true) }
            let pause = hasEnded ? 0 : Self.pause
            if hasErrors, try process.hasErrors(within: pause) {
                hasErrors = try read(&process, errorLimit)
            } else if hasEnded {
                return
            } else if !hasErrors {
                _ = clinux_wait_readable(-1, pause)
            }
            guard !deadline.isOver else { throw .timedOut }
        }
    }

    /// Milliseconds between two looks whether it has ended.
    private static let pause: Int32 = 5

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
