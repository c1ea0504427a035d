internal import LinuxSystem
package import TextFormats

/// The QMP monitor of a libvirt domain; libvirt has the monitor to itself and passes commands on: `virsh
/// qemu-monitor-command`, once for each.
///
/// Events are libvirt's alone.
package final class VirshMonitor: QMPMonitor {
    /// The domain's name, id or UUID.
    package let path: String
    /// The longest that each kind of wait takes.
    package let timeouts: QMPTimeouts

    /// Nobody is asked anything yet.
    package init(domain: String, timeouts: QMPTimeouts = QMPTimeouts()) {
        path = domain
        self.timeouts = timeouts
    }

    /// Always none.
    package var eventCount: Int { 0 }
    /// None: a migration that libvirt does not know of would confuse it.
    package var ownConnection: QMPConnection? { nil }
    /// Always none.
    package func events(since start: Int) -> ArraySlice<QMPEvent> { [] }
    /// Always nil, at once.
    /// - Throws: never.
    package func waitForEvent(
        _ name: String, since start: Int, within time: Duration
    ) throws(QMPError) -> QMPEvent? { nil }

    private static let longestAnswer = 1 << 24

    /// Has virsh pass a command on, and waits for the answer.
    /// - Throws: where virsh cannot be run or does not end in that time, and QEMU's or libvirt's own error.
    package func exchange(
        _ command: String, _ arguments: [(String, QMPArgument)], _ descriptor: Int32?,
        within time: Duration
    ) throws(QMPError) -> JSONValue {
        let passing =
            descriptor == nil ? [] : ["--pass-fds", "\(ChildProcess.passedDescriptor)"]
        // libvirt gives the command an id of its own.
        let words =
            ["virsh", "qemu-monitor-command", "--domain", path] + passing
            + ["--cmd", Self.text(of: command, arguments)]
        let run = try Errno.translating(
            try ProgramRun(
                words, passing: descriptor ?? -1, within: time, limit: Self.longestAnswer)
        ) { failure($0, command, within: time) }
        guard run.end == .exit(status: 0) else { throw failure(run, isPassing: descriptor != nil) }
        let answer = try JSONError.translating(try JSONValue(parsing: run.output)) {
            error(.notJSON(String(decoding: run.output.prefix(60), as: UTF8.self), $0))
        }
        return try result(of: command, in: answer)
    }

    private func failure(
        _ errno: Errno, _ command: String, within time: Duration
    ) -> QMPError {
        switch errno {
        case .timedOut: error(.noAnswer(to: command, within: time))
        case .fileTooLarge: error(.tooLong(limit: Self.longestAnswer))
        case .noEntry:
            error(
                .obstacle(
                    "there is no program virsh on the PATH",
                    nextStep: "install it (Debian's package is libvirt-clients)"))
        default: error(.system(call: "virsh", errno))
        }
    }

    private func failure(_ run: ProgramRun, isPassing: Bool) -> QMPError {
        let lines = run.errors.split { $0 == UInt8(ascii: "\n") }
        let words = lines.first.map { String(decoding: $0.prefix(400), as: UTF8.self) }
        return error(
            .obstacle(
                "virsh refuses: \(words ?? "without a word")",
                nextStep: isPassing
                    ? "libvirt passes descriptors from 8.2 on, and only on the machine where it runs"
                    : "virsh list names the domains that run; LIBVIRT_DEFAULT_URI says whose"))
    }
}
