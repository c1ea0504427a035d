import Foundation
import LinuxSystem
import SeededRandom
import TestFiles
import Testing

@testable import QEMUStream

@Suite("Internal snapshots of qcow2 images")
struct QCOW2Tests {
    private let folder: TemporaryFolder
    private let state: [UInt8]

    init() throws {
        folder = try TemporaryFolder()
        let zeros = [UInt8](repeating: 0, count: 300_000)
        state = Images.stream(10_000) + zeros + Images.stream(200_001, seed: 2)
    }

    private func open(
        _ writer: QCOW2Writer, _ snapshot: String? = nil
    ) throws -> SavedImage {
        try SavedImage.open(try folder.file(writer.image()), snapshot: snapshot)
    }

    private func fails(
        _ code: SavedImageError.Code, _ writer: QCOW2Writer, _ snapshot: String? = nil,
        saying words: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let error = try failure(code, sourceLocation: sourceLocation) {
            _ = try open(writer, snapshot)
        }
        #expect(error.description.contains(words), "\(error)", sourceLocation: sourceLocation)
    }

    @Test("The state, byte by byte", arguments: [9, 12, 16, 21] as [UInt32])
    func state(clusterBits: UInt32) throws {
        for version in [2, 3] as [UInt32] {
            var writer = QCOW2Writer(snapshots: [.init(state: state)])
            (writer.version, writer.clusterBits) = (version, clusterBits)
            let image = try open(writer)
            #expect(image.streamOffset == 0)
            #expect(image.snapshot?.name == "one" && image.snapshots.count == 1)
            #expect(image.stream.size == state.count)
            #expect(try image.stream.all() == state)
            var generator = SeededGenerator(seed: UInt64(clusterBits))
            for _ in 0..<50 {
                let start = Int.random(in: 0...state.count, using: &generator)
                let end = Int.random(in: start...min(state.count, start + 9000), using: &generator)
                let bytes = try image.stream.read(at: Int64(start), count: end - start)
                #expect(bytes == Array(state[start..<end]))
            }
            #expect(throws: FileError.self) { try image.stream.read(at: 1, count: state.count) }
        }
    }

    @Test("Sizes with and without extra data, and a disk that was resized since")
    func sizes() throws {
        for extra in [0, 8, 16, 24] {
            var writer = QCOW2Writer(snapshots: [.init(state: state, extra: extra)])
            #expect(try open(writer).stream.all() == state)
            guard extra >= 16 else { continue }
            writer.diskSize = 300_000_000
            #expect(try open(writer).stream.all() == state)
        }
    }

    @Test("The newest snapshot, or the one of that id or name")
    func choice() throws {
        func named(_ id: String, _ name: String, _ seconds: UInt32) -> QCOW2Writer.Snapshot {
            let state = Images.stream(9000, seed: UInt64(seconds))
            return QCOW2Writer.Snapshot(id: id, name: name, seconds: seconds, state: state)
        }
        var disk = named("4", "disk", 9)
        disk.state = []
        let writer = QCOW2Writer(
            snapshots: [named("1", "2", 5), named("2", "two", 7), named("3", "late", 6), disk])
        for (wanted, id) in [nil: "2", "1": "1", "2": "2", "two": "2", "late": "3"] {
            let image = try open(writer, wanted)
            #expect(image.snapshot?.id == id)
            #expect(image.snapshots.map(\.id) == ["1", "2", "3", "4"])
            let seconds = try #require(image.snapshot?.seconds)
            #expect(try image.stream.all() == Images.stream(9000, seed: UInt64(seconds)))
        }
        try fails(.noSuchSnapshot, writer, "none", saying: "1 \"2\", 2 \"two\", 3 \"late\", 4")
        try fails(.noSuchSnapshot, writer, "disk", saying: "\"disk\" (the disk alone)")
        try fails(.noSuchSnapshot, QCOW2Writer(snapshots: []), saying: "savevm")
        try fails(.noSuchSnapshot, QCOW2Writer(snapshots: [disk]), saying: "(the disk alone)")
    }

    @Test("What is not read says so")
    func unsupported() throws {
        var writer = QCOW2Writer(snapshots: [.init(state: state)])
        writer.encryption = 2
        try fails(.unsupported, writer, saying: "at byte 32: it is encrypted")
        writer.encryption = 0
        for (bit, words) in [(2, "external file"), (4, "extended_l2"), (9, "0x200")] {
            writer.features = 1 << UInt64(bit)
            try fails(.unsupported, writer, saying: words)
        }
        writer.features = 0b1011
        #expect(try open(writer).stream.all() == state)
        writer.version = 4
        try fails(.unsupported, writer, saying: "version 4")
        writer = QCOW2Writer(snapshots: [.init(state: state, entryBits: 1 << 62)])
        try fails(.unsupported, writer, saying: "compressed")
        let bytes = QCOW2Writer(snapshots: [.init(state: state)]).image()
        let pipe = try folder.pipe(bytes)
        let error = try failure(.unsupported) { _ = try SavedImage.open(pipe) }
        #expect(error.message.contains("name the image's file"))
    }

    @Test("Clusters that read as zeros")
    func zeroClusters() throws {
        var writer = QCOW2Writer(snapshots: [.init(state: state, entryBits: 1)])
        try fails(.malformed, writer, saying: "\"QEVM\"")
        writer.version = 2
        #expect(try open(writer).stream.all() == state)
    }

