internal import CLinux
internal import LinuxSystem
package import TextFormats

/// A QMP monitor of a running QEMU, over its Unix socket (docs/interop/qmp-spec.rst).
///
/// Every wait has an end. No more is held than a message of 16 MiB and the last thousand events, or the last 1 MiB of
/// them.
package final class QMPConnection: QMPMonitor {
    /// The path of the socket.
    package let path: String
    /// The longest that each kind of wait takes.
    package let timeouts: QMPTimeouts
    /// Events in the order they came: the last thousand, or as many of them as came in 1 MiB.
    package private(set) var events: [QMPEvent] = []

    private let socket: FileDescriptor
    private var splitter = MessageSplitter()
    private var lastID = 0
    /// Part of every id, so that an answer to somebody who was connected before is not taken for one
    /// of ours.
    private let name = "vcpusnap-" + String(UInt64.random(in: 0...UInt64.max), radix: 16)

    /// Connects, waits for the greeting, and ends the negotiation of capabilities (`qmp_capabilities`).
    /// - Throws: `cannotConnect`, `noGreeting` (another client may be connected) or `notQMP`, among others.
    package init(
        connectingTo path: String, timeouts: QMPTimeouts = QMPTimeouts()
    ) throws(QMPError) {
        self.path = path
        self.timeouts = timeouts
        let deadline = Deadline(in: timeouts.greeting)
        socket = try Self.connect(path, timeouts, deadline)
        try takeGreeting(deadline)
        // QEMU refuses it when that of a client who was just killed counts for this one too. If it is
        // still needed, the next command is refused and says so.
        _ = try executeIfPossible("qmp_capabilities")
    }

    /// Receives events until one has this name.
    /// - Parameter start: how many events had come before it is looked for (`eventCount`).
    /// - Returns: nil when none came in that time.
    /// - Throws: where the connection is lost, or what comes is not QMP.
    package func waitForEvent(
        _ name: String, since start: Int, within time: Duration
    ) throws(QMPError) -> QMPEvent? {
        let deadline = Deadline(in: time)
        while true {
            if let event = events(since: start).first(where: { $0.name == name }) { return event }
            guard let message = try message(until: deadline, during: "the event \(name)") else {
                return nil
            }
            note(message)
        }
    }

    /// The events that came after `eventCount` was this, as far as they are still held.
    package func events(since start: Int) -> ArraySlice<QMPEvent> {
        events.suffix(max(0, eventCount - start))
    }

    /// How many events have come since the connection was made.
    package private(set) var eventCount = 0
    private var eventsLength = 0
    private static let longestEvents = 1 << 20

    /// This one.
    package var ownConnection: QMPConnection? { self }

    /// Lends the number of the socket; it must not be closed or kept.
    func withSocket<Result>(_ body: (Int32) -> Result) -> Result {
        socket.withNumber(body)
    }
}

// MARK: Commands and answers

extension QMPConnection {
    /// Has QEMU carry out a command.
    /// - Throws: `refused` with QEMU's own error; `noAnswer` when none came in that time; `lost`.
    package func exchange(
        _ command: String, _ arguments: [(String, QMPArgument)], _ descriptor: Int32?,
        within time: Duration
    ) throws(QMPError) -> JSONValue {
        lastID += 1
        let id = "\(name)-\(lastID)"
        let deadline = Deadline(in: time)
        let text = Self.text(of: command, arguments, id: id)
        guard try send(Array(text.utf8), descriptor, command, until: deadline) else {
            throw error(.noAnswer(to: command, within: time))
        }
        while let message = try message(until: deadline, during: command) {
            if let answer = try answer(in: message, to: command, id) { return answer }
        }
        throw error(.noAnswer(to: command, within: time))
    }

    /// What the command returned; nil for messages about something else.
    private func answer(
        in message: JSONValue, to command: String, _ id: String
    ) throws(QMPError) -> JSONValue? {
        if note(message) { return nil }
        // QEMU does not know the id of what it could not parse. An answer with another id is one that
        // came too late for its command.
        guard message["id"]?.string == id || (message["id"] == nil && message["error"] != nil)
        else { return nil }
        return try result(of: command, in: message)
    }

    /// Keeps an event, and answers false for other messages.
    @discardableResult
    private func note(_ message: JSONValue) -> Bool {
        guard let event = QMPEvent(message) else { return false }
        events.append(event)
        eventsLength += event.length
        while events.count > 1000 || events.count > 1 && eventsLength > Self.longestEvents {
            eventsLength -= events.removeFirst().length
        }
        eventCount += 1
        return true
    }
}

