public import Foundation

/// A folder of a test's own, removed with everything in it.
public final class TemporaryFolder: Sendable {
    /// Short: the path of a socket in it has at most 107 bytes.
    public let path: String

    /// - Parameter parent: a folder, with its last slash.
    public init(in parent: String = NSTemporaryDirectory()) throws {
        path = parent + "vcpusnap-test-" + UUID().uuidString.prefix(13)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of a file in it.
    public func file(_ name: String) -> String { path + "/" + name }

    /// The path of a file in it.
    public static func / (folder: TemporaryFolder, name: String) -> String { folder.file(name) }

    /// Its files, in order.
    public var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
    }

    /// The file's mode bits; nil where there are none to be had.
    public func permissions(_ name: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: file(name))[.posixPermissions] as? Int
    }

    // MARK: Contents

    /// Makes a file, instead of the one before.
    /// - Returns: its path.
    @discardableResult
    public func make(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }

    /// Writes a file.
    @discardableResult
    public func make(_ name: String, _ text: String) throws -> String {
        try make(name, text.utf8)
    }

    /// A file's content.
    public func data(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: file(name)))
    }

    /// A file's content.
    public func bytes(_ name: String) throws -> [UInt8] { Array(try data(name)) }

    /// A file's content, which has to be UTF-8.
    public func text(_ name: String) throws -> String {
        String(decoding: try data(name), as: UTF8.self)
    }
}
