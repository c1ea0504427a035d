import Foundation
import LinuxSystem
import TestFiles
import Testing

@Suite struct AtomicFileTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    // MARK: What succeeds

    @Test func aNewFileHoldsTheChunksAndBelongsToItsOwnerAlone() throws {
        try AtomicFile.replace(folder.file("a"), with: [bytes("one "), [], bytes("two")])
        #expect(try folder.text("a") == "one two")
        #expect(try folder.names == ["a"])
        #expect(try folder.permissions("a") == 0o600)
    }

    @Test func anOldFileIsReplacedWhole() throws {
        _ = try folder.make("a", "something much longer than the new contents")
        try AtomicFile.replace(folder.file("a"), access: .open, with: [bytes("new")])
        #expect(try folder.text("a") == "new")
        #expect(try folder.names == ["a"])
    }

    @Test func aLinkIsFollowedAndKept() throws {
        _ = try folder.make("target", "old")
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("link"), withDestinationPath: "target")
        try AtomicFile.replace(folder.file("link"), with: [bytes("new")])
        #expect(try folder.text("target") == "new")
        let destination = try FileManager.default.destinationOfSymbolicLink(
            atPath: folder.file("link"))
        #expect(destination == "target")
    }

    @Test func aNameForADescriptorIsWrittenThroughAndItsFileKept() throws {
        let path = try folder.make("a", "")
        let handle = try #require(FileHandle(forWritingAtPath: path))
        let before = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber]
        try AtomicFile.replace("/dev/fd/\(handle.fileDescriptor)", with: [bytes("through")])
        let after = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber]
        #expect(try folder.text("a") == "through")
        #expect(before as? Int == after as? Int)
        try handle.close()
    }

    @Test func aPipeIsWrittenDirectly() throws {
        let pipe = Pipe()
        try AtomicFile.replace(
            "/dev/fd/\(pipe.fileHandleForWriting.fileDescriptor)", with: [bytes("piped")])
        try pipe.fileHandleForWriting.close()
        #expect(pipe.fileHandleForReading.readDataToEndOfFile() == Data("piped".utf8))
    }

    @Test func aNullDeviceSurvives() throws {
        try AtomicFile.replace("/dev/null", with: [bytes("gone")])
        let type = try FileManager.default.attributesOfItem(atPath: "/dev/null")[.type]
        #expect(type as? FileAttributeType == .typeCharacterSpecial)
    }

    // MARK: What fails

    private func failure(_ path: String, _ chunks: [[UInt8]] = [[1]]) -> FileError? {
        do throws(FileError) {
            try AtomicFile.replace(path, with: chunks)
            return nil
        } catch {
            return error
        }
    }

    @Test func aMissingDirectoryIsNamed() throws {
        let path = folder.file("missing/a")
        #expect(failure(path) == FileError(.create, path, .noEntry))
        let text = failure(path)?.description
        #expect(
            text == "cannot create a file for \"\(path)\": ENOENT (No such file or directory): "
                + "create its directory first")
    }

    @Test func aDirectoryIsNotReplaced() {
        #expect(failure(folder.path) == FileError(.write, folder.path, .isDirectory))
        #expect(failure(folder.path + "/") == FileError(.write, folder.path + "/", .isDirectory))
    }

    @Test func aFullDeviceSaysSo() {
        #expect(failure("/dev/full") == FileError(.write, "/dev/full", .noSpace))
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/sys/kernel"), "needs sysfs"))
    func aDirectoryThatTakesNoFilesSaysSo() {
        // Not even root can create files in sysfs.
        let error = failure("/sys/kernel/vcpusnap-test")
        #expect(error?.step == .create)
        #expect(error?.errno == .accessDenied || error?.errno.symbol == "EROFS")
    }

    @Test func anEmptyPathIsRefused() {
        #expect(failure("")?.errno == .noEntry)
    }

    @Test func aFailedRenameLeavesNothingBehind() throws {
        let path = folder.file("a")
        // The chunks are made while the file is written: the last one puts a directory in the way.
        let chunks = [false, true].lazy.map { isLast -> [UInt8] in
            if isLast {
                try? FileManager.default.createDirectory(
                    atPath: path, withIntermediateDirectories: false)
            }
            return [1, 2, 3]
        }
        #expect(throws: FileError(.rename, path, .isDirectory)) {
            try AtomicFile.replace(path, with: chunks)
        }
        #expect(try folder.names == ["a"])
    }

    @Test(.enabled(if: SmallFileSystem.isAvailable, "needs root, to mount a tmpfs"))
    func aFullDiskLeavesTheOldFileAndNothingElse() throws {
        let disk = try SmallFileSystem(at: folder)
        let path = try folder.make("a", "old")
        let error = failure(path, Array(repeating: [UInt8](repeating: 7, count: 4096), count: 64))
        #expect(error == FileError(.prepare, path, .noSpace))
        #expect(try folder.text("a") == "old")
        #expect(try folder.names == ["a"])
        disk.remove()
    }
}

/// A tmpfs of 64 KiB over a test's folder.
private struct SmallFileSystem {
    private let path: String

    static let isAvailable: Bool = {
        guard let folder = try? TemporaryFolder(), let disk = try? SmallFileSystem(at: folder)
        else { return false }
        disk.remove()
        return true
    }()

    init(at folder: TemporaryFolder) throws {
        path = folder.path
        try Self.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path])
    }

    func remove() {
        try? Self.run(["umount", path])
    }

    private static func run(_ command: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardError = FileHandle.nullDevice
        try process.start()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Errno.notPermitted }
    }
}
