import FakeQEMU
import Foundation
import LinuxSystem
import QMP
import SeededRandom
import Testing

/// Captures from a server that plays QEMU.
@Suite struct CaptureTests {
    private func capture(
        _ qemu: FakeQEMU, limit: Int = CapturedDeviceState.defaultLimit,
        within time: Duration = .seconds(20),
        _ ways: Set<CapturedDeviceState.Way> = [.deviceState, .migration]
    ) throws -> CapturedDeviceState {
        let server = try qemu.start()
        defer { withExtendedLifetime(server) {} }
        var timeouts = QMPTimeouts()
        timeouts.capture = time
        let connection = try QMPConnection(connectingTo: server.path, timeouts: timeouts)
        return try CapturedDeviceState.capture(over: connection, allowing: ways, limit: limit)
    }

    private func failure(
        _ qemu: FakeQEMU, limit: Int = CapturedDeviceState.defaultLimit,
        within time: Duration = .seconds(20),
        _ ways: Set<CapturedDeviceState.Way> = [.deviceState, .migration]
    ) -> QMPError? {
        do {
            _ = try capture(qemu, limit: limit, within: time, ways)
            return nil
        } catch {
            return error as? QMPError
        }
    }

    private static let hidden: FakeQEMU.Behavior = { _, command in
        guard command.name == "xen-save-devices-state" else { return nil }
        return FakeQEMU.error("CommandNotFound", "The command has not been found")
    }

    private func bytes(_ state: CapturedDeviceState) -> [UInt8]? {
        try? state.stream.read(at: 0, count: Int(state.stream.size))
    }

    // MARK: What is not QEMU's to decide

    /// Everything that a message takes from the other end, as JSON has it.
    private static let hostile =
        #"\u001b[31m\u009b\u202e\u2028\n"# + String(repeating: "x", count: 100_000)

    @Test(
        "Text of the other end is shown without control characters, and not all of it",
        arguments: ["query-status", "add-fd", "xen-save-devices-state"])
    func foreignText(_ refused: String) throws {
        let qemu = FakeQEMU { _, command in
            command.name == refused ? FakeQEMU.error(Self.hostile, Self.hostile) : nil
        }
        let text = try #require(failure(qemu, [.deviceState])?.description)
        let isHostile = { (scalar: Unicode.Scalar) in
            scalar.value < 0x20 || [0x9b, 0x202e, 0x2028].contains(scalar.value)
        }
        #expect(!text.unicodeScalars.contains(where: isHostile), "\(text)")
        #expect(text.contains(#"\u{1b}[31m\u{9b}\u{202e}\u{2028}\u{a}xxx"#), "\(text)")
        #expect(text.utf8.count < 5000)
    }

    // MARK: The device state

    @Test func theDeviceStateIsWhatQEMUWrote() throws {
        let qemu = FakeQEMU()
        let state = try capture(qemu)
        #expect(bytes(state) == qemu.deviceState)
        #expect(state.way == .deviceState)
        #expect(state.reasonForMigration == nil)
        #expect(state.wasRunning)
        #expect(state.runStateAfter == "running")
        #expect(!state.hadToBeResumed)
        #expect(state.stopTime == 1250)
    }

    @Test func theMachineIsDescribed() throws {
        let machine = try capture(FakeQEMU()).machine
        #expect(machine.version == "10.0.2")
        #expect(machine.package == "Debian 1")
        #expect(machine.accelerator == "kvm")
        #expect(machine.machineType == "virt-10.0-machine")
        #expect(machine.vCPUs.map(\.index) == [0, 1])
        #expect(machine.vCPUs.map(\.threadID) == [11, 12])
        #expect(machine.vCPUs.map(\.type) == ["max-arm-cpu", "max-arm-cpu"])
    }

    @Test func whatQEMUDoesNotSayIsLeftOut() throws {
        let machine = try capture(
            FakeQEMU { _, command in
                ["query-kvm", "query-cpus-fast", "qom-get"].contains(command.name)
                    ? FakeQEMU.error("GenericError", "no") : nil
            }
        ).machine
        #expect(machine.accelerator == nil)
        #expect(machine.machineType == nil)
        #expect(machine.vCPUs.isEmpty)
    }

