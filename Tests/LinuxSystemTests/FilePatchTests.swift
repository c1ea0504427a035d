import Foundation
import LinuxSystem
import SeededRandom
import TestFiles
import Testing

@Suite("Patches of files")
struct FilePatchTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// The patch, applied in memory.
    private func applied(_ patch: FilePatch, to bytes: [UInt8]) -> [UInt8] {
        var result = bytes
        for replacement in patch.replacements.reversed() {
            let range =
                Int(replacement.range.lowerBound)..<Int(replacement.range.upperBound)
            result.replaceSubrange(range, with: replacement.bytes)
        }
        return result
    }

    private func randomPatch(
        of size: Int, from start: Int = 0, using generator: inout SeededGenerator
    ) -> FilePatch {
        var replacements: [FilePatch.Replacement] = []
        var position = start
        while Int.random(in: 0...3, using: &generator) > 0 {
            let lower = Int.random(in: position...size, using: &generator)
            let upper = Int.random(in: lower...min(size, lower + 50), using: &generator)
            let bytes = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            replacements.append(FilePatch.Replacement(Int64(lower)..<Int64(upper), bytes))
            // Two insertions at one place have no order.
            position = upper + 1
            if position > size { break }
        }
        return FilePatch(replacements.shuffled(using: &generator))
    }

    private func send(_ patch: FilePatch, of base: any SeekableBytes) throws -> [UInt8] {
        let pipe = Pipe()
        let reader = pipe.fileHandleForReading
        nonisolated(unsafe) var received: Result<Data?, any Error>?
        let isRead = DispatchSemaphore(value: 0)
        // A thread of its own: those that tests share can all be waiting for one another.
        Thread.detachNewThread {
            received = Result { try reader.readToEnd() }
            isRead.signal()
        }
        do {
            let file = try FileDescriptor(
                opening: "/dev/fd/\(pipe.fileHandleForWriting.fileDescriptor)", for: .writing)
            try pipe.fileHandleForWriting.close()
            try file.write(patch.pieces(size: base.size), of: base)
            try file.close()
        }
        isRead.wait()
        return Array(try received?.get() ?? Data())
    }

    // MARK: Pieces

    @Test("Pieces are what is kept and what is new, in order")
    func pieces() {
        let patch = FilePatch([
            .init(20..<30, [1, 2]), .init(0..<0, [9]), .init(30..<40, []),
        ])
        #expect(patch.replacements.map(\.range) == [0..<0, 20..<30, 30..<40])
        #expect(
            patch.pieces(size: 50)
                == [.new([9]), .kept(0..<20), .new([1, 2]), .new([]), .kept(40..<50)])
        #expect(
            FilePatch([.init(20..<30, [1])]).pieces(from: 15, size: 30)
                == [.kept(15..<20), .new([1])])
        #expect(patch.growth == 1 - 8 - 10)
        #expect(FilePatch([]).isEmpty && FilePatch([]).growth == 0)
        #expect(FilePatch([]).pieces(size: 3) == [.kept(0..<3)])
        #expect(FilePatch([]).pieces(size: 0).isEmpty)
    }

    @Test("A moved patch is the same one further on")
    func moved() {
        let patch = FilePatch([.init(2..<3, [1]), .init(7..<7, [2, 3])])
        let moved = patch.moved(by: 100)
        #expect(moved.replacements.map(\.range) == [102..<103, 107..<107])
        #expect(moved.replacements.map(\.bytes) == [[1], [2, 3]])
        #expect(moved.growth == patch.growth)
        #expect(moved.moved(by: -100) == patch)
    }

    // MARK: Writing

    @Test("A patched file, a pipe of it and a change in place are the same bytes")
    func randomPatches() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        for round in 0..<60 {
            let bytes = pattern(Int.random(in: 0...400, using: &generator), salt: UInt8(round))
            let patch = randomPatch(of: bytes.count, using: &generator)
            let expected = applied(patch, to: bytes)
            let comment: Comment = "seed \(seed), round \(round): \(patch.replacements)"
            let base = try SeekableFile(opening: try folder.make("base", bytes))
            try patch.write(of: base, to: folder.file("copy"))
            #expect(try folder.bytes("copy") == expected, comment)
            #expect(Int64(expected.count) == base.size + patch.growth, comment)
            #expect(try send(patch, of: base) == expected, comment)
            #expect(
                try send(patch, of: SeekableSlice(of: base, from: 0)) == expected, comment)
            #expect(try folder.bytes("base") == bytes, comment)
            let first = patch.replacements.first?.range.lowerBound ?? 0
            try LockedFile(folder.file("base"), for: .readingAndWriting).replaceEnd(
                from: first, with: patch.end(from: first, of: Array(bytes[Int(first)...])))
            #expect(try folder.bytes("base") == expected, comment)
        }
    }

    @Test("A patched file is its owner's alone, and the base keeps its permissions")
    func permissions() throws {
        let path = try folder.make("base", pattern(10))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        let patch = FilePatch([.init(3..<4, [7, 7])])
        try patch.write(of: try SeekableFile(opening: path), to: folder.file("copy"))
        #expect(try folder.permissions("copy") == 0o600)
        try LockedFile(path, for: .readingAndWriting).replaceEnd(from: 3, with: [7])
        #expect(try folder.permissions("base") == 0o644)
    }

    @Test("A file can be written over itself")
    func overItself() throws {
        let bytes = pattern(5000)
        let path = try folder.make("base", bytes)
        let patch = FilePatch([.init(0..<1000, []), .init(3000..<3001, pattern(2000, salt: 9))])
        try patch.write(of: try SeekableFile(opening: path), to: path)
        #expect(try folder.bytes("base") == applied(patch, to: bytes))
        #expect(try folder.names == ["base"])
    }

    @Test("Large files go through a pipe in many parts")
    func largePipe() throws {
        let bytes = pattern(3_000_000)
        let base = try SeekableFile(opening: try folder.make("base", bytes))
        let patch = FilePatch([.init(1_500_000..<1_500_001, pattern(700_000, salt: 3))])
        let expected = applied(patch, to: bytes)
        #expect(try send(patch, of: base) == expected)
        #expect(try send(patch, of: SeekableSlice(of: base, from: 0)) == expected)
    }

    // MARK: Holes

    @Test("Holes stay holes, moved or not, and so does one at the end")
    func holes() throws {
        let megabyte = 1 << 20
        let path = try folder.makeSparse(
            "base", size: 64 * megabyte,
            [(0, pattern(4096)), (20 * megabyte, pattern(8192, salt: 1))])
        let own = try #require(folder.allocated("base"))
        try #require(own < megabyte, "this file system has no holes to keep")
        for (name, patch) in [
            ("same", FilePatch([.init(10..<20, pattern(10, salt: 2))])),
            ("moved", FilePatch([.init(4096..<4096, pattern(4096, salt: 3))])),
            ("cut", FilePatch([.init(0..<Int64(16 * megabyte), [])])),
        ] {
            try patch.write(of: try SeekableFile(opening: path), to: folder.file(name))
            #expect(
                try folder.bytes(name) == applied(patch, to: try folder.bytes("base")), "\(name)")
            #expect(try #require(folder.allocated(name)) < megabyte, "\(name)")
        }
    }

    @Test("A file that is one hole keeps it")
    func onlyAHole() throws {
        let path = try folder.makeSparse("base", size: 8 << 20, [])
        let patch = FilePatch([.init(0..<0, [1])])
        try patch.write(of: try SeekableFile(opening: path), to: folder.file("copy"))
        #expect(try folder.bytes("copy") == [1] + [UInt8](repeating: 0, count: 8 << 20))
        #expect(try #require(folder.allocated("copy")) < 1 << 20)
    }

    // MARK: In place

    @Test("A change in place touches nothing before its start")
    func inPlaceKeepsTheRest() throws {
        let megabyte = 1 << 20
        let path = try folder.makeSparse(
            "base", size: 32 * megabyte, [(32 * megabyte - 100, pattern(100))])
        let start = 32 * megabyte - 50
        let expected = Array(try folder.bytes("base")[..<start]) + [5, 6, 7]
        try LockedFile(path, for: .readingAndWriting).replaceEnd(
            from: Int64(start), with: [5, 6, 7])
        #expect(try folder.bytes("base") == expected)
        #expect(try #require(folder.allocated("base")) < megabyte)
    }

    @Test("A patch of nothing does nothing")
    func emptyPatch() throws {
        let bytes = pattern(100)
        let path = try folder.make("base", bytes)
        try FilePatch([]).write(of: try SeekableFile(opening: path), to: folder.file("copy"))
        #expect(try folder.bytes("copy") == bytes)
        #expect(FilePatch([]).end(from: 90, of: Array(bytes[90...])) == Array(bytes[90...]))
    }

    // MARK: Failures

    @Test("A write that fails in the middle leaves the old file and nothing else")
    func failureInTheMiddle() throws {
        let path = try folder.make("old", pattern(10))
        #expect(throws: FileError(.prepare, path, .canceled)) {
            try AtomicFile.replace(path) { file throws(Errno) in
                try file.writeAll(pattern(100_000))
                throw .canceled
            }
        }
        #expect(try folder.bytes("old") == pattern(10))
        #expect(try folder.names == ["old"])
    }

    @Test("A target that cannot be written is named, and the base is as it was")
    func badTargets() throws {
        let bytes = pattern(100)
        let base = try SeekableFile(opening: try folder.make("base", bytes))
        let patch = FilePatch([.init(3..<4, [7, 7])])
        let missing = folder.file("missing/copy")
        #expect(throws: FileError(.create, missing, .noEntry)) {
            try patch.write(of: base, to: missing)
        }
        #expect(throws: FileError(.write, folder.path, .isDirectory)) {
            try patch.write(of: base, to: folder.path)
        }
        #expect(throws: FileError(.write, "/dev/full", .noSpace)) {
            try patch.write(of: base, to: "/dev/full")
        }
        #expect(try folder.bytes("base") == bytes)
        #expect(try folder.names == ["base"])
    }

    @Test("A base that has become shorter is an error, not a file with zeros in place of its end")
    func shrunkBase() throws {
        let base = try SeekableFile(opening: try folder.make("base", pattern(100_000)))
        try folder.truncate("base", to: 50_000)
        _ = try folder.make("copy", pattern(10))
        let patch = FilePatch([.init(3..<4, [7, 7])])
        #expect(throws: FileError.self) {
            try patch.write(of: base, to: folder.file("copy"))
        }
        #expect(try folder.bytes("copy") == pattern(10))
    }

    // MARK: The largest files

    /// A little less than there are offsets: Linux cannot tell the end of the data in the very last page.
    private static let hugeSize = Int64.max - 1 << 20

    /// A file of that size, nearly all of it a hole; nil where no file system here has those.
    private func hugeFile() throws -> TemporaryFolder? {
        guard let folder = try? TemporaryFolder(in: "/dev/shm/") else { return nil }
        _ = try folder.make("base", Data())
        guard truncate(folder.file("base"), Int(Self.hugeSize)) == 0 else { return nil }
        let file = try FileDescriptor(opening: folder.file("base"), for: .writing)
        try file.write(Array(repeating: 1, count: 5000), at: Self.hugeSize - 5000)
        return folder
    }

    @Test func offsetsBeyondHalfOfTheNumbersAreCopied() throws {
        guard let folder = try hugeFile() else { return }
        let base = try SeekableFile(opening: folder.file("base"))
        let place = Self.hugeSize - 3000
        let patch = FilePatch([.init(place..<place + 10, Array(repeating: 2, count: 10))])
        try patch.write(of: base, to: folder.file("new"))
        let new = try SeekableFile(opening: folder.file("new"))
        #expect(new.size == Self.hugeSize)
        let end = try new.read(at: Self.hugeSize - 5010, count: 5010)
        #expect(end[..<10].allSatisfy { $0 == 0 })
        #expect(end[2010..<2020].allSatisfy { $0 == 2 })
        #expect((end[10..<2010] + end[2020...]).allSatisfy { $0 == 1 })
    }

    @Test func aFileThatGrowsBeyondAllSizesIsRefused() throws {
        guard let folder = try hugeFile() else { return }
        let base = try SeekableFile(opening: folder.file("base"))
        let patch = FilePatch([.init(8..<10, Array(repeating: 1, count: 2 << 20))])
        let name = folder.file("new")
        #expect(throws: FileError(.write, name, .fileTooLarge)) {
            try patch.write(of: base, to: name)
        }
    }
}
