import DirectiveText
import Foundation
import Policy
import Testing

/// The files of Formats/vectors/policy-v1.
struct FormatVectorTests {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Formats/vectors/policy-v1")

    static func files(_ kind: String) -> [String] {
        let names = try? FileManager.default.contentsOfDirectory(
            atPath: folder.appendingPathComponent(kind).path)
        return (names ?? []).filter { $0.hasSuffix(".vpolicy") }.sorted()
    }

    private func bytes(_ kind: String, _ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: Self.folder.appendingPathComponent("\(kind)/\(name)")))
    }

    @Test func thereAreVectors() {
        #expect(Self.files("good").count >= 4)
        #expect(Self.files("bad").count >= 12)
    }

    @Test(arguments: Self.files("good"))
    func goodIsAccepted(_ name: String) throws {
        let policy = try RestorePolicy(parsing: try bytes("good", name), file: name)
        let canonical = try bytes("good", String(name.dropLast(8)) + ".canonical")
        #expect(policy.text == String(decoding: canonical, as: UTF8.self))
        #expect(try RestorePolicy(parsing: canonical, file: name) == policy)
    }

    @Test(arguments: Self.files("bad"))
    func badIsRefused(_ name: String) throws {
        let bytes = try bytes("bad", name)
        let last = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).last
        let line = try #require(last?.split(separator: " ").last.flatMap { Int($0) })
        do throws(DirectiveError) {
            _ = try RestorePolicy(parsing: bytes, file: name)
            Issue.record("accepted")
        } catch {
            #expect(error.line == line, "\(error)")
        }
    }
}
