import Foundation

/// The files of a folder of `Formats/vectors`: good ones and bad ones.
public struct FormatVectors: Sendable {
    private let folder: URL
    /// With the point.
    private let suffix: String

    /// The vectors of one format, whose files end in a suffix.
    public init(_ format: String, suffix: String) {
        folder = ProjectFolder.file("Formats/vectors/\(format)")
        self.suffix = suffix
    }

    /// The names of those that every reader must accept.
    public var good: [String] { names("good") }
    /// The names of those that every reader must refuse.
    public var bad: [String] { names("bad") }

    private func names(_ kind: String) -> [String] {
        let names = try? FileManager.default.contentsOfDirectory(
            atPath: folder.appendingPathComponent(kind).path)
        return (names ?? []).filter { $0.hasSuffix(suffix) }.sorted()
    }

    /// The content of one to accept.
    public func good(_ name: String) throws -> [UInt8] { try bytes("good/\(name)") }

    /// The content of one to refuse.
    public func bad(_ name: String) throws -> [UInt8] { try bytes("bad/\(name)") }

    /// The file beside a good one that has its name with another suffix, which says what is in it.
    public func beside(_ name: String, suffix: String) throws -> [UInt8] {
        try bytes("good/\(name.dropLast(self.suffix.count))\(suffix)")
    }

    /// The same of a bad one, which says why it is refused.
    public func beside(bad name: String, suffix: String) throws -> [UInt8] {
        try bytes("bad/\(name.dropLast(self.suffix.count))\(suffix)")
    }

    /// The line of a bad text that is wrong, with which its last line ends; nil where it does not say.
    public static func wrongLine(of text: [UInt8]) -> Int? {
        let last = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline).last
        return last?.split(separator: " ").last.flatMap { Int($0) }
    }

    private func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appendingPathComponent(path)))
    }
}
