internal import CLinux
internal import LinuxSystem
internal import TextFormats

/// Takes the device state out of a migration that never succeeds.
///
/// With the return path, QEMU sends everything, and then waits for the other end to say that it has the
/// VM (QEMU, migration/migration.c, close_return_path_on_source). It says that it failed, whereupon
/// QEMU resumes the VM, or leaves a stopped one in the run state it had. The same happens when the
/// other end is gone, so the VM does not depend on this program. What does is that the migration
/// settings are put back: for that there is a `MigrationGuard`.
struct AbandonedMigration {
    let connection: QMPConnection
    let runState: String

    /// What `query-migrate` says when none is under way.
    static let finalStatuses: Set<String> = ["none", "completed", "failed", "cancelled"]

    /// Those that a failed migration can go back to in every version; QEMU ends at once
    /// (`runstate_set`) where it cannot.
    private static let suitableStates: Set<String> = ["running", "paused", "prelaunch"]

    private static let name = "vcpusnap"

    func take() throws(QMPError) -> HeadAndTail {
        guard Self.suitableStates.contains(runState) else {
            throw connection.error(
                .unsuitable(
                    runState: runState, reason: "QEMU does not return to this after a migration"))
        }
        let settings = try MigrationSettings(over: connection)
        let guardian = try MigrationGuard(over: connection, cleanup(settings))
        let ends: HeadAndTail
        do throws(QMPError) {
            try apply(settings.changes)
            ends = try migrate(settings)
            try waitForItsEnd()
        } catch {
            if abandon(settings) { guardian.release() }
            throw error
        }
        try apply(settings.restoration)
        guardian.release()
        return ends
    }

    private func cleanup(_ settings: MigrationSettings) -> [MigrationSettings.Command] {
        let resuming: [MigrationSettings.Command] = runState == "running" ? [("cont", [])] : []
        return [("migrate_cancel", [])] + settings.restoration + resuming
    }

    private func apply(_ commands: [MigrationSettings.Command]) throws(QMPError) {
        for command in commands {
            try connection.execute(command.name, arguments: command.arguments)
        }
    }

    /// Ends a migration that went wrong; true when everything is as it was.
    private func abandon(_ settings: MigrationSettings) -> Bool {
        do throws(QMPError) {
            try connection.execute("migrate_cancel")
            try waitForItsEnd()
            try apply(settings.restoration)
            return true
        } catch {
            return false
        }
    }

    private func waitForItsEnd() throws(QMPError) {
        let deadline = Deadline(in: connection.timeouts.answer)
        while !Self.finalStatuses.contains(try connection.migrationStatus()) {
            guard !deadline.isOver else {
                throw connection.error(
                    .noAnswer(to: "migrate_cancel", within: connection.timeouts.answer))
            }
            _ = clinux_wait_readable(-1, 5)
        }
    }
}

// MARK: The stream

extension AbandonedMigration {
    private func migrate(_ settings: MigrationSettings) throws(QMPError) -> HeadAndTail {
        let stream = try startMigration()
        let ends = try drain(stream, settings)
        sayThatItFailed(stream)
        return ends
    }

    /// Our end of a socket pair whose other end QEMU writes to.
    private func startMigration() throws(QMPError) -> FileDescriptor {
        var pair: [Int32] = [-1, -1]
        let result = clinux_socket_pair(&pair)
        guard result == 0 else {
            throw connection.error(.system(call: "socketpair", Errno(rawValue: -result)))
        }
        let ours = FileDescriptor(owning: pair[0])
        let theirs = FileDescriptor(owning: pair[1])
        let name: (String, QMPArgument) = ("fdname", .string(Self.name))
        try connection.execute("getfd", arguments: [name], passing: theirs)
        do throws(QMPError) {
            try connection.execute("migrate", arguments: [("uri", .string("fd:" + Self.name))])
        } catch {
            if case .refused = error.problem {
                _ = try connection.executeIfPossible("closefd", arguments: [name])
            }
            throw error
        }
        return ours
    }

    private func drain(
        _ stream: borrowing FileDescriptor, _ settings: MigrationSettings
    ) throws(QMPError) -> HeadAndTail {
        let deadline = Deadline(in: connection.timeouts.capture)
        var shortStop: Deadline? = Deadline(in: connection.timeouts.capture / 4)
        let ends = HeadAndTail(of: connection.path, last: Self.tailLimit)
        var quiet = 0
        while !deadline.isOver {
            if shortStop?.isOver == true {
                try apply(settings.ordinaryDowntime)
                shortStop = nil
            }
            if let bytes = try receive(from: stream) {
                quiet = 0
                ends.append(bytes)
                // A full piece is followed by more.
                guard bytes.count < Self.pieceSize else { continue }
            } else {
                quiet += 1
            }
            if ends.endsInDescription {
                if try connection.migrationStatus() == "device" { return ends }
            } else if quiet > 0, quiet % 32 == 0 {
                try checkThatItIsUnderWay()
            }
        }
        throw connection.error(.noAnswer(to: "migrate", within: connection.timeouts.capture))
    }

    private static let pieceSize = 1 << 18
    /// Device state is far smaller.
    private static let tailLimit = 32 << 20

    /// Nil when none came for a moment.
    private func receive(from stream: borrowing FileDescriptor) throws(QMPError) -> [UInt8]? {
        var bytes: [UInt8] = []
        do throws(Errno) {
            let wait = stream.withNumber { clinux_wait_readable($0, 10) }
            guard try Errno.check(wait) == 1 else { return nil }
            bytes = try stream.read(upTo: Self.pieceSize)
        } catch {
            guard error == .connectionReset else {
                throw connection.error(.system(call: "read of the migration stream", error))
            }
        }
        guard bytes.isEmpty else { return bytes }
        try checkThatItIsUnderWay()
        throw connection.error(.migrationFailed(status: "active", description: "QEMU hung up"))
    }

    private func checkThatItIsUnderWay() throws(QMPError) {
        let answer = try connection.execute("query-migrate")
        let status = answer["status"]?.string ?? "none"
        guard Self.finalStatuses.contains(status) else { return }
        throw connection.error(
            .migrationFailed(status: status, description: answer["error-desc"]?.string))
    }

    /// MIG_RP_MSG_SHUT (1) of four bytes, which are not 0: the other end failed.
    private static let failure: [UInt8] = [0, 1, 0, 4, 0, 0, 0, 1]

    private func sayThatItFailed(_ stream: borrowing FileDescriptor) {
        // If it cannot be said, the end of the stream, which comes next, says the same.
        _ = try? stream.send(Self.failure[...])
    }
}

extension HeadAndTail {
    /// Whether the last thing is a whole description of the devices, with which a migration stream
    /// ends.
    ///
    /// It is QEMU_VM_EOF (0), QEMU_VM_VMDESCRIPTION (6), a length of four bytes, the highest first, and
    /// so many bytes of a JSON object (QEMU, migration/savevm.c).
    fileprivate var endsInDescription: Bool {
        let count = min(size - lastBytesStart, Self.longestDescription)
        guard let end = try? read(at: size - 1, count: 1), end == [UInt8(ascii: "}")],
            let tail = try? read(at: size - count, count: Int(count))
        else { return false }
        return tail.indices.dropFirst(6).reversed().contains { start in
            tail[start] == UInt8(ascii: "{") && tail[start - 5] == 6 && tail[start - 6] == 0
                && tail[start - 4..<start].reduce(0) { $0 << 8 | Int($1) } == tail.count - start
        }
    }

    /// QEMU's own are 10 to 100 KB; more is looked through only to end in time.
    private static let longestDescription: Int64 = 1 << 20
}
