package import LinuxSystem
package import TextFormats

/// Why QEMU was not asked, did not answer, or refused.
package struct QMPError: Error, Hashable, Sendable {
    /// What went wrong.
    ///
    /// Text that came from the socket is kept as it came; `description` makes it printable.
    package indirect enum Problem: Hashable, Sendable {
        /// The call `connect` failed.
        case cannotConnect(Errno)
        /// There is a server, but nothing came from it in this time.
        case noGreeting(within: Duration)
        /// What came first is not a QMP greeting; this is its beginning.
        case notQMP(String)
        /// The connection ended, or broke with an errno, while this was waited for.
        case lost(during: String, Errno?)
        /// QEMU did not answer this command in this time, and may still carry it out.
        case noAnswer(to: String, within: Duration)
        /// One message of more bytes than this.
        case tooLong(limit: Int)
        /// What came is not JSON: its beginning, and what is wrong with it, where it was parsed at all.
        case notJSON(String, JSONError?)
        /// QEMU's own error: the members `class` and `desc`.
        case refused(command: String, errorClass: String, description: String)
        /// The answer to this command does not have this.
        case unexpectedAnswer(to: String, missing: String)
        /// A call to this host's kernel failed.
        case system(call: String, Errno)
        /// The VM is in a run state in which it cannot be captured, or not in this way.
        case unsuitable(runState: String, reason: String)
        /// Something else about the VM is in the way; what, and what to do about it.
        case obstacle(String, nextStep: String)
        /// The device state has more bytes than this.
        case tooLarge(limit: Int)
        /// The migration into this program ended early, with this status of `query-migrate` and QEMU's reason, if it
        /// gave one.
        case migrationFailed(status: String, description: String?)
        /// The device state was not saved for the first reason, the migration failed for the second.
        case bothWays(Problem, Problem)
    }

    /// The path of the socket.
    package var socket: String
    /// What went wrong, without the socket's name.
    package var problem: Problem
    /// The run state of a VM that was running before and no longer is; nil when it runs, or was not running before.
    package var runStateLeft: String?

    /// By default the VM's run state is as it was.
    package init(_ socket: String, _ problem: Problem, runStateLeft: String? = nil) {
        self.socket = socket
        self.problem = problem
        self.runStateLeft = runStateLeft
    }
}

extension QMPError: CustomStringConvertible {
    /// What failed, what was found, and what to do about it.
    package var description: String {
        "QMP socket \"\(Shown.line(socket))\": \(message)"
    }

    /// The same without the monitor's name.
    package var message: String {
        let what = "\(problem)" + (isAddress ? Self.unixOnly : "")
        guard let runStateLeft else { return what }
        return what + "; the VM was running before and is now \"\(Shown.line(runStateLeft))\": "
            + "find out why, and resume it with the QMP command cont"
    }
}

extension QMPError {
    /// Whether the name, of which there is no socket, is that of a TCP port: `HOST:PORT`.
    private var isAddress: Bool {
        guard case .cannotConnect(.noEntry) = problem, !socket.utf8.contains(UInt8(ascii: "/"))
        else { return false }
        let parts = socket.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count > 1 && UInt16(parts[parts.count - 1]) != nil
    }

    private static let unixOnly =
        "; only UNIX sockets are supported: give QEMU -qmp unix:PATH,server=on,wait=off, or forward it "
        + "(socat UNIX-LISTEN:PATH TCP:HOST:PORT)"
}

extension QMPError.Problem: CustomStringConvertible {
    /// The socket, what was asked and what QEMU answered, and what to do about it.
    package var description: String {
        switch self {
        case .cannotConnect(let errno): "cannot connect: \(errno)" + Self.advice(errno)
        case .noGreeting(let time):
            "it accepts connections, but no QMP greeting came within \(time): most likely another "
                + "client is connected, and a QMP socket serves one at a time; disconnect it, or give "
                + "QEMU a second one (-qmp unix:PATH,server=on,wait=off)"
        case .notQMP(let found):
            "expected a QMP greeting, found \(Shown.line(found)): name the socket of QEMU's -qmp, not a "
                + "human monitor (-monitor), a console or another program's"
        case .lost(let moment, let errno): Self.lost(moment, errno)
        case .noAnswer(let command, let time): Self.noAnswer(command, time)
        case .tooLong(let limit):
            "a message is longer than \(limit) bytes, the most that is read: this is not QEMU"
        case .notJSON(let found, let error):
            "expected a QMP message, found \(Shown.line(found))" + (error.map { " (\($0))" } ?? "")
                + ": does another program use this connection?"
        case .refused(let command, let errorClass, let description):
            "QEMU refused \(command): \(Shown.line(errorClass)): \(Shown.line(description))"
        case .unexpectedAnswer(let command, let missing):
            "the answer to \(command) has no \(missing), which every QEMU since 4.0 gives"
        case .system(let call, let errno): "\(call): \(errno)"
        case .unsuitable(let runState, let reason):
            "the VM is \"\(Shown.line(runState))\": \(Shown.line(reason))"
        case .obstacle(let what, let nextStep): "\(Shown.line(what)): \(nextStep)"
        case .tooLarge(let limit):
            "the device state has more than the \(limit) bytes that are kept; the VM is not affected"
        case .migrationFailed(let status, let description):
            "the migration into this program ended as \"\(Shown.line(status))\""
                + (description.map { ": \(Shown.line($0))" } ?? "")
        case .bothWays(let first, let second):
            "\(first); and the migration that was tried instead: \(second)"
        }
    }

    /// The operator's next step for an error of connect(2).
    private static func advice(_ errno: Errno) -> String {
        switch errno {
        case .noEntry: ": there is no such socket; check the name, and that QEMU runs with -qmp"
        case .connectionRefused:
            ": nobody listens; the QEMU that made it has ended, or it is not a stream socket"
        case .accessDenied, .notPermitted:
            ": become the user QEMU runs as, or root; connecting needs write permission"
        case .nameTooLong:
            ": a socket's path has at most 107 bytes; change into its folder and use a shorter one"
        default: ""
        }
    }

    private static func lost(_ moment: String, _ errno: Errno?) -> String {
        "the connection ended during \(moment)" + (errno.map { ": \($0)" } ?? "")
            + ": QEMU has ended, or its monitor was closed; look at QEMU's own output"
    }

    private static func noAnswer(_ command: String, _ time: Duration) -> String {
        let what = "QEMU did not answer \(command) within \(time)"
        guard command == CapturedDeviceState.command else {
            return what + ": it may be stuck (a slow disk, a stopped process); look at its threads"
        }
        return what + ": it resumes the VM by itself when it has done it; do not send cont before"
    }
}
