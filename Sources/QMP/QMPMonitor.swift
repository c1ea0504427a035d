package import LinuxSystem
package import TextFormats

/// A QMP monitor of a running QEMU, however it is reached.
package protocol QMPMonitor: AnyObject {
    /// What errors call it.
    var path: String { get }

    /// The longest that each kind of wait takes.
    var timeouts: QMPTimeouts { get }

    /// How many events have come since it was reached.
    var eventCount: Int { get }

    /// The connection by which a migration can be watched; nil where events and migrations are somebody else's.
    var ownConnection: QMPConnection? { get }

    /// The events that came after `eventCount` was this, as far as they are still held.
    func events(since start: Int) -> ArraySlice<QMPEvent>

    /// Receives events until one has this name.
    /// - Parameter start: how many events had come before it is looked for (`eventCount`).
    /// - Returns: nil when none came in that time.
    /// - Throws: where the connection is lost, or what comes is not QMP.
    func waitForEvent(
        _ name: String, since start: Int, within time: Duration
    ) throws(QMPError) -> QMPEvent?

    /// Has QEMU carry out a command.
    /// - Parameter descriptor: goes to QEMU with it; nil for none.
    /// - Returns: what it returned, `{}` for most.
    /// - Throws: `refused` with QEMU's own error; `noAnswer` when none came in that time; `lost`.
    func exchange(
        _ command: String, _ arguments: [(String, QMPArgument)], _ descriptor: Int32?,
        within time: Duration
    ) throws(QMPError) -> JSONValue
}

extension QMPMonitor {
    /// Has QEMU carry out a command.
    /// - Returns: what it returned, `{}` for most.
    /// - Throws: `refused` with QEMU's own error; `noAnswer` when none came in `timeouts.answer`; `lost`.
    @discardableResult
    package func execute(
        _ command: String, arguments: [(String, QMPArgument)] = []
    ) throws(QMPError) -> JSONValue {
        try exchange(command, arguments, nil, within: timeouts.answer)
    }

    /// Has QEMU carry out a command that takes a descriptor: `add-fd`, `getfd`.
    ///
    /// QEMU gets a copy of it, so this one can be closed afterward.
    /// - Throws: what `exchange` throws.
    @discardableResult
    package func execute(
        _ command: String, arguments: [(String, QMPArgument)] = [],
        passing descriptor: borrowing FileDescriptor
    ) throws(QMPError) -> JSONValue {
        try descriptor.withNumber { (number) throws(QMPError) in
            try exchange(command, arguments, number, within: timeouts.answer)
        }
    }

    /// Has QEMU carry out a command that takes its time.
    func execute(
        _ command: String, arguments: [(String, QMPArgument)], within time: Duration
    ) throws(QMPError) -> JSONValue {
        try exchange(command, arguments, nil, within: time)
    }

    func error(_ problem: QMPError.Problem) -> QMPError {
        QMPError(path, problem)
    }

    /// What the answer to a command says.
    /// - Throws: `refused` with QEMU's own error.
    func result(of command: String, in message: JSONValue) throws(QMPError) -> JSONValue {
        if let result = message["return"] { return result }
        guard let failure = message["error"] else {
            throw error(.unexpectedAnswer(to: command, missing: "\"return\" or \"error\""))
        }
        throw error(
            .refused(
                command: command, errorClass: failure["class"]?.string ?? "an error",
                description: failure["desc"]?.string ?? "without a description"))
    }

    /// A command as a line of JSON.
    /// - Parameter id: nil for none.
    static func text(
        of command: String, _ arguments: [(String, QMPArgument)], id: String? = nil
    ) -> String {
        var members: [(String, QMPArgument)] = [("execute", .string(command))]
        if !arguments.isEmpty { members.append(("arguments", .object(arguments))) }
        if let id { members.append(("id", .string(id))) }
        return QMPArgument.object(members).json + "\n"
    }
}
