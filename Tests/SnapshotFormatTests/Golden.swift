import Foundation
import VCPUModel

@testable import SnapshotFormat

/// The files in `Golden`; see the README there.
enum Golden {
    static let names = [
        "tiny", "sve-one-vcpu", "eight-vcpus", "future-minor-version", "no-registers", "vm",
    ]

    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().appendingPathComponent("Golden")

    static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appendingPathComponent(name + ".vcpusnap")))
    }

    static func text(_ name: String) throws -> Snapshot {
        try SnapshotText.parse(
            String(contentsOf: folder.appendingPathComponent(name + ".txt"), encoding: .utf8))
    }

    /// Writes a file that is not there yet; one that is never changes.
    static func record(_ name: String, _ bytes: [UInt8]) throws {
        let file = folder.appendingPathComponent(name + ".vcpusnap")
        guard !FileManager.default.fileExists(atPath: file.path) else { return }
        try Data(bytes).write(to: file)
    }
}
