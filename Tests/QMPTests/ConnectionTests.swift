import FakeQEMU
import Foundation
import LinuxSystem
import QMP
import RealQEMU
import TestFiles
import Testing
import TextFormats

@Suite struct ConnectionTests {
    private func problem(_ path: String, within time: Duration = .seconds(20)) -> QMPError? {
        var timeouts = QMPTimeouts()
        timeouts.greeting = time
        do throws(QMPError) {
            _ = try QMPConnection(connectingTo: path, timeouts: timeouts)
            return nil
        } catch {
            return error
        }
    }

    /// A server that takes no notice of what it is told.
    private func saying(_ text: String, thenHangsUp: Bool = false) throws -> Server {
        try Server { peer in
            peer.send(text)
            if thenHangsUp { return }
            while peer.receiveLine() != nil {}
        }
    }

    // MARK: Connecting

    @Test func aMissingSocketIsNamed() throws {
        let folder = try TemporaryFolder()
        let error = problem(folder.file("none"))
        #expect(error?.problem == .cannotConnect(.noEntry))
        #expect(
            error?.description == "QMP socket \"\(folder.file("none"))\": cannot connect: "
                + "ENOENT (No such file or directory): there is no such socket; check the name, "
                + "and that QEMU runs with -qmp")
    }

    @Test func theSocketOfAQEMUThatHasEndedSaysSo() throws {
        let folder = try TemporaryFolder()
        close(try Server.listen(folder.file("s")))
        #expect(problem(folder.file("s"))?.problem == .cannotConnect(Errno(rawValue: ECONNREFUSED)))
    }

    @Test func aPathThatIsTooLongIsRefused() throws {
        let error = problem("/" + String(repeating: "x", count: 107))
        #expect(error?.problem == .cannotConnect(Errno(rawValue: ENAMETOOLONG)))
        #expect(error?.description.contains("at most 107 bytes") == true)
    }

    @Test(.enabled(if: geteuid() != 0, "root may connect to any socket"))
    func aSocketOfSomebodyElseSaysWhatToDo() throws {
        let folder = try TemporaryFolder()
        let listener = try Server.listen(folder.file("s"))
        defer { close(listener) }
        chmod(folder.file("s"), 0)
        #expect(problem(folder.file("s"))?.problem == .cannotConnect(.accessDenied))
    }

    @Test func aClientThatIsNotServedGetsTheLikelyReason() throws {
        let server = try Server { peer in _ = peer.receiveLine() }
        let error = problem(server.path, within: .milliseconds(200))
        #expect(error?.problem == .noGreeting(within: .milliseconds(200)))
        #expect(error?.description.contains("another client is connected") == true)
    }

    @Test func aSocketWithTooManyWaitingClientsIsGivenUp() throws {
        let folder = try TemporaryFolder()
        let listener = try Server.listen(folder.file("s"))
        defer { close(listener) }
        for _ in 0..<4 {
            let error = problem(folder.file("s"), within: .milliseconds(200))
            #expect(error?.problem == .noGreeting(within: .milliseconds(200)))
        }
    }

    // MARK: Greetings

    @Test func aMonitorForPeopleIsNotQMP() throws {
        let server = try saying("QEMU 10.0.2 monitor - type 'help' for more information\r\n(qemu) ")
        #expect(
            problem(server.path)?.problem
                == .notQMP("\"QEMU 10.0.2 monitor - type 'help' for more information\""))
    }

    @Test(arguments: ["SSH-2.0-OpenSSH_9.2\r\n", "\u{1}\u{2}", "RFB 003.008\n", "]"])
    func anotherServiceIsNotQMP(_ text: String) throws {
        let server = try saying(text)
        let problem = problem(server.path)?.problem
        guard case .notQMP = problem else {
            Issue.record("\(String(describing: problem))")
            return
        }
    }

    @Test func anotherJSONServiceIsNotQMP() throws {
        let server = try saying(#"{"jsonrpc": "2.0", "method": "x"}"# + "\n")
        #expect(
            problem(server.path)?.problem == .notQMP(#"an object with "jsonrpc", "method""#))
    }

    @Test func aServerThatHangsUpAtOnceIsLost() throws {
        let server = try saying("", thenHangsUp: true)
        #expect(problem(server.path)?.problem == .lost(during: "the greeting", nil))
    }

    private static func id(in line: String) -> String {
        (try? JSONValue(parsing: Array(line.utf8)))?["id"]?.string ?? ""
    }

    @Test func whatAnotherClientLeftMayComeBeforeTheGreeting() throws {
        let server = try Server { peer in
            peer.send(#"{"event": "RESUME", "timestamp": {}}"# + "\r\n")
            peer.send(#"{"return": {}, "id": "vcpusnap-1"}"# + "\r\n" + FakeQEMU.greeting)
            while let (line, _) = peer.receiveLine() {
                peer.send(#"{"return": {}, "id": "\#(Self.id(in: line))"}"#)
            }
        }
        #expect(problem(server.path) == nil)
    }

    @Test func theNegotiationOfAnotherClientIsAsGood() throws {
        let (server, connection) = try connection { _, command in
            command.name == "qmp_capabilities"
                ? FakeQEMU.error("CommandNotFound", "negotiation is already complete") : nil
        }
        defer { withExtendedLifetime(server) {} }
        try connection.execute("stop")
    }

    @Test func aPrettyMonitorIsUnderstoodInPieces() throws {
        let server = try Server { peer in
            let text = "{\r\n    \"QMP\": {\r\n        \"a\": \"}\\\"{\\\\\"\r\n    }\r\n}\r\n"
            for byte in text.utf8 { peer.send([byte]) }
            while let (line, _) = peer.receiveLine() {
                peer.send("{\n  \"return\": {\n  },\n  \"id\": \"\(Self.id(in: line))\"\n}\n")
            }
        }
        #expect(problem(server.path) == nil)
    }

    // MARK: Answers

    private func connection(
        answersWithin time: Duration = .seconds(20), _ behavior: @escaping FakeQEMU.Behavior
    ) throws -> (Server, QMPConnection) {
        let server = try FakeQEMU(behavior).start()
        var timeouts = QMPTimeouts()
        timeouts.answer = time
        return (server, try QMPConnection(connectingTo: server.path, timeouts: timeouts))
    }

    private func failure(
        of command: String, within time: Duration = .seconds(20),
        _ behavior: @escaping FakeQEMU.Behavior
    ) throws -> QMPError.Problem? {
        let (server, connection) = try connection(answersWithin: time, behavior)
        return withExtendedLifetime(server) {
            do throws(QMPError) {
                try connection.execute(command)
                return nil
            } catch {
                return error.problem
            }
        }
    }

    @Test func whatQEMURefusesIsItsOwnError() throws {
        let problem = try failure(of: "migrate") { _, command in
            command.name == "migrate" ? FakeQEMU.error("GenericError", "no \\\"x\\\"") : nil
        }
        #expect(
            problem
                == .refused(
                    command: "migrate", errorClass: "GenericError", description: "no \"x\""))
        #expect(problem?.description == "QEMU refused migrate: GenericError: no \"x\"")
    }

    @Test func aConnectionThatEndsInACommandIsLost() throws {
        let problem = try failure(of: "stop") { server, command in
            if command.name == "stop" { server.hangUp() }
            return nil
        }
        #expect(problem == .lost(during: "stop", nil))
    }

    @Test func anAnswerThatDoesNotComeIsNotWaitedForForEver() throws {
        let problem = try failure(of: "stop", within: .milliseconds(300)) { _, command in
            if command.name == "stop" { Thread.sleep(forTimeInterval: 1) }
            return nil
        }
        #expect(problem == .noAnswer(to: "stop", within: .milliseconds(300)))
    }

    @Test func whoNeverCeasesToSpeakIsGivenUp() throws {
        // Ten seconds of events, and then the answer, for a client that goes on listening.
        let end = ContinuousClock.now + .seconds(10)
        let problem = try failure(of: "stop", within: .milliseconds(300)) { server, command in
            guard command.name == "stop" else { return nil }
            while ContinuousClock.now < end { server.event("E", at: 0) }
            return nil
        }
        #expect(problem == .noAnswer(to: "stop", within: .milliseconds(300)))
    }

    @Test func aMessageWithoutAnEndIsGivenUp() throws {
        let problem = try failure(of: "stop") { server, command in
            guard command.name == "stop" else { return nil }
            server.say("{\"return\": \"")
            for _ in 0..<17 { server.say(String(repeating: "x", count: 1 << 20)) }
            return nil
        }
        #expect(problem == .tooLong(limit: 16 << 20))
    }

    @Test(arguments: ["{\"return\" 1}\n", "hello\n", "{\"a\": \u{1}}\n"])
    func whatIsNoJSONIsShown(_ text: String) throws {
        let problem = try failure(of: "stop") { server, command in
            if command.name == "stop" { server.say(text) }
            return nil
        }
        guard case .notJSON(let found, _) = problem else {
            Issue.record("\(String(describing: problem))")
            return
        }
        #expect(found.dropFirst().prefix(5) == text.prefix(5))
    }

    @Test func anAnswerWithoutAResultIsNamed() throws {
        let problem = try failure(of: "stop") { _, command in
            command.name == "stop" ? #""other": 1"# : nil
        }
        #expect(problem == .unexpectedAnswer(to: "stop", missing: "\"return\" or \"error\""))
    }

    @Test func anAnswerThatComesTooLateIsNotTakenForAnother() throws {
        let (server, connection) = try connection(answersWithin: .seconds(1)) { _, command in
            if command.name == "slow" { Thread.sleep(forTimeInterval: 1.5) }
            return command.name == "quick" ? #""return": "quick""# : nil
        }
        defer { withExtendedLifetime(server) {} }
        #expect(throws: QMPError.self) { try connection.execute("slow") }
        #expect(try connection.execute("quick").string == "quick")
    }

    @Test func eventsAreKeptWithTheirTime() throws {
        let (server, connection) = try connection { server, command in
            if command.name == "stop" {
                server.event("STOP", at: 17)
                server.say(#"{"event": "X", "timestamp": {"seconds": -1, "microseconds": -1}}"#)
            }
            return nil
        }
        defer { withExtendedLifetime(server) {} }
        try connection.execute("stop")
        #expect(connection.events.map(\.name) == ["STOP", "X"])
        #expect(connection.events.map(\.microseconds) == [1_700_000_000_000_017, nil])
    }

    @Test func onlyTheLastThousandEventsAreKept() throws {
        let (server, connection) = try connection { server, command in
            guard command.name == "stop" else { return nil }
            for number in 0..<1100 { server.event("E", at: number) }
            return nil
        }
        defer { withExtendedLifetime(server) {} }
        try connection.execute("stop")
        #expect(connection.events.count == 1000)
        #expect(connection.events.first?.microseconds == 1_700_000_000_000_100)
    }

    @Test func noMoreOfLongEventsIsKeptThanAMebibyte() throws {
        let (server, connection) = try connection { server, command in
            guard command.name == "stop" else { return nil }
            let padding = String(repeating: " ", count: 300 << 10)
            for number in 0..<8 {
                server.say(#"{"event": "E\#(number)",\#(padding) "data": {}}"#)
            }
            server.say(#"{"event": "LONG",\#(String(repeating: padding, count: 4)) "data": {}}"#)
            server.event("LAST", at: 0)
            return nil
        }
        defer { withExtendedLifetime(server) {} }
        try connection.execute("qmp_capabilities")
        #expect(connection.events.isEmpty)
        try connection.execute("stop")
        #expect(connection.events.map(\.name) == ["LAST"])
        try connection.execute("stop")
        #expect(connection.events.count == 1)
    }

    @Test func argumentsArriveAsTheyAre() throws {
        let texts = ["\"\\/\u{8}\n\r\t\u{0}\u{1f}\u{7f}é\u{1F600}", ""]
        let (server, connection) = try connection { _, command in
            guard command.name == "echo", let arguments = command.arguments else { return nil }
            let strings = arguments["strings"]?.array?.compactMap(\.string)
            let others = [arguments["yes"]?.bool == true, arguments["number"]?.integer == .min]
            return #""return": \#(strings == texts && others == [true, true])"#
        }
        defer { withExtendedLifetime(server) {} }
        let result = try connection.execute(
            "echo",
            arguments: [
                ("strings", .array(texts.map { .string($0) })), ("yes", .bool(true)),
                ("number", .integer(.min)), ("none", .object([])),
            ])
        #expect(result.bool == true)
    }

    @Test func aDescriptorArrivesAsAnotherNameForTheSameFile() throws {
        let folder = try TemporaryFolder()
        try Data("it".utf8).write(to: URL(fileURLWithPath: folder.file("a")))
        let (server, connection) = try connection { _, command in
            guard let descriptor = command.descriptor else { return nil }
            defer { close(descriptor) }
            var bytes = [UInt8](repeating: 0, count: 10)
            return #""return": \#(read(descriptor, &bytes, 10))"#
        }
        defer { withExtendedLifetime(server) {} }
        let file = try FileDescriptor(opening: folder.file("a"), for: .reading)
        #expect(try connection.execute("getfd", passing: file).integer == 2)
    }
}
