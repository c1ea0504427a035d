import Foundation
import LinuxSystem
import QMP
import RealQEMU
import TestFiles
import Testing
import TextFormats

/// Captures from a real QEMU.
@Suite(.enabled(if: QEMU.isThere, QEMU.reason)) struct QEMUTests {
    private static let standardSettings = "134217728 300"

    private func expectDeviceState(
        _ state: CapturedDeviceState, by way: CapturedDeviceState.Way = .deviceState
    ) throws {
        let stream = state.stream
        #expect(state.way == way)
        #expect(try stream.read(at: 0, count: 8) == Array("QEVM".utf8) + [0, 0, 0, 3])
        let count = min(stream.size, 1 << 20)
        let tail = try stream.read(at: stream.size - count, count: Int(count))
        #expect(Data(tail).range(of: Data("\u{3}cpu".utf8)) != nil)
        #expect(way == .deviceState || tail.last == UInt8(ascii: "}"))
    }

    @Test(arguments: [CapturedDeviceState.Way.deviceState, .migration])
    func aRunningVMRunsAgain(_ way: CapturedDeviceState.Way) throws {
        let qemu = try QEMU()
        let connection = try qemu.connect()
        for _ in 0..<3 {
            let state = try CapturedDeviceState.capture(over: connection, allowing: [way])
            try expectDeviceState(state, by: way)
            #expect(state.way == way)
            #expect(state.wasRunning)
            #expect(state.runStateAfter == "running")
            #expect(!state.hadToBeResumed)
            #expect((state.stopTime ?? 0) > 0)
            #expect(try connection.runState == "running")
        }
        #expect(try connection.migrationSettings == Self.standardSettings)
        #expect(try connection.execute("query-fdsets").array?.isEmpty == true)
    }

    @Test(arguments: [CapturedDeviceState.Way.deviceState, .migration])
    func aStoppedVMStaysStoppedAndCanBeContinued(_ way: CapturedDeviceState.Way) throws {
        let qemu = try QEMU()
        let connection = try qemu.connect()
        try connection.execute("stop")
        let state = try CapturedDeviceState.capture(over: connection, allowing: [way])
        try expectDeviceState(state, by: way)
        #expect(!state.wasRunning)
        #expect(state.runStateAfter == "paused")
        #expect(state.stopTime == nil)
        try connection.execute("cont")
        #expect(try connection.runState == "running")
        #expect(try connection.migrationSettings == Self.standardSettings)
    }

    @Test(arguments: [CapturedDeviceState.Way.deviceState, .migration])
    func aVMThatHasNotStartedCanBeCaptured(_ way: CapturedDeviceState.Way) throws {
        let qemu = try QEMU(vCPUs: 1, "-S")
        let connection = try qemu.connect()
        let state = try CapturedDeviceState.capture(over: connection, allowing: [way])
        try expectDeviceState(state, by: way)
        #expect(state.runStateAfter == "prelaunch")
        try connection.execute("cont")
        #expect(try connection.runState == "running")
    }

    @Test func theMachineIsDescribed() throws {
        let qemu = try QEMU()
        let machine = try MachineFacts(over: qemu.connect())
        #expect(machine.version.split(separator: ".").count == 3)
        #expect(machine.machineType?.hasPrefix("virt-") == true)
        #expect(machine.accelerator == nil)
        #expect(machine.vCPUs.map(\.index) == [0, 1])
        #expect(machine.vCPUs.allSatisfy { $0.type == "max-arm-cpu" && $0.threadID != nil })
    }

    @Test func withoutTheCommandTheMigrationTakesTheState() throws {
        let qemu = try QEMU()
        try qemu.connect().execute("query-status")
        let proxy = try Proxy(to: qemu.path, hiding: "xen-save-devices-state")
        let connection = try QMPConnection(connectingTo: proxy.path)
        let state = try CapturedDeviceState.capture(over: connection)
        try expectDeviceState(state, by: .migration)
        #expect(state.way == .migration)
        guard case .refused(_, "CommandNotFound", _) = state.reasonForMigration else {
            Issue.record("\(String(describing: state.reasonForMigration))")
            return
        }
        #expect(try connection.runState == "running")
    }

    @Test func settingsOfTheMigrationThatWereOnAreOnAgain() throws {
        let qemu = try QEMU()
        let connection = try qemu.connect()
        let settings: [(String, QMPArgument)] = ["multifd", "pause-before-switchover"].map {
            ("", .object([("capability", .string($0)), ("state", .bool(true))]))
        }
        try connection.execute(
            "migrate-set-capabilities",
            arguments: [("capabilities", .array(settings.map(\.1)))])
        try connection.execute(
            "migrate-set-parameters", arguments: [("max-bandwidth", .integer(1_000_000))])
        let state = try CapturedDeviceState.capture(over: connection, allowing: [.migration])
        try expectDeviceState(state, by: .migration)
        #expect(
            try connection.migrationSettings == "multifd pause-before-switchover 1000000 300")
    }

    @Test func aSecondClientIsToldOfTheFirst() throws {
        let qemu = try QEMU(vCPUs: 1)
        let first = try qemu.connect()
        var timeouts = QMPTimeouts()
        timeouts.greeting = .milliseconds(200)
        #expect(throws: QMPError(qemu.path, .noGreeting(within: .milliseconds(200)))) {
            _ = try QMPConnection(connectingTo: qemu.path, timeouts: timeouts)
        }
        #expect(try first.runState == "running")
    }

    @Test func aMonitorForPeopleAndAPrettyOneAreToldApart() throws {
        let folder = try TemporaryFolder()
        let (monitor, pretty) = (folder.file("m"), folder.file("p"))
        let qemu = try QEMU(
            vCPUs: 1, "-chardev", "socket,id=m,path=\(monitor),server=on,wait=off",
            "-mon", "chardev=m,mode=readline",
            "-chardev", "socket,id=p,path=\(pretty),server=on,wait=off",
            "-mon", "chardev=p,mode=control,pretty=on")
        try qemu.connect().execute("query-status")
        do throws(QMPError) {
            _ = try QMPConnection(connectingTo: monitor)
            Issue.record("connected")
        } catch {
            guard case .notQMP = error.problem else { throw error }
        }
        let connection = try QMPConnection(connectingTo: pretty)
        try expectDeviceState(try CapturedDeviceState.capture(over: connection))
    }
}