    @Test(
        "One cluster for many parts of a state",
        arguments: [(9, 400), (12, 100), (16, 30)] as [(UInt32, Int)])
    func sharedClusters(clusterBits: UInt32, count: Int) throws {
        let unit = Images.stream(1 << Int(clusterBits))
        let repeated = (0..<count).flatMap { _ in unit }
        for whole in [repeated, unit + state + repeated] {
            var snapshot = QCOW2Writer.Snapshot(state: whole, sharesClusters: true)
            try fails(
                .malformed, QCOW2Writer(clusterBits: clusterBits, snapshots: [snapshot]),
                saying: "one cluster for several parts of the state")
            // As QEMU writes it.
            snapshot.sharesClusters = false
            let writer = QCOW2Writer(clusterBits: clusterBits, snapshots: [snapshot])
            #expect(try open(writer).stream.all() == whole)
        }
    }

    @Test("Numbers that cannot be")
    func malformed() throws {
        var writer = QCOW2Writer(snapshots: [.init(state: state)])
        writer.snapshotCount = 65537
        try fails(.limitExceeded, writer, saying: "at byte 60: it has 65537 snapshots")
        writer.snapshotCount = 60000
        try fails(.malformed, writer, saying: "not end inside")
        for size in [.max, 1 << 62, 1 << 40] as [UInt64] {
            writer = QCOW2Writer(snapshots: [.init(state: state, stateSize: size)])
            try fails(.malformed, writer, saying: "do not reach")
        }
        writer = QCOW2Writer(snapshots: [.init(state: state, tableEntries: .max)])
        try fails(.limitExceeded, writer, saying: "first level table")
        writer = QCOW2Writer(snapshots: [.init(state: state, tableEntries: 1)])
        try fails(.malformed, writer, saying: "do not reach")
        writer = QCOW2Writer(snapshots: [.init(state: state, entryBits: 1 << 10)])
        try fails(.malformed, writer, saying: "no cluster begins")
        writer = QCOW2Writer(snapshots: [.init(state: state, entryBits: 1 << 50)])
        try fails(.malformed, writer, saying: "not inside the file")
        let image = QCOW2Writer(snapshots: [.init(state: state)]).image()
        for (count, code, words) in [
            (6, .unsupported, "at byte 4: its qcow2 header has version 0"),
            (80, .malformed, "at byte 80: it ends inside the header"),
            (8000, .malformed, "not end inside"),
        ] as [(Int, SavedImageError.Code, String)] {
            let path = try folder.file(Array(image.prefix(count)))
            let error = try failure(code) { _ = try SavedImage.open(path) }
            #expect(error.description.contains(words), "\(error)")
        }
    }

    @Test("Random damage of all numbers never crashes or hangs")
    func damage() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("QCOW2Tests.damage: seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let small = Images.stream(3000)
        var writer = QCOW2Writer(snapshots: [.init(state: small), .init(id: "2", state: small)])
        (writer.clusterBits, writer.diskSize, writer.oldDiskSize) = (9, 100_000, 100_000)
        let bytes = writer.image()
        for round in 0..<800 {
            let range = round % 2 == 0 ? 0..<104 : bytes.indices
            let path = try folder.file(Images.damage(bytes, in: range, using: &generator))
            guard let image = try? SavedImage.open(path) else { continue }
            let count = Int(min(image.stream.size, 1 << 20))
            _ = try? image.stream.read(at: 0, count: count)
            _ = try? image.stream.read(at: image.stream.size - Int64(count), count: count)
        }
    }
}

@Suite(
    "A running QEMU", .enabled(if: Programs.has("qemu-img", "qemu-system-aarch64"), "needs QEMU"))
struct RealQEMUTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("savevm: the state is a whole stream, before and after the disk is resized")
    func savevm() throws {
        let path = folder.path + "/disk.qcow2"
        try Programs.run("qemu-img", ["create", "-q", "-f", "qcow2", path, "64M"])
        let disk = "if=virtio,format=qcow2,file=\(path)"
        try Programs.run(
            "qemu-system-aarch64",
            [
                "-machine", "virt", "-m", "16", "-display", "none", "-serial", "none", "-S",
                "-monitor", "stdio", "-nic", "none", "-drive", disk,
            ],
            input: Array("savevm first\nsavevm second\nquit\n".utf8))
        let stream = try SavedImage.open(path, snapshot: "first").stream.all()
        try expectWholeStream(stream)
        let newest = try SavedImage.open(path)
        #expect(newest.snapshot?.name == "second")
        #expect(newest.snapshots.map(\.name) == ["first", "second"])
        try expectWholeStream(try newest.stream.all())
        try Programs.run("qemu-img", ["resize", "-q", path, "2G"])
        #expect(try SavedImage.open(path, snapshot: "1").stream.all() == stream)
    }

    /// QEMU ends its streams with a description in JSON, and its size before that: a byte too many or
    /// too few, or a cluster in the wrong place, would show.
    private func expectWholeStream(_ bytes: [UInt8]) throws {
        let start = try #require(bytes.lastIndex(of: 0)) + 1
        let json = try #require(bytes[start...].firstIndex(of: UInt8(ascii: "{")))
        #expect(Array(bytes[json - 6..<json]) == [0, 6] + Images.big(UInt32(bytes.count - json)))
        let value = try JSONSerialization.jsonObject(with: Data(bytes[json...]))
        #expect((value as? [String: Any])?["devices"] != nil)
    }
}
