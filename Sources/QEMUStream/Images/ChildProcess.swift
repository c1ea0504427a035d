internal import CLinux
internal import LinuxSystem

/// A running program that turns its standard input into its standard output; it is stopped, at the
/// latest, when the value's life ends.
struct ChildProcess: ~Copyable {
    /// How a program ended.
    enum End: Equatable {
        case exit(status: Int32)
        case signal(Int32)
    }

    /// What there is to do.
    struct Readiness {
        let output, errors, feed: Bool
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

    /// Starts a program on a file, from `offset` on.
    ///
    /// The corresponding C functions are `lseek` and `posix_spawnp`.
    static func start(
        _ compression: Compression, on file: borrowing FileDescriptor, from offset: Int64
    ) throws(Errno) -> ChildProcess {
        let child = try file.withNumber { number throws(Errno) in
            // The program reads from the descriptor's own position, which nothing else here uses.
            try Errno.check(clinux_set_position(number, offset))
            return try spawn(compression, Compression.decompressArgument, input: number)
        }
        return ChildProcess(child)
    }

    /// Starts a program that is given its input by `feed(_:)`.
    static func start(
        _ compression: Compression, _ argument: String = Compression.decompressArgument
    ) throws(Errno) -> ChildProcess {
        ChildProcess(try spawn(compression, argument, input: -1))
    }

    private static func spawn(
        _ compression: Compression, _ argument: String, input: Int32
    ) throws(Errno) -> clinux_child {
        var child = clinux_child()
        try Errno.check(
            clinux_spawn_filter(
                compression.program, argument, compression.warningsArgument, input, &child))
        return child
    }
}

extension ChildProcess {
    /// Waits until there is something to read or the program takes input.
    ///
    /// The corresponding C function is `poll`.
    borrowing func wait(forOutput: Bool, forErrors: Bool) throws(Errno) -> Readiness {
        let result = clinux_wait_for_child(
            forOutput ? output.withNumber { $0 } : -1, forErrors ? errors.withNumber { $0 } : -1,
            feed?.withNumber { $0 } ?? -1)
        let bits = UInt32(try Errno.check(result))
        return Readiness(
            output: bits & CLINUX_OUTPUT_READY.rawValue != 0,
            errors: bits & CLINUX_ERRORS_READY.rawValue != 0,
            feed: bits & CLINUX_FEED_READY.rawValue != 0)
    }

    borrowing func readOutput(upTo count: Int) throws(Errno) -> [UInt8] {
        try output.read(upTo: count)
    }

    borrowing func readErrors(upTo count: Int) throws(Errno) -> [UInt8] {
        try errors.read(upTo: count)
    }

    /// Gives the program input, as much as it takes; how many bytes that was.
    ///
    /// The corresponding C function is `sendmsg`.
    /// - Throws: `EPIPE` or `ECONNRESET` when it reads no more.
    borrowing func write(_ bytes: ArraySlice<UInt8>) throws(Errno) -> Int {
        guard let count = try feed?.send(bytes) else { throw .badFileDescriptor }
        return count
    }

    /// Tells the program that its input ends here.
    mutating func closeFeed() {
        feed = nil
    }

    /// Waits for the program's end.
    ///
    /// The corresponding C function is `waitpid`.
    mutating func waitForEnd() throws(Errno) -> End {
        isRunning = false
        let result = try Errno.check(clinux_wait_for_exit(id))
        return result < 256 ? .exit(status: result) : .signal(result - 256)
    }
}
