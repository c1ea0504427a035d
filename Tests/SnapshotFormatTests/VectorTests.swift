import TestFiles
import Testing
import VCPUModel

@testable import SnapshotFormat

/// `Formats/vectors/vcpusnap-v1`: files made from the page alone, by another program.
@Suite("The format's own test vectors")
struct VectorTests {
    private static let vectors = FormatVectors("vcpusnap-v1", suffix: ".vcpusnap")

    @Test("There are vectors of both kinds")
    func present() {
        #expect(Self.vectors.good.count > 40 && Self.vectors.bad.count > 100)
    }

    @Test("A good one is sound and holds what its text says", arguments: vectors.good)
    func good(name: String) throws {
        let bytes = try Self.vectors.good(name)
        let text = String(
            decoding: try Self.vectors.beside(name, suffix: ".txt"), as: UTF8.self)
        let snapshot = try SnapshotReader.decode(bytes)
        #expect(snapshot == (try SnapshotText.parse(text)))
        var reader = SnapshotReader(bytes)
        let report = try reader.verify()
        #expect(report.isSound, "\(report.problems)")
        #expect(try SnapshotReader.decode(SnapshotWriter.encode(snapshot)) == snapshot)
    }

    @Test(
        "A bad one is refused with a place, by decoding and by verifying", arguments: vectors.bad)
    func bad(name: String) throws {
        let bytes = try Self.vectors.bad(name)
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
