import TestFiles
import Testing
import TextFormats
import Transfer

/// The files of Formats/vectors/policy-v1.
struct FormatVectorTests {
    static let vectors = FormatVectors("policy-v1", suffix: ".vpolicy")

    @Test func thereAreVectors() {
        #expect(Self.vectors.good.count >= 4)
        #expect(Self.vectors.bad.count >= 12)
    }

    @Test(arguments: vectors.good)
    func goodIsAccepted(_ name: String) throws {
        let policy = try RestorePolicy(parsing: try Self.vectors.good(name), file: name)
        let canonical = try Self.vectors.beside(name, suffix: ".canonical")
        #expect(policy.text == String(decoding: canonical, as: UTF8.self))
        #expect(try RestorePolicy(parsing: canonical, file: name) == policy)
    }

    @Test(arguments: vectors.bad)
    func badIsRefused(_ name: String) throws {
        let bytes = try Self.vectors.bad(name)
        let line = try #require(FormatVectors.wrongLine(of: bytes))
        do throws(DirectiveError) {
            _ = try RestorePolicy(parsing: bytes, file: name)
            Issue.record("accepted")
        } catch {
            #expect(error.line == line, "\(error)")
        }
    }
}
