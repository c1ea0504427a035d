import Foundation

/// A folder of a test's own, removed with everything in it.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        // Short: the path of a socket has at most 107 bytes.
        let name = "/qmp-" + UUID().uuidString.prefix(13)
        path = FileManager.default.temporaryDirectory.path + name
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func file(_ name: String) -> String { path + "/" + name }
}
