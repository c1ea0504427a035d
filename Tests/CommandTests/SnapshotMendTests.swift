import Foundation
import TestFiles
import Testing

@Suite("Commands: mend of snapshots in qcow2 images")
struct SnapshotMendTests {
    private let folder: TemporaryFolder
    private let options = ["--host", "6.1-neoverse-n1", "--policy", "force"]

    init() throws {
        folder = try TemporaryFolder()
    }

    private func image(clusterBits: UInt32 = 12, hasCounts: Bool = true) throws -> Data {
        let state = [UInt8](try Stream.data(Stream.n1))
        let writer = QCOW2Writer(
            clusterBits: clusterBits,
            snapshots: [.init(state: state), .init(id: "2", name: "two", state: state)],
            hasCounts: hasCounts)
        return Data(writer.image())
    }

    /// Whether the snapshot of that image is the state in another file.
    private func isSame(_ image: String, _ snapshot: String, as other: String) throws -> Bool {
        let run = try Program.run("diff", image, other, "--snapshot", snapshot)
        #expect(run.status != 2, "\(run.errors)")
        return run.status == 0
    }

    @Test(
        "The snapshot that is named is mended in a copy, and the other stays",
        arguments: [9, 12, 16] as [UInt32])
    func copy(clusterBits: UInt32) throws {
        let path = try folder.make("disk.qcow2", try image(clusterBits: clusterBits))
        let arguments = ["mend", path, "--snapshot", "one"] + options
        let run = try Program.run(arguments + ["-o", folder / "new.qcow2"])
        #expect(run.status == 0, "\(run.errors)")
        let plain = try Program.run(["mend", Stream.n1] + options + ["-o", folder / "new.mig"])
        #expect(plain.status == 0)
        #expect(try isSame(folder / "new.qcow2", "one", as: folder / "new.mig"))
        #expect(try isSame(folder / "new.qcow2", "two", as: Stream.n1))
        #expect(try !isSame(path, "one", as: folder / "new.mig"))
        let inPlace = try Program.run(arguments + ["--in-place"])
        #expect(inPlace.status == 0, "\(inPlace.errors)")
        #expect(try folder.data("disk.qcow2") == folder.data("new.qcow2"))
        #expect(try Program.run("unmend", path).status == 0)
        #expect(try folder.data("disk.qcow2") == image(clusterBits: clusterBits))
    }

    @Test("Nothing is written where it is not known that a cluster belongs to nothing else")
    func noCounts() throws {
        let path = try folder.make("disk.qcow2", try image(hasCounts: false))
        let run = try Program.run(["mend", path] + options + ["-o", folder / "new.qcow2"])
        expectTrouble(run, "belongs to another")
        #expect(try !folder.names.contains("new.qcow2"))
        var dirty = try image()
        dirty[79] = 1
        let dirtyPath = try folder.make("dirty.qcow2", dirty)
        expectTrouble(
            try Program.run(["mend", dirtyPath] + options + ["-o", folder / "new.qcow2"]),
            "reference counts")
    }

    @Test("Two snapshots of one image are compared, and one is restored")
    func chosen() throws {
        let path = try folder.make("disk.qcow2", try image())
        let same = try Program.run("diff", path, path, "--snapshot", "one", "--snapshot", "two")
        #expect(same.status == 0, "\(same.errors)")
        let none = try Program.run("diff", path, path, "--snapshot", "three")
        expectTrouble(none, "three")
        let matrix = try Program.run(
            "matrix", path, "--host", "6.12-neoverse-n1", "--snapshot", "two")
        #expect(matrix.errors.isEmpty, "\(matrix.errors)")
        let useless = try Program.run("diff", Stream.n1, Stream.n1, "--snapshot", "one")
        expectTrouble(useless, "qcow2")
    }
}
