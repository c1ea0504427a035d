internal import CLinux
internal import LinuxSystem
internal import TextFormats

/// Takes the device state of a VM that QEMU runs, which has its vCPUs' registers in it, and leaves the
/// VM as it was.
///
/// Whatever becomes of this program meanwhile, the VM goes on: `xen-save-devices-state` stops it,
/// saves, and resumes it within one command, without needing anybody (QEMU, migration/savevm.c), and
/// the migration that is the second way is one that QEMU resumes from when its other end is gone.
/// QEMU writes to no disk.
extension CapturedDeviceState {
    static let command = "xen-save-devices-state"

    /// The most bytes of device state that are kept by default.
    package static let defaultLimit = 256 << 20

    /// Takes the device state, and makes sure that a VM that was running runs again.
    /// - Parameters:
    ///   - ways: tried in the order of their declaration; the migration only when QEMU or this host refuses the other.
    ///   - limit: the most bytes of a stream that `deviceState` takes; of a migration only its ends are kept.
    /// - Throws: when the VM cannot be captured in its run state, or no way worked; `runStateLeft` says if it no
    ///   longer runs.
    package static func capture(
        over connection: any QMPMonitor,
        allowing ways: Set<CapturedDeviceState.Way> = [.deviceState, .migration],
        limit: Int = defaultLimit
    ) throws(QMPError) -> CapturedDeviceState {
        let runState = try connection.runState()
        try check(runState, connection)
        let machine = try MachineFacts(over: connection)
        let start = connection.eventCount
        let begun = ContinuousClock.now
        do throws(QMPError) {
            let taken = try take(runState, connection, ways, limit)
            let stopTime = try stopTime(runState, taken.start, connection).flatMap { time in
                // Another clock's, which can be set meanwhile; but no stop is longer than all of it.
                .microseconds(time) < ContinuousClock.now - begun + .seconds(60) ? time : nil
            }
            let (after, hadToBeResumed) = try settle(runState, connection)
            return CapturedDeviceState(
                stream: taken.stream, way: taken.way, reasonForMigration: taken.reason,
                runStateBefore: runState, runStateAfter: after, hadToBeResumed: hadToBeResumed,
                stopTime: stopTime, machine: machine)
        } catch {
            throw afterFailure(error, runState, since: start, connection)
        }
    }

    /// What one way brought.
    private struct Taken {
        var stream: any SeekableBytes
        var way: CapturedDeviceState.Way
        var reason: QMPError.Problem?
        /// How many events there were before.
        var start: Int
    }

    private static func take(
        _ runState: String, _ connection: any QMPMonitor, _ ways: Set<CapturedDeviceState.Way>,
        _ limit: Int
    ) throws(QMPError) -> Taken {
        if !ways.contains(.deviceState), let own = connection.ownConnection {
            return try migrate(runState, own)
        }
        let start = connection.eventCount
        do throws(QMPError) {
            let bytes = try saveDeviceState(connection, limit)
            return Taken(
                stream: MemoryBytes(bytes, name: connection.path), way: .deviceState, start: start)
        } catch {
            guard ways.contains(.migration), error.problem.leavesMigration,
                let own = connection.ownConnection
            else { throw error }
            return try migrate(runState, own, insteadOf: error.problem)
        }
    }

    private static func migrate(
        _ runState: String, _ connection: QMPConnection, insteadOf first: QMPError.Problem? = nil
    ) throws(QMPError) -> Taken {
        let start = connection.eventCount
        do throws(QMPError) {
            let ends = try AbandonedMigration(connection: connection, runState: runState).take()
            return Taken(stream: ends, way: .migration, reason: first, start: start)
        } catch {
            guard let first else { throw error }
            throw connection.error(.bothWays(first, error.problem))
        }
    }
}

// MARK: Saving the device state

extension CapturedDeviceState {
    private static func saveDeviceState(
        _ connection: any QMPMonitor, _ limit: Int
    ) throws(QMPError) -> [UInt8] {
        let file = try connection.opening("memfd_create") {
            clinux_create_memory_file("vcpusnap")
        }
        try save(into: file, connection)
        return try Errno.translating(try file.readAll(limit: limit)) { errno in
            connection.error(
                errno == .fileTooLarge
                    ? .tooLarge(limit: limit)
                    : .system(call: "read of the saved state", errno))
        }
    }

    private static func save(
        into file: borrowing FileDescriptor, _ connection: any QMPMonitor
    ) throws(QMPError) {
        let set = try addToSet(file, connection)
        do throws(QMPError) {
            // QEMU's default for "live" gives the disks away when the VM is stopped already.
            _ = try connection.execute(
                command,
                arguments: [("filename", .string("/dev/fdset/\(set)")), ("live", .bool(false))],
                within: connection.timeouts.capture)
        } catch {
            if case .refused = error.problem { try remove(set, connection) }
            throw error
        }
        try remove(set, connection)
    }

    /// A set of descriptors, by whose name QEMU opens the file itself.
    ///
    /// It takes the one with the access it would open a file with, which is writing only (QEMU,
    /// monitor/fds.c, monitor_fdset_dup_fd_add).
    private static func addToSet(
        _ file: borrowing FileDescriptor, _ connection: any QMPMonitor
    ) throws(QMPError) -> Int64 {
        let writer = try connection.opening("open of /proc/self/fd") {
            file.withNumber(clinux_reopen_for_writing)
        }
        let answer = try connection.execute("add-fd", passing: writer)
        guard let set = answer["fdset-id"]?.integer else {
            throw connection.error(.unexpectedAnswer(to: "add-fd", missing: "\"fdset-id\""))
        }
        return set
    }

