import DirectiveText
import Emulation
import Foundation
import Registers
import TestSubjects
import Testing

/// The files of Formats/vectors/vhost-v1.
struct FormatVectorTests {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Formats/vectors/vhost-v1")

    static func files(_ kind: String) -> [String] {
        let names = try? FileManager.default.contentsOfDirectory(
            atPath: folder.appendingPathComponent(kind).path)
        return (names ?? []).filter { $0.hasSuffix(".vhost") }.sorted()
    }

    private func bytes(_ kind: String, _ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: Self.folder.appendingPathComponent("\(kind)/\(name)")))
    }

    @Test func thereAreVectors() {
        #expect(Self.files("good").count >= 7)
        #expect(Self.files("bad").count >= 70)
    }

    @Test(arguments: Self.files("good"))
    func goodIsAccepted(_ name: String) throws {
        let profile = try HostProfile(parsing: try bytes("good", name), file: name)
        let canonical = String(
            decoding: try bytes("good", String(name.dropLast(6)) + ".canonical"), as: UTF8.self)
        #expect(profile.text == canonical)
        #expect(try HostProfile(parsing: canonical, file: "canonical") == profile)
        // What is accepted can be used.
        let cpu = EmulatedCPU(profile: profile, initialised: true)
        for id in cpu.list() { _ = try cpu.read(id) }
    }

    @Test(arguments: Self.files("bad"))
    func badIsRefused(_ name: String) throws {
        let bytes = try bytes("bad", name)
        let last = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).last
        let line = try #require(last?.split(separator: " ").last.flatMap { Int($0) })
        let error = try failure(DirectiveError.self) {
            _ = try HostProfile(parsing: bytes, file: name)
        }
        #expect(error.line == line, "\(error)")
        #expect(error.description.utf8.allSatisfy { 0x20...0x7e ~= $0 }, "\(error)")
    }
}
