import Foundation
package import QMP
import TestFiles

/// A real QEMU with nothing in it to run, ended with the test.
package final class QEMU {
    /// Found on the PATH; nil when there is none.
    package static let program: String? = (ProcessInfo.processInfo.environment["PATH"] ?? "")
        .split(separator: ":").map { $0 + "/qemu-system-aarch64" }
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    package static var isThere: Bool { program != nil }

    /// Of its QMP socket.
    package let path: String
    private let folder: TemporaryFolder
    private let process = Process()

    package init(vCPUs: Int = 2, _ arguments: String...) throws {
        folder = try TemporaryFolder()
        path = folder.file("q")
        process.executableURL = URL(fileURLWithPath: Self.program ?? "")
        process.arguments =
            [
                "-M", "virt", "-cpu", "max", "-smp", String(vCPUs), "-m", "64", "-display", "none",
                "-serial", "none", "-monitor", "none", "-qmp", "unix:\(path),server=on,wait=off",
            ] + arguments
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.start()
    }

    /// It has ended before the test.
    private struct Ended: Error, CustomStringConvertible {
        let description: String

        init(process: Process, then error: QMPError) {
            let way = process.terminationReason == .exit ? "status" : "signal"
            description = "QEMU ended with \(way) \(process.terminationStatus): \(error)"
        }
    }

    deinit {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// A connection, once QEMU has made its socket.
    package func connect() throws -> QMPConnection {
        var timeouts = QMPTimeouts()
        timeouts.greeting = .seconds(60)
        for _ in 0..<1000 {
            do throws(QMPError) {
                return try QMPConnection(connectingTo: path, timeouts: timeouts)
            } catch {
                guard process.isRunning else { throw Ended(process: process, then: error) }
                guard case .cannotConnect = error.problem else { throw error }
                Thread.sleep(forTimeInterval: 0.02)
            }
        }
        return try QMPConnection(connectingTo: path, timeouts: timeouts)
    }
}
