import Foundation
package import TextFormats

/// A QMP server that behaves as QEMU 10.0 does, as far as a capture sees it, and can be made to behave
/// otherwise.
package final class FakeQEMU: @unchecked Sendable {
    package struct Command {
        package var name: String
        package var arguments: JSONValue?
        package var descriptor: Int32?
    }

    package static let greeting =
        #"{"QMP": {"version": {"qemu": {"micro": 2, "minor": 0, "major": 10}, "package": ""}, "#
        + #""capabilities": ["oob"]}}"# + "\r\n"

    /// The members of the answer instead of the usual ones; nil for those.
    package typealias Behavior = @Sendable (FakeQEMU, Command) -> String?

    private let behavior: Behavior
    private let lock = NSLock()
    private var names: [String] = []
    private var texts: [String] = []
    private var peer: Peer?

    // Only the server's thread touches these.
    package var runState: String
    package var deviceState: [UInt8] = Array("QEVM".utf8) + [0, 0, 0, 3, 1, 2, 3]
    package var migrationStatus: String?
    package var migrationParts: [[UInt8]] = []
    private var capabilities = [
        "x-ignore-shared": false, "return-path": false, "multifd": true,
        "pause-before-switchover": true,
    ]
    private var parameters: [String: Int64] = [
        "max-bandwidth": 134_217_728, "downtime-limit": 300,
    ]
    private var descriptor: Int32 = -1
    /// The seconds of the events' times.
    package var seconds = 1_700_000_000
    /// When the VM goes on after its device state was saved, in microseconds of that second.
    package var resumeTime = 1350

    package init(runState: String = "running", _ behavior: @escaping Behavior = { _, _ in nil }) {
        self.runState = runState
        self.behavior = behavior
    }

    /// What was received, by name.
    package var commands: [String] { lock.withLock { names } }
    /// The whole lines.
    package var lines: [String] { lock.withLock { texts } }
    /// What the settings are in the end.
    package var settings: String {
        lock.withLock {
            (capabilities.map { "\($0.key)=\($0.value)" }
                + parameters.map { "\($0.key)=\($0.value)" }).sorted().joined(separator: " ")
        }
    }

    package func start() throws -> Server {
        try Server { self.serve($0) }
    }

    private func serve(_ peer: Peer) {
        self.peer = peer
        peer.send(Self.greeting)
        while let (line, descriptor) = peer.receiveLine() {
            guard let message = try? JSONValue(parsing: Array(line.utf8)),
                let name = message["execute"]?.string
            else { return }
            lock.withLock {
                names.append(name)
                texts.append(line)
            }
            let command = Command(
                name: name, arguments: message["arguments"], descriptor: descriptor)
            let answer = behavior(self, command) ?? usual(command)
            peer.send(#"{"id": "\#(message["id"]?.string ?? "")", "# + answer + "}\r\n")
        }
    }

    package func hangUp() { peer?.hangUp() }

    /// Sends something that is no answer.
    package func say(_ text: String) { peer?.send(text) }

    package func event(_ name: String, at microseconds: Int) {
        say(
            #"{"timestamp": {"seconds": \#(seconds), "microseconds": \#(microseconds)}, "#
                + #""event": "\#(name)"}"# + "\r\n")
    }

    package static func error(_ errorClass: String, _ description: String) -> String {
        #""error": {"class": "\#(errorClass)", "desc": "\#(description)"}"#
    }

    // MARK: The usual answers

    package func usual(_ command: Command) -> String {
        #""return": "# + result(command)
    }

    private func result(_ command: Command) -> String {
        switch command.name {
        case "query-status":
            return #"{"status": "\#(runState)", "running": \#(runState == "running")}"#
        case "query-version":
            return #"{"qemu": {"micro": 2, "minor": 0, "major": 10}, "package": "Debian 1"}"#
        case "query-kvm": return #"{"enabled": true, "present": true}"#
        case "query-cpus-fast":
            return #"[{"cpu-index": 1, "thread-id": 12, "qom-path": "/cpu1"}, "#
                + #"{"cpu-index": 0, "thread-id": 11, "qom-path": "/cpu0"}]"#
        case "qom-get":
            let isMachine = command.arguments?["path"]?.string == "/machine"
            return isMachine ? #""virt-10.0-machine""# : #""max-arm-cpu""#
        case "add-fd":
            descriptor = command.descriptor ?? -1
            return #"{"fd": 9, "fdset-id": 3}"#
        case "xen-save-devices-state": return saveDeviceState()
        case "cont": return changeRunState("running")
        default: return migrationResult(command)
        }
    }

    private func changeRunState(_ state: String) -> String {
        runState = state
        return "{}"
    }

    private func saveDeviceState() -> String {
        let wasRunning = runState == "running"
        if wasRunning { event("STOP", at: 100) }
        _ = write(descriptor, deviceState, deviceState.count)
        close(descriptor)
        if wasRunning { event("RESUME", at: resumeTime) }
        return "{}"
    }

    private func migrationResult(_ command: Command) -> String {
        switch command.name {
        case "query-migrate-capabilities":
            let list = capabilities.map { #"{"capability": "\#($0.key)", "state": \#($0.value)}"# }
            return "[" + list.joined(separator: ", ") + "]"
        case "query-migrate-parameters":
            let list = parameters.map { #""\#($0.key)": \#($0.value)"# }
            return "{" + (list + [#""tls-creds": """#]).joined(separator: ", ") + "}"
        case "migrate-set-capabilities":
            setCapabilities(command.arguments?["capabilities"]?.array ?? [])
        case "migrate-set-parameters":
            setParameters(command.arguments?.members ?? [])
        case "getfd": descriptor = command.descriptor ?? -1
        case "migrate": migrate()
        case "migrate_cancel": migrationStatus = "cancelled"
        case "query-migrate":
            noticeTheFailure()
            return migrationStatus.map { #"{"status": "\#($0)"}"# } ?? "{}"
        default: break
        }
        return "{}"
    }

    private func setCapabilities(_ list: [JSONValue]) {
        lock.withLock {
            for entry in list {
                capabilities[entry["capability"]?.string ?? ""] = entry["state"]?.bool
            }
        }
    }

    private func setParameters(_ list: [(name: String, value: JSONValue)]) {
        lock.withLock {
            for (name, value) in list { parameters[name] = value.integer }
        }
    }

    /// Sends the parts in a thread, with a moment between them, and stops before the last.
    private func migrate() {
        migrationStatus = "active"
        let (parts, stream) = (migrationParts, descriptor)
        Thread.detachNewThread {
            for part in parts {
                var sent = 0
                while sent < part.count {
                    let rest = Array(part[sent...].prefix(1 << 20))
                    let count = Glibc.send(stream, rest, rest.count, Int32(MSG_NOSIGNAL))
                    guard count > 0 else { return }
                    sent += count
                }
                Thread.sleep(forTimeInterval: 0.03)
            }
        }
    }

    /// The state is complete when the other end answers in the return path.
    private func noticeTheFailure() {
        guard migrationStatus == "active" || migrationStatus == "device" else { return }
        if migrationStatus == "active" {
            migrationStatus = "device"
            if runState == "running" { event("STOP", at: 200) }
        }
        var answer = [UInt8](repeating: 0, count: 8)
        guard recv(descriptor, &answer, 8, Int32(MSG_DONTWAIT)) == 8 else { return }
        migrationStatus = answer == [0, 1, 0, 4, 0, 0, 0, 1] ? "failed" : "completed"
        if runState == "running" { event("RESUME", at: 900) }
        close(descriptor)
    }
}

/// A stream as `migrate` writes it: RAM that does not matter, and the description at the end.
package func migrationStream(ram: [UInt8]) -> [UInt8] {
    let description = Array(#"{"configuration": {}, "page_size": 4096, "devices": []}"#.utf8)
    let length = withUnsafeBytes(of: UInt32(description.count).bigEndian) { Array($0) }
    let header: [UInt8] = Array("QEVM".utf8) + [0, 0, 0, 3]
    // With its end mark.
    let body: [UInt8] = ram + [0, 6]
    return header + body + length + description
}