    @Test func qemuIsAskedForNothingThatCouldHarm() throws {
        let qemu = FakeQEMU()
        _ = try capture(qemu)
        #expect(
            qemu.commands.drop { $0 != "add-fd" } == [
                "add-fd", "xen-save-devices-state", "remove-fd", "query-status",
            ])
        let save = try #require(qemu.lines.first { $0.contains("xen-save") })
        #expect(save.contains(#""arguments": {"filename": "/dev/fdset/3", "live": false}"#))
    }

    @Test func aStoppedVMStaysAsItIs() throws {
        let qemu = FakeQEMU(runState: "paused")
        let state = try capture(qemu)
        #expect(bytes(state) == qemu.deviceState)
        #expect(!state.wasRunning)
        #expect(state.runStateAfter == "paused")
        #expect(state.stopTime == nil)
        #expect(!qemu.commands.contains("cont"))
    }

    @Test func aVMThatQEMULeftStoppedIsResumed() throws {
        let qemu = FakeQEMU { qemu, command in
            guard command.name == "xen-save-devices-state" else { return nil }
            defer { qemu.runState = "save-vm" }
            return qemu.usual(command)
        }
        let state = try capture(qemu)
        #expect(state.hadToBeResumed)
        #expect(state.runStateAfter == "running")
    }

    @Test(arguments: ["paused", "io-error"])
    func aVMThatSomebodyElseStoppedIsLeftToThem(_ runState: String) throws {
        let qemu = FakeQEMU { qemu, command in
            guard command.name == "xen-save-devices-state" else { return nil }
            defer { qemu.runState = runState }
            return qemu.usual(command)
        }
        let state = try capture(qemu)
        #expect(state.wasRunning)
        #expect(state.runStateAfter == runState)
        #expect(!qemu.commands.contains("cont"))
    }

    @Test func aDeviceStateThatIsTooLargeIsRefused() throws {
        let qemu = FakeQEMU()
        qemu.deviceState = [UInt8](repeating: 1, count: 1001)
        #expect(failure(qemu, limit: 1000)?.problem == .tooLarge(limit: 1000))
        #expect(qemu.commands.contains("remove-fd"))
    }

    @Test func aConnectionLostInTheMiddleSaysSo() throws {
        let qemu = FakeQEMU { qemu, command in
            if command.name == "xen-save-devices-state" { qemu.hangUp() }
            return nil
        }
        #expect(failure(qemu)?.problem == .lost(during: "xen-save-devices-state", nil))
    }

    @Test(
        arguments: ["suspended", "inmigrate", "finish-migrate", "save-vm", "restore-vm", "colo"])
    func aVMInBetweenIsNotTouched(_ runState: String) throws {
        let qemu = FakeQEMU(runState: runState)
        guard case .unsuitable(runState, _) = failure(qemu)?.problem else {
            Issue.record("not refused")
            return
        }
        #expect(qemu.commands == ["qmp_capabilities", "query-status"])
    }

    @Test func aVMThatMigratesIsNotTouched() throws {
        let qemu = FakeQEMU()
        qemu.migrationStatus = "setup"
        #expect(
            failure(qemu)?.problem
                == .obstacle("a migration is \"setup\"", nextStep: "wait for it, or cancel it"))
    }

    // MARK: The migration

    private func migrating(
        _ stream: [[UInt8]], runState: String = "running",
        _ behavior: @escaping FakeQEMU.Behavior = CaptureTests.hidden
    ) -> FakeQEMU {
        let qemu = FakeQEMU(runState: runState, behavior)
        qemu.migrationParts = stream
        return qemu
    }

    private static let oldSettings =
        "downtime-limit=300 max-bandwidth=134217728 multifd=true pause-before-switchover=true "
        + "return-path=false x-ignore-shared=false"

    @Test func withoutTheCommandAMigrationIsReadAndFailed() throws {
        let stream = migrationStream(ram: Array(repeating: 7, count: 100))
        let qemu = migrating([stream])
        let state = try capture(qemu)
        #expect(state.stream.size == Int64(stream.count))
        #expect(try state.stream.read(at: 0, count: stream.count) == stream)
        #expect(state.way == .migration)
        #expect(
            state.reasonForMigration
                == .refused(
                    command: "xen-save-devices-state", errorClass: "CommandNotFound",
                    description: "The command has not been found"))
        #expect(state.stopTime == 700)
        #expect(state.runStateAfter == "running")
        #expect(qemu.settings == Self.oldSettings)
        #expect(!qemu.commands.contains("cont"))
    }

    @Test func theSettingsOfTheMigrationAreOnlyThoseItNeeds() throws {
        let qemu = migrating([migrationStream(ram: [])])
        _ = try capture(qemu, [.migration])
        let first = try #require(qemu.lines.first { $0.contains("migrate-set-capabilities") })
        for setting in [
            #""x-ignore-shared", "state": true"#, #""return-path", "state": true"#,
            #""multifd", "state": false"#, #""pause-before-switchover", "state": false"#,
        ] {
            #expect(first.contains(setting))
        }
        let second = try #require(qemu.lines.first { $0.contains("migrate-set-parameters") })
        #expect(second.contains(#""max-bandwidth": 1099511627776, "downtime-limit": 10"#))
    }

    @Test func aVMThatIsTooBusyMayBeStoppedForAsLongAsItsOwnerAllows() throws {
        let qemu = migrating([[1, 2, 3]])
        _ = failure(qemu, within: .milliseconds(500), [.migration])
        let settings = qemu.lines.filter { $0.contains("migrate-set-parameters") }
        #expect(settings.count == 3)
        #expect(settings.dropFirst().first?.contains(#"{"downtime-limit": 300}"#) == true)
    }

    @Test func aStoppedVMIsMigratedAndStaysAsItIs() throws {
        let qemu = migrating([migrationStream(ram: [])], runState: "paused")
        let state = try capture(qemu)
        #expect(state.way == .migration)
        #expect(state.runStateAfter == "paused")
        #expect(state.stopTime == nil)
    }

    @Test func onlyTheEndsOfALongStreamAreKept() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let ram = (0..<(35 << 17)).flatMap { _ in
            withUnsafeBytes(of: random.next()) { Array($0) }
        }
        let stream = migrationStream(ram: ram)
        let qemu = migrating([stream])
        let state = try capture(qemu, [.migration])
        let kept = (first: 64 << 10, last: 32 << 20)
        #expect(state.stream.size == Int64(stream.count))
        #expect(try state.stream.read(at: 0, count: kept.first) == Array(stream.prefix(kept.first)))
        #expect(
            try state.stream.read(at: Int64(stream.count - kept.last), count: kept.last)
                == Array(stream.suffix(kept.last)))
        #expect(throws: FileError.self) {
            try state.stream.read(at: Int64(stream.count - kept.last - 1), count: 1)
        }
    }

    @Test func ramThatLooksLikeTheEndIsNot() throws {
        let ram = Array("{}".utf8) + [0, 6, 0, 0, 0, 3] + Array("{}}".utf8)
        let stream = migrationStream(ram: ram)
        let parts = [Array(stream[..<10]), Array(stream[10..<20]), Array(stream[20...])]
        let state = try capture(migrating(parts), [.migration])
        #expect(state.way == .migration)
        #expect(try state.stream.read(at: 0, count: stream.count) == stream)
    }

    @Test func aMigrationThatFailsIsTakenBack() throws {
        let qemu = FakeQEMU { qemu, command in
            switch command.name {
            case "xen-save-devices-state": return FakeQEMU.error("GenericError", "full")
            case "query-migrate" where qemu.migrationStatus == "active":
                qemu.migrationStatus = "failed"
                return #""return": {"status": "failed", "error-desc": "no luck"}"#
            default: return nil
            }
        }
        let error = failure(qemu)
        #expect(
            error?.problem
                == .bothWays(
                    .refused(
                        command: "xen-save-devices-state", errorClass: "GenericError",
                        description: "full"),
                    .migrationFailed(status: "failed", description: "no luck")))
        #expect(error?.runStateLeft == nil)
        #expect(qemu.settings == Self.oldSettings)
        #expect(qemu.commands.contains("migrate_cancel"))
    }

    @Test func aMigrationThatIsRefusedIsTakenBack() throws {
        let qemu = FakeQEMU { qemu, command in
            command.name == "migrate" ? FakeQEMU.error("GenericError", "blocked") : nil
        }
        let expected = QMPError.Problem.refused(
            command: "migrate", errorClass: "GenericError", description: "blocked")
        #expect(failure(qemu, [.migration])?.problem == expected)
        #expect(qemu.settings == Self.oldSettings)
        #expect(qemu.commands.contains("closefd"))
    }

    @Test func aVMThatCannotBeResumedIsReported() throws {
        let qemu = migrating([]) { qemu, command in
            switch command.name {
            case "migrate":
                qemu.runState = "postmigrate"
                return FakeQEMU.error("GenericError", "broken")
            case "cont": return #""return": {}"#
            default: return nil
            }
        }
        let error = failure(qemu, [.migration])
        #expect(error?.runStateLeft == "postmigrate")
        #expect(error?.description.contains("resume it with the QMP command cont") == true)
    }

    @Test func aStreamThatNeverEndsIsCanceled() throws {
        let qemu = migrating([[1, 2, 3]])
        let error = failure(qemu, within: .milliseconds(500), [.migration])
        #expect(error?.problem == .noAnswer(to: "migrate", within: .milliseconds(500)))
        #expect(qemu.settings == Self.oldSettings)
        #expect(qemu.commands.contains("migrate_cancel"))
    }

    @Test(arguments: ["shutdown", "debug", "internal-error"])
    func aStoppedVMThatCouldNotGoBackIsNotMigrated(_ runState: String) throws {
        let qemu = migrating([], runState: runState)
        guard case .unsuitable(runState, _) = failure(qemu, [.migration])?.problem else {
            Issue.record("not refused")
            return
        }
        #expect(!qemu.commands.contains("migrate"))
    }

    @Test func aMigrationOverTLSIsNotTried() throws {
        let qemu = FakeQEMU { _, command in
            command.name == "query-migrate-parameters"
                ? #""return": {"tls-creds": "tls0", "max-bandwidth": 1}"# : nil
        }
        guard case .obstacle = failure(qemu, [.migration])?.problem else {
            Issue.record("not refused")
            return
        }
        #expect(!qemu.commands.contains("migrate-set-capabilities"))
    }
}
