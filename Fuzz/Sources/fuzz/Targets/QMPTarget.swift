import CFuzz
import Glibc
import VCPUSnap

/// A QMP monitor that says whatever the input has.
///
/// The first line is the greeting. Then parts follow, with empty lines between them: the name of a command, and the lines
/// that answer it when it comes; a command with no part of its own gets the usual answer to most. `@`, alone on a line,
/// writes a stream to the descriptor that came last; `?` in quotes becomes the command's id. When no command comes, or too
/// many do, it hangs up.
struct QMPTarget: Target {
    let name = "qmp"

    private static let usual = [
        #"{"QMP": {"version": {"qemu": {"micro": 2, "minor": 0, "major": 10}, "package": ""}, "capabilities": ["oob"]}}"#,
        "query-status\n" + answer(#"{"status": "running", "running": true}"#),
        "query-version\n"
            + answer(#"{"qemu": {"micro": 2, "minor": 0, "major": 10}, "package": "Debian 1"}"#),
        "query-kvm\n" + answer(#"{"enabled": true, "present": true}"#),
        "qom-get\n" + answer(#""virt-10.0-machine""#),
        "query-cpus-fast\n"
            + answer(
                #"[{"cpu-index": 0, "thread-id": 11, "qom-path": "/cpu0", "qom-type": "max-arm-cpu"}]"#
            ),
        "add-fd\n" + answer(#"{"fd": 9, "fdset-id": 3}"#),
        "xen-save-devices-state\n" + event("STOP", 5) + "@\n" + event("RESUME", 900) + answer("{}"),
    ]

    private static let migration = [
        "xen-save-devices-state\n"
            + #"{"error": {"class": "CommandNotFound", "desc": "not here"}, "id": "?"}"#,
        "query-migrate-capabilities\n"
            + answer(
                #"[{"capability": "return-path", "state": false}, {"capability": "multifd", "state": true}]"#
            ),
        "query-migrate-parameters\n"
            + answer(#"{"max-bandwidth": 134217728, "downtime-limit": 300}"#),
        "query-migrate\n" + answer("{}"), "migrate\n@\n" + answer("{}"),
        "query-migrate\n" + answer(#"{"status": "failed"}"#),
    ]

    private static func answer(_ json: String) -> String { #"{"return": \#(json), "id": "?"}"# }

    private static func event(_ name: String, _ time: Int) -> String {
        #"{"event": "\#(name)", "timestamp": {"seconds": 1, "microseconds": \#(time)}}"# + "\n"
    }

    var seeds: [[UInt8]] {
        [Self.usual, Self.usual.dropLast() + Self.migration, Array(Self.usual.prefix(4))]
            .map { Array($0.joined(separator: "\n\n").utf8) }
    }

    func mutate(_ bytes: [UInt8], most: Int, _ random: inout Random) -> [UInt8] {
        random.once(in: 2) ? mutatedJSON(bytes, &random) : mutatedLines(bytes, most: most, &random)
    }

    func use(_ bytes: [UInt8]) {
        let commands = Commands(bytes)
        for words in [
            ["save", "qmp:s", "-o", "q.vcpusnap"], ["show", "qmp:s", "--format", "json"],
            ["plan", "qmp:s", "--host", "o.vhost"],
        ] {
            guard let peer = Peer(bytes) else { return finding("no socket can be made") }
            let outcome = commands.run(words)
            peer.end()
            if words[0] == "save", !outcome.isTrouble { checkSound("q.vcpusnap", commands) }
            unlink("s")
        }
    }
}

/// The other end, in a thread of its own.
private final class Peer: @unchecked Sendable {
    private let listener: Int32
    /// The lines of each part.
    private let parts: [[[UInt8]]]
    private let stream: [UInt8]
    private var thread = pthread_t()

    init?(_ script: [UInt8]) {
        unlink("s")
        listener = cfuzz_listen("s")
        parts = Self.parts(of: script)
        stream = Streams.small
        guard listener >= 0 else { return nil }
        let peer = Unmanaged.passRetained(self)
        let body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
            pointer in
            if let pointer { Unmanaged<Peer>.fromOpaque(pointer).takeRetainedValue().serve() }
            return nil
        }
        guard pthread_create(&thread, nil, body, peer.toOpaque()) == 0 else { return nil }
    }

    /// What stands between empty lines.
    private static func parts(of script: [UInt8]) -> [[[UInt8]]] {
        let end = UInt8(ascii: "\n")
        let lines = script.split(separator: end, omittingEmptySubsequences: false).map { Array($0) }
        return lines.split(omittingEmptySubsequences: true) { $0.isEmpty }.map { Array($0) }
    }

    func end() {
        shutdown(listener, Int32(SHUT_RDWR))
        pthread_join(thread, nil)
        close(listener)
    }

    private func serve() {
        while case let client = cfuzz_accept(listener), client >= 0 {
            serve(client)
            cfuzz_end(client)
        }
    }

    /// After so many it is no use to go on.
    private static let maximumCommands = 100

    private func serve(_ client: Int32) {
        var descriptor: Int32 = -1
        defer { if descriptor >= 0 { close(descriptor) } }
        var rest = Array(parts.dropFirst())
        say(parts.first ?? [], "", client, descriptor)
        for _ in 0..<Self.maximumCommands {
            guard let command = receive(client, &descriptor) else { return }
            let name = Array((command["execute"]?.string ?? "").utf8)
            let place = rest.firstIndex { $0.first == name }
            var lines = [Array(#"{"return": {}, "id": "?"}"#.utf8)]
            if let place { lines = Array(rest[place].dropFirst()) }
            // What is asked again and again is answered at last with the same.
            if let place, rest[(place + 1)...].contains(where: { $0.first == name }) {
                rest.remove(at: place)
            }
            say(lines, command["id"]?.string ?? "", client, descriptor)
        }
    }

    /// The next command; nil when none comes.
    private func receive(_ client: Int32, _ descriptor: inout Int32) -> JSONValue? {
        var command: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 1 << 14)
        while command.last != UInt8(ascii: "\n") {
            var passed: Int32 = -1
            let count = cfuzz_receive(client, &room, room.count, &passed)
            if passed >= 0 {
                if descriptor >= 0 { close(descriptor) }
                descriptor = passed
            }
            guard count > 0 else { return nil }
            command += room.prefix(count)
        }
        return try? JSONValue(parsing: command)
    }

    private func say(_ lines: [[UInt8]], _ id: String, _ client: Int32, _ descriptor: Int32) {
        for line in lines {
            if line == [UInt8(ascii: "@")] {
                if descriptor >= 0 { _ = write(descriptor, stream, stream.count) }
            } else {
                let line = Self.line(line, with: Array(id.utf8)) + [13, 10]
                cfuzz_send(client, line, line.count)
            }
        }
    }

    /// With the id in place of the first `"?"`.
    private static func line(_ line: [UInt8], with id: [UInt8]) -> [UInt8] {
        let mark = Array("\"?\"".utf8)
        let place = line.indices.first { line[$0...].starts(with: mark) }
        guard let place else { return line }
        return bytes(Array(line[...place]), id, Array(line[(place + 2)...]))
    }
}
