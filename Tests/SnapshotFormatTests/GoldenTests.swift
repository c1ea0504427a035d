import Foundation
import Testing
import VCPUModel

@testable import SnapshotFormat

@Suite("Files of every version ever written stay readable")
struct GoldenTests {
    @Test("A golden file decodes to its text", arguments: Golden.names)
    func decodes(name: String) throws {
        #expect(try SnapshotReader.decode(Golden.bytes(name)) == Golden.text(name))
    }

    @Test("The text survives the current writer", arguments: Golden.names)
    func survivesWriting(name: String) throws {
        let snapshot = try Golden.text(name)
        #expect(try SnapshotReader.decode(SnapshotWriter.encode(snapshot)) == snapshot)
    }

    @Test("A later minor version is read: longer header, unknown chunk, unknown feature")
    func laterMinorVersion() throws {
        var reader = SnapshotReader(try Golden.bytes("future-minor-version"))
        let report = try reader.verify()
        #expect(report.isSound, "\(report.problems)")
        #expect(report.header.minorVersion == 7 && report.header.headerSize == 64)
        #expect(report.header.compatibleFeatures == 1 << 31)
        #expect(report.chunks.map(\.kind.description) == ["VCPU", "NOTE", "NOTE", "END"])
    }

    @Test(
        "Recording a golden file that is not there",
        .enabled(if: ProcessInfo.processInfo.environment["VCPUSNAP_RECORD_GOLDEN"] != nil))
    func record() throws {
        for name in Golden.names where name != "future-minor-version" {
            try Golden.record(name, SnapshotWriter.encode(Golden.text(name)))
        }
        var future = try CraftedFile(Golden.text("future-minor-version"))
        future.headerExtension = [1, 2, 3, 4, 5, 6, 7, 8]
        future.header = {
            $0.minorVersion = 7
            $0.compatibleFeatures = 1 << 31
        }
        let note = ChunkKind(rawValue: 0x4554_4f4e)
        future.chunks += [
            .init(kind: note, version: 3, flags: 1, content: Array("of the future".utf8)),
            .init(kind: note, version: 3, flags: 1),
        ]
        try Golden.record("future-minor-version", future.bytes)
    }
}
