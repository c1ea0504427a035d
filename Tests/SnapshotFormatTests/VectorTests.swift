import TestFiles
import Testing
import VCPUModel

@testable import SnapshotFormat

/// `Formats/vectors/vcpusnap-v1`: files made from the page alone, by another program.
@Suite("The format's own test vectors")
struct VectorTests {
    private typealias Code = SnapshotFormatError.Code

    private static let vectors = FormatVectors("vcpusnap-v1", suffix: ".vcpusnap")

    /// What this reader calls the rules of the page's section 10.
    private static let codes: [String: Set<Code>] = [
        "magic": [.notASnapshot, .textModeDamage], "truncated": [.truncated],
        "major-version": [.unsupportedVersion], "header-size": [.limitExceeded],
        "header-checksum": [.checksumMismatch], "incompatible-feature": [.unsupportedFeature],
        "limit": [.limitExceeded], "largest-content": [.limitExceeded],
        "dictionary": [.unknownDictionary], "stored-size": [.sizeMismatch],
        "content-size": [.sizeMismatch], "chunk-checksum": [.checksumMismatch],
        "chunk-flags": [.unsupportedFeature], "uncompressed-size": [.sizeMismatch],
        "unknown-chunk": [.unknownChunk, .unsupportedVersion],
        "second-chunk": [.duplicateChunk], "end-place": [.misplacedChunk],
        "end-form": [.malformed], "digest": [.digestMismatch], "frame": [.compression],
        "short-content": [.malformed], "long-content": [.malformed], "varint": [.malformed],
        "list": [.malformed], "index": [.malformed], "id-size": [.malformed],
        "set": [.malformed], "unused-id": [.malformed], "code": [.malformed],
        "text": [.malformed], "no-end": [.missingChunk], "totals": [.sizeMismatch],
        "trailing": [.trailingData], "no-vcpu": [.missingChunk],
    ]

    @Test("There are vectors of both kinds, and of every rule")
    func present() throws {
        #expect(Self.vectors.good.count > 150 && Self.vectors.bad.count > 340)
        let rules = try Self.vectors.bad.map { try Self.rule(of: $0) }
        #expect(Set(rules) == Set(Self.codes.keys))
    }

    private static func rule(of name: String) throws -> String {
        let text = String(decoding: try vectors.beside(bad: name, suffix: ".txt"), as: UTF8.self)
        return String(text.dropFirst("refuse ".count).dropLast())
    }

    @Test("A good one is sound and holds what its text says", arguments: vectors.good)
    func good(name: String) throws {
        let bytes = try Self.vectors.good(name)
        let snapshot = try SnapshotReader.decode(bytes)
        let text = try Self.vectors.beside(name, suffix: ".txt")
        #expect(SnapshotText.ofVector(snapshot) == text)
        var reader = SnapshotReader(bytes)
        let report = try reader.verify()
        #expect(report.isSound, "\(report.problems)")
        #expect(try SnapshotReader.decode(SnapshotWriter.encode(snapshot, level: 1)) == snapshot)
    }

    @Test(
        "A bad one is refused by the rule that it breaks, with a place", arguments: vectors.bad)
    func bad(name: String) throws {
        let bytes = try Self.vectors.bad(name)
        let error = try #require(failure(reading: bytes))
        let rule = try Self.rule(of: name)
        #expect(Self.codes[rule]?.contains(error.code) == true, "\(error.code): \(error)")
        #expect(error.offset != nil, "\(error)")
        var reader = SnapshotReader(bytes)
        do throws(SnapshotFormatError) {
            #expect(try reader.verify().isSound == false)
        } catch {
            #expect(error.offset != nil, "\(error)")
        }
    }
}
