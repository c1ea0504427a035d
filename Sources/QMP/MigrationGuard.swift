internal import CLinux
internal import LinuxSystem

/// A process that cancels a migration, puts its settings back and resumes the VM, should this one die
/// before `release()`.
final class MigrationGuard {
    private static let sign = "vcpusnap-guard"

    private var line: Int32
    private let process: Int32

    /// - Parameter commands: what it has QEMU do, in this order.
    init(
        over connection: QMPConnection, _ commands: [MigrationSettings.Command]
    ) throws(QMPError) {
        let words = commands.map { QMPConnection.text(of: $0.name, $0.arguments, id: Self.sign) }
        var process: Int32 = 0
        let line = connection.withSocket { socket in
            clinux_guard_start(socket, words.joined(), Self.sign, &process)
        }
        guard line >= 0 else {
            throw connection.error(.system(call: "fork", Errno(rawValue: -line)))
        }
        self.line = line
        self.process = process
    }

    deinit {
        // What was not released is as if this program had died: the guard does its work.
        if line >= 0 { _ = clinux_close(line) }
    }

    /// Ends the process; there is nothing left for it to do.
    func release() {
        guard line >= 0 else { return }
        _ = clinux_guard_release(line, process)
        line = -1
    }
}
