internal import CLinux

/// A running program whose standard streams are connected to this one; it is stopped, at the latest, when the value's
/// life ends.
package struct ChildProcess: ~Copyable {
    /// How a program ended.
    package enum End: Equatable {
        /// By itself, with this status.
        case exit(status: Int32)
        /// By this signal.
        case signal(Int32)
    }

    /// What there is to do.
    package struct Readiness {
        package let output, errors, feed: Bool
    }

    private let id: Int32
    private var isRunning = true
    private let output: FileDescriptor
    private let errors: FileDescriptor
    /// The other side of the program's standard input.
    private var feed: FileDescriptor?

    private init(_ child: clinux_child) {
        id = child.pid
        output = FileDescriptor(owning: child.output)
        errors = FileDescriptor(owning: child.errors)
        feed = child.feed < 0 ? nil : FileDescriptor(owning: child.feed)
    }

    deinit {
        // How it ends is of no interest to those who did not wait for it.
        if isRunning { _ = clinux_kill_child(id) }
    }

    /// Starts a program that is on the PATH.
    ///
    /// The corresponding C function is `posix_spawnp`.
    /// - Parameters:
    ///   - words: its name and its arguments.
    ///   - passed: becomes its descriptor `passedDescriptor`; -1 for none.
    /// - Throws: `ENOENT` where there is no such program.
    package static func start(
        _ words: [String], passing passed: Int32 = -1
    ) throws(Errno) -> ChildProcess {
        ChildProcess(try spawn(words, input: -1, passed))
    }

    /// The number that a program knows a descriptor by that it was passed.
    package static let passedDescriptor = Int32(CLINUX_PASSED)

    /// Starts a program whose input is a file, from `offset` on.
    ///
    /// The corresponding C functions are `lseek` and `posix_spawnp`.
    /// - Throws: where the position cannot be set, or the program cannot be started.
    package static func start(
        _ words: [String], on file: borrowing FileDescriptor, from offset: Int64
    ) throws(Errno) -> ChildProcess {
        let child = try file.withNumber { number throws(Errno) in
            // The program reads from the descriptor's own position, which nothing else here uses.
            try Errno.check(clinux_set_position(number, offset))
            return try spawn(words, input: number)
        }
        return ChildProcess(child)
    }

    private static func spawn(
        _ words: [String], input: Int32, _ passed: Int32 = -1
    ) throws(Errno) -> clinux_child {
        // A NUL would end a word early, and there would be fewer words than are counted.
        guard !words.isEmpty, !words.contains(where: { $0.utf8.contains(0) }) else {
            throw .invalidArgument
        }
        var child = clinux_child()
        let all = words.flatMap(\.utf8CString)
        try Errno.check(clinux_spawn(all, Int32(clamping: words.count), input, passed, &child))
        return child
    }
}

extension ChildProcess {
    /// Waits until there is something to read or the program takes input.
    ///
    /// The corresponding C function is `poll`.
    /// - Parameter milliseconds: how long at most; nothing is ready then.
    /// - Throws: what `poll` fails with.
    package borrowing func wait(
        forOutput: Bool, forErrors: Bool, forFeed: Bool = true, atMost milliseconds: Int32 = -1
    ) throws(Errno) -> Readiness {
        let result = clinux_wait_for_child(
            forOutput ? output.withNumber { $0 } : -1, forErrors ? errors.withNumber { $0 } : -1,
            forFeed ? feed?.withNumber { $0 } ?? -1 : -1, milliseconds)
        let bits = UInt32(try Errno.check(result))
        return Readiness(
            output: bits & CLINUX_OUTPUT_READY.rawValue != 0,
            errors: bits & CLINUX_ERRORS_READY.rawValue != 0,
            feed: bits & CLINUX_FEED_READY.rawValue != 0)
    }

    /// What it has written to its standard output; empty at the end.
    /// - Throws: what `read` fails with.
    package borrowing func readOutput(upTo count: Int) throws(Errno) -> [UInt8] {
        try output.read(upTo: count)
    }

    /// What it has written to its standard error; empty at the end.
    /// - Throws: what `read` fails with.
    package borrowing func readErrors(upTo count: Int) throws(Errno) -> [UInt8] {
        try errors.read(upTo: count)
    }

    /// Whether there is something to read of its standard error, or its end, within some milliseconds.
    ///
    /// The corresponding C function is `poll`.
    /// - Throws: what `poll` fails with.
    package borrowing func hasErrors(within milliseconds: Int32) throws(Errno) -> Bool {
        try Errno.check(errors.withNumber { clinux_wait_readable($0, milliseconds) }) == 1
    }

    /// Gives the program input, as much as it takes; how many bytes that was.
    ///
    /// The corresponding C function is `sendmsg`.
    /// - Throws: `EPIPE` or `ECONNRESET` when it reads no more.
    package borrowing func write(_ bytes: ArraySlice<UInt8>) throws(Errno) -> Int {
        guard let count = try feed?.send(bytes) else { throw .badFileDescriptor }
        return count
    }

    /// Tells the program that its input ends here.
    package mutating func closeFeed() {
        feed = nil
    }

    /// Waits for the program's end.
    ///
    /// The corresponding C function is `waitpid`.
    /// - Throws: what `waitpid` fails with.
    package mutating func waitForEnd() throws(Errno) -> End {
        isRunning = false
        return Self.end(try Errno.check(clinux_wait_for_exit(id)))
    }

    /// How the program has ended; nil where it has not yet.
    ///
    /// The corresponding C function is `waitpid`.
    /// - Throws: what `waitpid` fails with.
    package mutating func endNow() throws(Errno) -> End? {
        let result = clinux_exit_now(id)
        if result == -Errno.tryAgain.rawValue { return nil }
        isRunning = false
        return Self.end(try Errno.check(result))
    }

    private static func end(_ result: Int32) -> End {
        result < 256 ? .exit(status: result) : .signal(result - 256)
    }
}
