import CFuzz
import Glibc
import JSONText

/// A QMP monitor that says whatever the input has.
///
/// The first line is the greeting; then each command is answered by the lines up to the next empty one, and
/// `@`, alone on a line, writes a stream to the descriptor that came last. `?` in quotes becomes the command's id. When there
/// are no lines any more, or no command comes, it hangs up.
struct QMPTarget: Target {
    let name = "qmp"

    private static let usual = [
        #"{"QMP": {"version": {"qemu": {"micro": 2, "minor": 0, "major": 10}, "package": ""}, "capabilities": ["oob"]}}"#,
        #"{"return": {}, "id": "?"}"#,
        #"{"return": {"status": "running", "running": true}, "id": "?"}"#,
        #"{"return": {"qemu": {"micro": 2, "minor": 0, "major": 10}, "package": "Debian 1"}, "id": "?"}"#,
        #"{"return": {"enabled": true, "present": true}, "id": "?"}"#,
        #"{"return": "virt-10.0-machine", "id": "?"}"#,
        #"{"return": [{"cpu-index": 0, "thread-id": 11, "qom-path": "/cpu0"}], "id": "?"}"#,
        #"{"return": "max-arm-cpu", "id": "?"}"#,
        #"{"return": {"fd": 9, "fdset-id": 3}, "id": "?"}"#,
        "{\"event\": \"STOP\", \"timestamp\": {\"seconds\": 1, \"microseconds\": 5}}\n@\n"
            + #"{"event": "RESUME", "timestamp": {"seconds": 1, "microseconds": 900}}"# + "\n"
            + #"{"return": {}, "id": "?"}"#,
        #"{"return": {}, "id": "?"}"#,
        #"{"return": {"status": "running", "running": true}, "id": "?"}"#,
    ]

    var seeds: [[UInt8]] {
        var refusing = Self.usual
        refusing[9] = #"{"error": {"class": "CommandNotFound", "desc": "not here"}, "id": "?"}"#
        return [Self.usual, refusing, Array(Self.usual.prefix(4))].map {
            Array($0.joined(separator: "\n\n").utf8)
        }
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
    private let answers: [[UInt8]]
    private let stream: [UInt8]
    private var thread = pthread_t()

    init?(_ script: [UInt8]) {
        unlink("s")
        listener = cfuzz_listen("s")
        answers = Self.parts(of: script)
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

    /// What stands between empty lines, each with the end of its last line.
    private static func parts(of script: [UInt8]) -> [[UInt8]] {
        let end = UInt8(ascii: "\n")
        let lines = script.split(separator: end, omittingEmptySubsequences: false)
        return lines.split(omittingEmptySubsequences: true) { $0.isEmpty }
            .map { Array($0.joined(separator: [end])) + [end] }
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

    private func serve(_ client: Int32) {
        var descriptor: Int32 = -1
        defer { if descriptor >= 0 { close(descriptor) } }
        var room = [UInt8](repeating: 0, count: 1 << 14)
        for (index, answer) in answers.enumerated() {
            var command: [UInt8] = []
            while index > 0, command.last != UInt8(ascii: "\n") {
                var passed: Int32 = -1
                let count = cfuzz_receive(client, &room, room.count, &passed)
                if passed >= 0 {
                    if descriptor >= 0 { close(descriptor) }
                    descriptor = passed
                }
                guard count > 0 else { return }
                command += room.prefix(count)
            }
            say(answer, to: command, client, descriptor)
        }
    }

    private func say(_ answer: [UInt8], to command: [UInt8], _ client: Int32, _ descriptor: Int32) {
        let id = (try? JSONValue(parsing: command))?["id"]?.string ?? ""
        for line in answer.split(separator: UInt8(ascii: "\n")) {
            if line.elementsEqual([UInt8(ascii: "@")]) {
                if descriptor >= 0 { _ = write(descriptor, stream, stream.count) }
            } else {
                let line = Self.line(Array(line), with: Array(id.utf8)) + [13, 10]
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