// MARK: The socket

extension QMPConnection {
    private static func connect(
        _ path: String, _ timeouts: QMPTimeouts, _ deadline: Deadline
    ) throws(QMPError) -> FileDescriptor {
        while true {
            let result = FileName.withBytes(of: path, clinux_connect_unix)
            if result >= 0 { return FileDescriptor(owning: result) }
            let errno = Errno(rawValue: -result)
            guard errno == .tryAgain else { throw QMPError(path, .cannotConnect(errno)) }
            // Others wait already to be accepted.
            guard !deadline.isOver else {
                throw QMPError(path, .noGreeting(within: timeouts.greeting))
            }
            _ = clinux_wait_readable(-1, 10)
        }
    }

    private func takeGreeting(_ deadline: Deadline) throws(QMPError) {
        let first: JSONValue?
        do throws(QMPError) {
            first = try firstMessage(until: deadline)
        } catch {
            guard case .notJSON(let found, _) = error.problem else { throw error }
            throw self.error(.notQMP(found))
        }
        guard let first else { throw error(.noGreeting(within: timeouts.greeting)) }
        guard first["QMP"]?.members != nil else {
            let names = first.members?.prefix(3).map { "\"\($0.name)\"" } ?? []
            throw error(.notQMP("an object with " + names.joined(separator: ", ")))
        }
    }

    /// The first message that is neither an event nor an answer: a client that takes the place of
    /// another may get what was meant for that one before it is greeted.
    private func firstMessage(until deadline: Deadline) throws(QMPError) -> JSONValue? {
        while let message = try message(until: deadline, during: "the greeting") {
            guard ["event", "return", "error"].contains(where: { message[$0] != nil }) else {
                return message
            }
        }
        return nil
    }

    /// The next message; nil when none came in time.
    private func message(
        until deadline: Deadline, during moment: String
    ) throws(QMPError) -> JSONValue? {
        while true {
            if let text = try nextText() { return try parse(text) }
            guard let bytes = try receive(until: deadline, during: moment) else { return nil }
            splitter.append(bytes)
        }
    }

    private func nextText() throws(QMPError) -> [UInt8]? {
        try MessageSplitter.Failure.translating(try splitter.next()) { failure in
            switch failure {
            case .tooLong: error(.tooLong(limit: MessageSplitter.limit))
            case .noObject(let line): error(.notJSON(Self.quoted(line), nil))
            }
        }
    }

    private func parse(_ text: [UInt8]) throws(QMPError) -> JSONValue {
        try JSONError.translating(try JSONValue(parsing: text)) {
            error(.notJSON(Self.quoted(text), $0))
        }
    }

    /// The beginning of what was received, as a message can show it.
    private static func quoted(_ bytes: [UInt8]) -> String {
        let shown = bytes.prefix(60).map { 0x20..<0x7f ~= $0 ? $0 : UInt8(ascii: ".") }
        return "\"" + String(decoding: shown, as: UTF8.self) + (bytes.count > 60 ? "..." : "")
            + "\""
    }

    private func receive(
        until deadline: Deadline, during moment: String
    ) throws(QMPError) -> [UInt8]? {
        // Somebody who never ceases to speak would be listened to for ever.
        guard !deadline.isOver else { return nil }
        do throws(Errno) {
            let wait = socket.withNumber { clinux_wait_readable($0, deadline.milliseconds) }
            guard try Errno.check(wait) == 1 else { return nil }
            let bytes = try socket.read(upTo: 1 << 16)
            if !bytes.isEmpty { return bytes }
        } catch {
            throw self.error(.lost(during: moment, error))
        }
        throw error(.lost(during: moment, nil))
    }

    /// Sends all of it, the descriptor with the first part; false when the time is up before.
    private func send(
        _ bytes: [UInt8], _ descriptor: Int32?, _ command: String, until deadline: Deadline
    ) throws(QMPError) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            do throws(Errno) {
                let wait = socket.withNumber { clinux_wait_writable($0, deadline.milliseconds) }
                guard try Errno.check(wait) == 1 else { return false }
                let passed = rest.startIndex == 0 ? descriptor : nil
                rest = rest.dropFirst(try socket.send(rest, passing: passed ?? -1))
            } catch {
                // The socket may be full after all.
                guard error == .tryAgain else { throw self.error(.lost(during: command, error)) }
            }
        }
        return true
    }
}
