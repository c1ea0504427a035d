import Foundation
import QMP
import RealQEMU
import SeededRandom
import Testing

/// Kills the program while it captures, with SIGKILL, and sees whether the VM runs and is as it was.
@Suite(.serialized, .enabled(if: QEMU.isThere, QEMU.reason)) struct KillTests {
    private static let kills = 50
    /// The command without which it takes another way than its first.
    private static let hidden = ["migration": "xen-save-devices-state"]

    private func expectUntouched(_ qemu: QEMU, _ moment: String) throws {
        // The guard, which may have been left, holds the monitor until it has done its work.
        let connection = try qemu.connect()
        #expect(try connection.runState == "running", "\(moment)")
        #expect(try connection.migrationSettings == "134217728 300", "\(moment)")
    }

    @Test(arguments: ["device-state", "migration"])
    func theVMRunsWheneverThisProgramIsKilled(_ way: String) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let qemu = try QEMU()
        try expectUntouched(qemu, "before")
        let whole = try (0..<5).map { _ in try duration(of: way, qemu) }.min() ?? 0
        var (killed, tries) = (0, 0)
        while killed < Self.kills, tries < 4 * Self.kills {
            let moment = Double.random(in: 0...whole, using: &random)
            let proxy = try Proxy(to: qemu.path, hiding: Self.hidden[way])
            let subject = try Subject(proxy.path)
            Thread.sleep(forTimeInterval: moment)
            tries += 1
            if subject.kill() { killed += 1 }
            try expectUntouched(qemu, "\(way), killed after \(moment) s, seed \(seed)")
        }
        print("\(way): \(killed) killed within \(whole) s, \(tries - killed) had ended before")
        #expect(killed == Self.kills)
    }

    private func duration(of way: String, _ qemu: QEMU) throws -> Double {
        let proxy = try Proxy(to: qemu.path, hiding: Self.hidden[way])
        let start = Date()
        #expect(try Subject(proxy.path).finish() == 0)
        return Date().timeIntervalSince(start)
    }

    /// Where a random moment hardly ever falls: while the VM stands still.
    @Test(arguments: [
        ("device-state", "\"xen-save-devices-state\""), ("migration", "\"STOP\""),
        ("migration", "\"migrate\""), ("migration", "\"getfd\""),
        ("migration", "\"migrate-set-parameters\""),
    ])
    func theVMRunsWhenThisProgramIsKilledAt(_ way: String, _ line: String) throws {
        let qemu = try QEMU()
        try expectUntouched(qemu, "before")
        for _ in 0..<5 {
            try killAt(line, way, qemu) { $0.kill() }
            try expectUntouched(qemu, "\(way) at \(line)")
        }
    }

    @Test func theVMRunsEvenIfTheGuardIsKilledToo() throws {
        let qemu = try QEMU()
        try expectUntouched(qemu, "before")
        for _ in 0..<5 {
            try killAt("\"STOP\"", "migration", qemu) { subject in
                let guards = subject.children
                #expect(guards.count == 1)
                // The monitor and the line to the program it guards.
                #expect(guards.map(Self.openFiles) == [2])
                guards.forEach { Glibc.kill($0, SIGKILL) }
                return subject.kill()
            }
            // What is left are the settings; a client that migrates sets its own. QEMU needs a moment
            // to see that the migration's other end is gone.
            let connection = try qemu.connect()
            #expect(try isSoonRunning(connection))
            #expect(try connection.migrationSettings.contains("return-path x-ignore-shared"))
            let state = try CapturedDeviceState.capture(over: connection)
            #expect(state.wasRunning)
            let settings = ["return-path", "x-ignore-shared"].map { name -> QMPArgument in
                .object([("capability", .string(name)), ("state", .bool(false))])
            }
            try connection.execute(
                "migrate-set-capabilities", arguments: [("capabilities", .array(settings))])
        }
    }

    private static func openFiles(_ process: pid_t) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd"))?.count ?? -1
    }

    private func isSoonRunning(_ connection: QMPConnection) throws -> Bool {
        for _ in 0..<1000 {
            if try connection.runState == "running" { return true }
            Thread.sleep(forTimeInterval: 0.01)
        }
        return false
    }

    /// Runs a subject over a proxy, and does `action` when the line passes, before it is passed on.
    private func killAt(
        _ line: String, _ way: String, _ qemu: QEMU, _ action: @escaping (Subject) -> Bool
    ) throws {
        let (reached, done) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let proxy = try Proxy(to: qemu.path, hiding: Self.hidden[way]) { text in
            guard text.contains(line) else { return }
            reached.signal()
            done.wait()
            done.signal()
        }
        let subject = try Subject(proxy.path)
        let hasReached = reached.wait(timeout: .now() + 30) == .success
        #expect(hasReached)
        #expect(action(subject))
        done.signal()
    }
}

/// `vcpusnap save` of a running QEMU, which is killed; the program lies beside the test bundle.
///
/// Foundation's Process is slow to notice an end, and a test of moments needs to be quick.
private final class Subject {
    private static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("vcpusnap").path

    private let process: pid_t

    init(_ socket: String) throws {
        var process: pid_t = 0
        var streams = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&streams)
        defer { posix_spawn_file_actions_destroy(&streams) }
        for stream: Int32 in 1...2 {
            posix_spawn_file_actions_addopen(&streams, stream, "/dev/null", O_WRONLY, 0)
        }
        let words: [String] = [Self.program, "save", "qmp:" + socket, "-o", "/dev/null"]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        let result = posix_spawn(&process, Self.program, &streams, nil, &arguments, nil)
        guard result == 0 else { throw POSIXError(.init(rawValue: result) ?? .EIO) }
        self.process = process
    }

    /// True when it had not ended before.
    func kill() -> Bool {
        Glibc.kill(process, SIGKILL)
        return end() & 0x7f == SIGKILL
    }

    func finish() -> Int32 { end() }

    /// The status as wait(2) tells it.
    private func end() -> Int32 {
        var status: Int32 = -1
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status
    }

    var children: [pid_t] {
        let path = "/proc/\(process)/task/\(process)/children"
        let text = try? String(contentsOfFile: path, encoding: .utf8)
        return (text ?? "").split(separator: " ").compactMap { pid_t($0) }
    }
}
