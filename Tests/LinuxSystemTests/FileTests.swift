import Foundation
import LinuxSystem
import TestFiles
import Testing

@Suite struct FileTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test(arguments: [0, 1, 4096, 1 << 18, (1 << 18) + 1])
    func aFileOfExactlyTheLimitIsRead(size: Int) throws {
        let path = try folder.make("a", String(repeating: "x", count: size))
        #expect(try File.read(path, limit: size).count == size)
        #expect(try File.read(path, limit: Int.max).count == size)
    }

    @Test(arguments: [1, 4096, 1 << 18])
    func oneByteMoreIsTooLarge(size: Int) throws {
        let path = try folder.make("a", String(repeating: "x", count: size))
        #expect(throws: FileError(.read, path, .fileTooLarge)) {
            try File.read(path, limit: size - 1)
        }
    }

    @Test func anEndlessDeviceStopsAtTheLimit() {
        #expect(throws: FileError(.read, "/dev/zero", .fileTooLarge)) {
            try File.read("/dev/zero", limit: 1 << 20)
        }
    }

    @Test func aMissingFileIsNamed() {
        let path = folder.file("missing")
        #expect(throws: FileError(.open, path, .noEntry)) { try File.read(path, limit: 1) }
    }

    @Test func aDirectoryCannotBeRead() {
        #expect(throws: FileError(.read, folder.path, .isDirectory)) {
            try File.read(folder.path, limit: 1)
        }
    }

    @Test func closingReportsOnceAndForAll() throws {
        let file = try FileDescriptor(opening: "/dev/null", for: .writing)
        try file.writeAll([1, 2, 3])
        try file.close()
    }

    @Test func aMessageSaysWhatToDo() {
        let error = FileError(.open, "vm.snap", .accessDenied)
        #expect(
            error.description == "cannot open \"vm.snap\": EACCES (Permission denied): "
                + "ask for read permission, or run as its owner")
    }
}
