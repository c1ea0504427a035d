import Foundation
import LinuxSystem
import TestFiles
import Testing

@Suite("Files that one process changes at a time")
struct LockedFileTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("A link leads to the same file, locked under its own name")
    func links() throws {
        let path = try folder.make("a", "text")
        try FileManager.default.createSymbolicLink(
            atPath: folder / "link", withDestinationPath: "a")
        let real = try LockedFile(path, for: .reading).path
        let locked = try LockedFile(folder / "link", for: .reading)
        #expect(locked.path == real)
        #expect(locked.name == folder / "link")
        #expect(!locked.hasOtherNames)
        try FileManager.default.linkItem(atPath: path, toPath: folder / "b")
        #expect(locked.hasOtherNames)
    }

    @Test("Who waited for a file that was replaced gets the new one")
    func replaced() async throws {
        let path = try folder.make("a", "old")
        var first: LockedFile? = try LockedFile(path, for: .reading)
        let waiting = AsyncStream<Void>.makeStream()
        let second = Task.detached {
            let file = try LockedFile(path, for: .reading) { notice in
                if notice == .waiting { waiting.continuation.yield() }
            }
            return try file.read(upTo: 10)
        }
        for await _ in waiting.stream { break }
        try AtomicFile.replace(path, with: [Array("new".utf8)])
        #expect(first?.isInPlace == false)
        first = nil
        #expect(try await second.value == Array("new".utf8))
    }

    @Test("What is no regular file is refused and not waited for")
    func others() throws {
        let fifo = folder / "fifo"
        try #require(mkfifo(fifo, 0o600) == 0)
        #expect(throws: FileError(.open, fifo, .illegalSeek)) {
            try LockedFile(fifo, for: .reading)
        }
        #expect(throws: FileError(.open, fifo, .illegalSeek)) {
            try File.readRegular(fifo, limit: 10)
        }
        #expect(throws: FileError(.open, folder.path, .isDirectory)) {
            try File.readRegular(folder.path, limit: 10)
        }
        #expect(throws: FileError(.open, "/dev/null", .illegalSeek)) {
            try LockedFile("/dev/null", for: .readingAndWriting)
        }
        #expect(throws: FileError(.open, folder / "none", .noEntry)) {
            try LockedFile(folder / "none", for: .reading)
        }
        let path = try folder.make("a", "text")
        try FileManager.default.createSymbolicLink(
            atPath: folder / "link", withDestinationPath: path)
        #expect(throws: FileError(.open, folder / "link", .tooManyLinks)) {
            try File.readRegular(folder / "link", limit: 10)
        }
    }
}

@Suite("What becomes of permissions, links and leftovers when a file is replaced")
struct ReplacedFileTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func set(_ permissions: Int, _ name: String) throws {
        try FileManager.default.setAttributes(
            [.posixPermissions: permissions], ofItemAtPath: folder / name)
    }

    @Test(
        "A file that is changed keeps its permissions; a new one is its owner's",
        arguments: [0o600, 0o640, 0o644, 0o400, 0o660])
    func permissions(mode: Int) throws {
        try folder.make("a", "old")
        try set(mode, "a")
        for access in [AtomicFile.Access.kept, .open] {
            try AtomicFile.replace(folder / "a", access: access, with: [[1]])
            #expect(try folder.permissions("a") == mode)
        }
        try AtomicFile.replace(folder / "a", with: [[1]])
        #expect(try folder.permissions("a") == 0o600)
        try AtomicFile.replace(folder / "b", access: .kept, with: [[1]])
        #expect(try folder.permissions("b") == 0o600)
    }

    @Test(.enabled(if: getuid() == 0, "needs root, to give files away"))
    func ownerAndGroupAreKept() throws {
        try folder.make("a", "old")
        try #require(chown(folder / "a", 65_534, 65_533) == 0)
        try set(0o640, "a")
        try AtomicFile.replace(folder / "a", access: .kept, with: [[1]])
        let attributes = try FileManager.default.attributesOfItem(atPath: folder / "a")
        #expect(attributes[.ownerAccountID] as? Int == 65_534)
        #expect(attributes[.groupOwnerAccountID] as? Int == 65_533)
        #expect(try folder.permissions("a") == 0o640)
    }

    @Test func aLinkToNothingIsFollowed() throws {
        for (name, target) in [("one", "made"), ("two", folder / "made"), ("three", "one")] {
            try FileManager.default.createSymbolicLink(
                atPath: folder / name, withDestinationPath: target)
            try AtomicFile.replace(folder / name, with: [Array(name.utf8)])
            #expect(try folder.text("made") == name)
            #expect(
                try FileManager.default.destinationOfSymbolicLink(atPath: folder / name) == target)
            try FileManager.default.removeItem(atPath: folder / "made")
        }
        try FileManager.default.createSymbolicLink(
            atPath: folder / "circle", withDestinationPath: "circle")
        #expect(throws: FileError.self) { try AtomicFile.replace(folder / "circle", with: [[1]]) }
    }

    @Test func leftoversOfTheDeadGoAndOthersStay() throws {
        // Of a program that was killed; of one that writes; and what only looks like one.
        try folder.make(".vcpusnap-0123456789abcdef", "dead")
        try folder.make(".vcpusnap-fedcba9876543210", "alive")
        try folder.make(".vcpusnap-notes", "mine")
        try folder.make(".vcpusnap-0123456789abcdeg", "mine")
        try FileManager.default.createSymbolicLink(
            atPath: folder / ".vcpusnap-aaaaaaaaaaaaaaaa", withDestinationPath: ".vcpusnap-notes")
        let writer = try LockedFile(folder / ".vcpusnap-fedcba9876543210", for: .reading)
        try AtomicFile.replace(folder / "a", with: [[1]])
        #expect(
            try folder.names == [
                ".vcpusnap-0123456789abcdeg", ".vcpusnap-aaaaaaaaaaaaaaaa",
                ".vcpusnap-fedcba9876543210", ".vcpusnap-notes", "a",
            ])
        #expect(writer.isInPlace)
    }

    @Test func whatCannotBeWrittenIsKnownBefore() throws {
        try AtomicFile.check(folder / "a")
        #expect(try folder.names.isEmpty)
        #expect(throws: FileError(.create, folder / "none/a", .noEntry)) {
            try AtomicFile.check(folder / "none/a")
        }
        #expect(throws: FileError(.write, folder.path, .isDirectory)) {
            try AtomicFile.check(folder.path)
        }
    }

    @Test(
        "An error says what has become of the file",
        arguments: [
            (.prepare, .noSpace, "nothing was replaced"), (.prepare, .io, "nothing was replaced"),
            (.settle, .io, "the new file is in place"), (.change, .noSpace, "changed in part"),
            (.open, .notPermitted, "ask for read permission"),
            (.prepare, .fileTooLarge, "ulimit -f"),
        ] as [(FileError.Step, Errno, String)])
    func messages(step: FileError.Step, errno: Errno, words: String) {
        let text = FileError(step, "a", errno).description
        #expect(text.contains(words), "\(text)")
        #expect(!FileError(.write, "/dev/full", errno).description.contains("replaced"))
    }
}