    /// Gives the set up; one that stays behind costs QEMU a descriptor and is no reason to fail.
    private static func remove(_ set: Int64, _ connection: any QMPMonitor) throws(QMPError) {
        _ = try connection.executeIfPossible(
            "remove-fd", arguments: [("fdset-id", .integer(set))])
    }
}

// MARK: Before and after

extension CapturedDeviceState {
    /// QEMU ends at once when a run state follows another that may not (`runstate_set`), and these may
    /// not be followed by `save-vm`, or belong to somebody else's migration.
    private static let unsuitableStates = [
        "suspended": "the guest sleeps; wake it first",
        "inmigrate": "its state has not arrived yet; wait for the migration into it",
        "finish-migrate": "a migration is about to end; wait for it",
        "save-vm": "a snapshot is being made; wait for it",
        "restore-vm": "a snapshot is being loaded; wait for it",
        "colo": "it is one of a pair that COLO keeps in step; end that first",
    ]

    private static func check(
        _ runState: String, _ connection: any QMPMonitor
    ) throws(QMPError) {
        if let reason = unsuitableStates[runState] {
            throw connection.error(.unsuitable(runState: runState, reason: reason))
        }
        let status = try connection.migrationStatus()
        guard AbandonedMigration.finalStatuses.contains(status) else {
            throw connection.error(
                .obstacle("a migration is \"\(status)\"", nextStep: "wait for it, or cancel it"))
        }
    }

    /// The states that capturing can leave behind.
    ///
    /// In any other, somebody stopped the VM for a reason, or the guest did, and it is not ours to
    /// resume.
    private static let statesOfCapture: Set<String> = ["save-vm", "finish-migrate", "postmigrate"]

    /// Makes sure that a VM that was running runs.
    private static func settle(
        _ before: String, _ connection: any QMPMonitor
    ) throws(QMPError) -> (runState: String, hadToBeResumed: Bool) {
        let after = try runStateWhenSettled(connection)
        guard before == "running", statesOfCapture.contains(after) else { return (after, false) }
        try connection.execute("cont")
        return (try connection.runState(), true)
    }

    /// QEMU calls a migration failed some moments before it resumes the VM, and refuses `cont` between
    /// the two.
    private static func runStateWhenSettled(
        _ connection: any QMPMonitor
    ) throws(QMPError) -> String {
        let deadline = Deadline(in: connection.timeouts.answer)
        while true {
            let state = try connection.runState()
            guard state == "finish-migrate", !deadline.isOver else { return state }
            _ = clinux_wait_readable(-1, 5)
        }
    }

    /// The error, with the run state of a VM that is not running any more.
    private static func afterFailure(
        _ failure: QMPError, _ before: String, since start: Int, _ connection: any QMPMonitor
    ) -> QMPError {
        guard before == "running", failure.problem.leavesConnection else { return failure }
        var result = failure
        do throws(QMPError) {
            let state = try settle(before, connection).runState
            if state != before { result.runStateLeft = state }
        } catch {
            let hasStopped = connection.events(since: start).last { $0.isAboutRunning }
            if hasStopped?.name == "STOP" { result.runStateLeft = "stopped" }
        }
        return result
    }

    /// Microseconds between the event STOP and the RESUME that belongs to it.
    private static func stopTime(
        _ before: String, _ start: Int, _ connection: any QMPMonitor
    ) throws(QMPError) -> Int64? {
        guard before == "running" else { return nil }
        // It comes before the answer, or right after it.
        let resumed = try connection.waitForEvent("RESUME", since: start, within: .seconds(1))
        let stopped = connection.events(since: start).first { $0.name == "STOP" }
        guard let end = resumed?.microseconds, let begin = stopped?.microseconds, begin <= end
        else { return nil }
        return end - begin
    }
}

extension QMPEvent {
    fileprivate var isAboutRunning: Bool { name == "STOP" || name == "RESUME" }
}

extension QMPError.Problem {
    /// QEMU, or this host, would not do it the first way, and nothing else is wrong.
    fileprivate var leavesMigration: Bool {
        switch self {
        case .refused, .system: true
        default: false
        }
    }

    /// Whether QEMU can still be asked something.
    fileprivate var leavesConnection: Bool {
        switch self {
        case .lost, .noAnswer, .tooLong, .notJSON: false
        case .bothWays(_, let second): second.leavesConnection
        default: true
        }
    }
}

// MARK: What both ways need

extension QMPMonitor {
    func runState() throws(QMPError) -> String {
        guard let state = try execute("query-status")["status"]?.string else {
            throw error(.unexpectedAnswer(to: "query-status", missing: "\"status\""))
        }
        return state
    }

    /// `none` when there never was one.
    func migrationStatus() throws(QMPError) -> String {
        try execute("query-migrate")["status"]?.string ?? "none"
    }

    /// The descriptor that a function of CLinux made.
    func opening(_ call: String, _ open: () -> Int32) throws(QMPError) -> FileDescriptor {
        try Errno.translating(try FileDescriptor(owningResult: open())) {
            error(.system(call: call, $0))
        }
    }
}
