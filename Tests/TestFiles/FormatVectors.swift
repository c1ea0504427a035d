import Foundation

/// The files of a folder of `Formats/vectors`, of a format that is text.
///
/// A bad file's last line ends with the number of the line that is wrong.
public struct FormatVectors: Sendable {
    private let folder: URL
    /// With the point.
    private let suffix: String

    public init(_ format: String, suffix: String) {
        folder = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Formats/vectors/\(format)")
        self.suffix = suffix
    }

    public var good: [String] { names("good") }
    public var bad: [String] { names("bad") }

    private func names(_ kind: String) -> [String] {
        let names = try? FileManager.default.contentsOfDirectory(
            atPath: folder.appendingPathComponent(kind).path)
        return (names ?? []).filter { $0.hasSuffix(suffix) }.sorted()
    }

    public func good(_ name: String) throws -> [UInt8] { try bytes("good/\(name)") }

    /// What a program that reads the file writes.
    public func canonical(_ name: String) throws -> [UInt8] {
        try bytes("good/\(name.dropLast(suffix.count)).canonical")
    }

    /// A bad file, and the line that is wrong; nil where it does not say.
    public func bad(_ name: String) throws -> (bytes: [UInt8], line: Int?) {
        let bytes = try bytes("bad/\(name)")
        let last = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).last
        return (bytes, last?.split(separator: " ").last.flatMap { Int($0) })
    }

    private func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appendingPathComponent(path)))
    }
}
