import Emulation
import Registers
import TestFiles
import TestSubjects
import Testing
import TextFormats

/// The files of Formats/vectors/vhost-v1.
struct FormatVectorTests {
    static let vectors = FormatVectors("vhost-v1", suffix: ".vhost")

    @Test func thereAreVectors() {
        #expect(Self.vectors.good.count >= 8)
        #expect(Self.vectors.bad.count >= 84)
    }

    @Test(arguments: vectors.good)
    func goodIsAccepted(_ name: String) throws {
        let profile = try HostProfile(parsing: try Self.vectors.good(name), file: name)
        let canonical = try Self.vectors.beside(name, suffix: ".canonical")
        #expect(profile.text == String(decoding: canonical, as: UTF8.self))
        #expect(try HostProfile(parsing: canonical, file: "canonical") == profile)
        // What is accepted can be used.
        let cpu = EmulatedCPU(profile: profile, initialized: true)
        for id in cpu.list() { _ = try cpu.read(id) }
    }

    @Test(arguments: vectors.bad)
    func badIsRefused(_ name: String) throws {
        let bytes = try Self.vectors.bad(name)
        let line = try #require(FormatVectors.wrongLine(of: bytes))
        let error = try failure(DirectiveError.self) {
            _ = try HostProfile(parsing: bytes, file: name)
        }
        #expect(error.line == line, "\(error)")
        #expect(error.description.utf8.allSatisfy { 0x20...0x7e ~= $0 }, "\(error)")
    }
}
