import Foundation
import Testing
import VCPUModel

@testable import SnapshotFormat

/// `Formats/vectors/vcpusnap-v1`: files made from the page alone, by another program.
@Suite("The format's own test vectors")
struct VectorTests {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Formats/vectors/vcpusnap-v1")

    static func names(_ kind: String) -> [String] {
        let files = try? FileManager.default.contentsOfDirectory(
            atPath: folder.appendingPathComponent(kind).path)
        return (files ?? []).filter { $0.hasSuffix(".vcpusnap") }.sorted()
    }

    private static func bytes(_ kind: String, _ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appendingPathComponent("\(kind)/\(name)")))
    }

    @Test("There are vectors of both kinds")
    func present() {
        #expect(Self.names("good").count > 40 && Self.names("bad").count > 100)
    }

    @Test("A good one is sound and holds what its text says", arguments: names("good"))
    func good(name: String) throws {
        let bytes = try Self.bytes("good", name)
        let text = try String(
            contentsOf: Self.folder.appendingPathComponent("good/\(name.dropLast(9)).txt"),
            encoding: .utf8)
        let snapshot = try SnapshotReader.decode(bytes)
        #expect(snapshot == (try SnapshotText.parse(text)))
        var reader = SnapshotReader(bytes)
        let report = try reader.verify()
        #expect(report.isSound, "\(report.problems)")
        #expect(try SnapshotReader.decode(SnapshotWriter.encode(snapshot)) == snapshot)
    }

    @Test(
        "A bad one is refused with a place, by decoding and by verifying", arguments: names("bad"))
    func bad(name: String) throws {
        let bytes = try Self.bytes("bad", name)
        let error = try #require(failure(reading: bytes))
        #expect(error.offset != nil, "\(error)")
        var reader = SnapshotReader(bytes)
        do throws(SnapshotFormatError) {
            #expect(try reader.verify().isSound == false)
        } catch {
            #expect(error.offset != nil, "\(error)")
        }
    }
}
