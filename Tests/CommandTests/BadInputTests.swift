import Foundation
import TestFiles
import Testing

private let host = "emulated:6.12-neoverse-n1"

@Suite("Commands: bad input gives a clear error, exit code 2, and leaves nothing behind")
struct BadInputTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func sample() throws -> Data {
        try Program.run("save", host, "-o", "-").output
    }

    @Test(arguments: ["verify", "show"])
    func missingFile(command: String) throws {
        expectTrouble(try Program.run(command, folder / "none"), "none", "ENOENT")
    }

    @Test(arguments: ["verify", "show"])
    func directory(command: String) throws {
        expectTrouble(try Program.run(command, folder.path), "EISDIR")
    }

    @Test(arguments: ["verify", "show"])
    func wrongFile(command: String) throws {
        try folder.make(
            "a", Data("#!/bin/sh\necho this is no snapshot, but long enough to be one\n".utf8))
        expectTrouble(try Program.run(command, folder / "a"), folder / "a")
    }

    @Test func emptyFile() throws {
        try folder.make("a", Data())
        expectTrouble(try Program.run("restore", folder / "a", host), folder / "a")
    }

    @Test func truncatedFile() throws {
        try folder.make("a", try sample().dropLast(10))
        expectTrouble(try Program.run("restore", folder / "a", host), "byte")
        expectTrouble(try Program.run("diff", folder / "a", host), "byte")
    }

    @Test func damagedFileIsNamedByVerify() throws {
        var data = try sample()
        data[data.count / 2] ^= 1
        try folder.make("a", data)
        let run = try Program.run("verify", folder / "a")
        #expect(run.status == 2)
        #expect(run.text.contains("damaged"))
    }

    @Test func otherVersion() throws {
        var data = try sample()
        data[8] = 9
        try folder.make("a", data)
        expectTrouble(try Program.run("show", folder / "a"), "version is 9")
    }

    @Test func textModeDamage() throws {
        let text = try sample().flatMap { $0 == 0x0a ? [0x0d, 0x0a] : [$0] }
        try folder.make("a", Data(text))
        expectTrouble(try Program.run("show", folder / "a"), "as text")
    }

    @Test func unknownProfile() throws {
        expectTrouble(
            try Program.run("save", "emulated:no-such-host", "-o", folder / "a"), "no-such-host",
            "6.12-neoverse-n1")
        #expect(try folder.names.isEmpty)
    }

    @Test func malformedProfile() throws {
        try folder.make("p.vhost", Data("vhost 7\n".utf8))
        expectTrouble(
            try Program.run("save", "emulated:" + folder / "p.vhost", "-o", folder / "a"),
            "p.vhost:1")
    }

    /// Tests/KVMTests and the tests on real KVM have the machine without /dev/kvm.
    @Test(.enabled(if: !isARM64, "only arm64 has Arm vCPUs"))
    func noArmKVM() throws {
        expectTrouble(try Program.run("save", "kvm:", "-o", folder / "a"), "vcpusnap: ", "KVM")
        expectTrouble(try Program.run("restore", host, "kvm:"), "vcpusnap: ", "KVM")
        expectTrouble(try Program.run("host"), "vcpusnap: ", "KVM")
        #expect(try folder.names.isEmpty)
    }

    private static var isARM64: Bool {
        #if arch(arm64)
            true
        #else
            false
        #endif
    }

    @Test func fullDiskOnADevice() throws {
        expectTrouble(try Program.run("save", host, "-o", "/dev/full"), "ENOSPC")
    }

    @Test func fullDiskUnderResults() throws {
        let run = try Program.run("show", host, standardOutput: "/dev/full")
        #expect(run.status == 2)
        #expect(run.errors.contains("ENOSPC"))
    }

    @Test func missingFolder() throws {
        expectTrouble(try Program.run("save", host, "-o", folder / "none/a"), "ENOENT")
    }

    /// Root may read and write everything, so root runs the program as somebody else.
    @Test func noPermission() throws {
        let readOnly = try TemporaryFolder()
        try readOnly.make("a", try sample())
        let manager = FileManager.default
        try manager.setAttributes([.posixPermissions: 0], ofItemAtPath: readOnly / "a")
        try manager.setAttributes([.posixPermissions: 0o555], ofItemAtPath: readOnly.path)
        let program = try asSomebody()
        expectTrouble(
            try Program.run(["show", readOnly / "a"], program: program), "EACCES", readOnly / "a")
        expectTrouble(
            try Program.run(["save", host, "-o", readOnly / "b"], program: program), "EACCES")
        #expect(try readOnly.names == ["a"])
        try manager.setAttributes([.posixPermissions: 0o700], ofItemAtPath: readOnly.path)
    }

    /// The words that run the program as a user without rights.
    private func asSomebody() throws -> [String] {
        guard geteuid() == 0 else { return [Program.path] }
        let copy = folder / "vcpusnap"
        try FileManager.default.copyItem(atPath: Program.path, toPath: copy)
        return ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", copy]
    }

    /// A disk of one page, which the old file fills.
    @Test(.enabled(if: geteuid() == 0, "mounting a small disk takes root"))
    func fullDiskKeepsTheOldFile() throws {
        try #require(mount("tmpfs", folder.path, "tmpfs", 0, "size=4k") == 0)
        defer { umount(folder.path) }
        let old = try sample()
        try #require(old.count <= 4096)
        try folder.make("a", old)
        let run = try Program.run("save", host, "-o", folder / "a")
        expectTrouble(run, "ENOSPC", folder / "a")
        #expect(try folder.data("a") == old)
        #expect(try folder.names == ["a"])
    }

    @Test func unknownRegister() throws {
        expectTrouble(try Program.run("register", "NO_SUCH_EL1"), "NO_SUCH_EL1")
        expectTrouble(try Program.run("register", "NO_SUCH*"), "NO_SUCH*")
        expectTrouble(
            try Program.run("restore", host, host, "--exclude", "NO_SUCH_EL1"), "NO_SUCH_EL1")
        let show = try Program.run("show", host, "--register", "NO_SUCH_EL1")
        #expect(show.status == 2)
    }

    @Test func otherVCPUsThanTheTargetHas() throws {
        try Program.run("save", host, "-o", folder / "one")
        try Program.run("save", host, "-o", folder / "two", "--vcpus", "2")
        expectTrouble(try Program.run("restore", folder / "two", folder / "one"), "vCPUs")
    }

    @Test(arguments: [
        ["frobnicate"], ["save"], ["save", host], ["save", host, "-o", "x", "--vcpus", "0"],
        ["diff", "-", "-"], ["restore", host, "-"], ["show", host, "--format", "xml"], ["register"],
        ["save", host, "-o", "kvm:"],
    ])
    func badUsage(arguments: [String]) throws {
        let run = try Program.run(arguments)
        expectTrouble(run)
        #expect(!run.errors.isEmpty)
    }
}
