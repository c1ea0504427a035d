import FakeQEMU
import Foundation
import QMP
import RealQEMU
import SeededRandom
import TestFiles
import Testing
import TextFormats

@Suite(
    "save qmp:, with a real QEMU",
    .enabled(if: QEMU.isThere, "needs qemu-system-aarch64 on the PATH"))
struct LiveSaveTests {
    private func runState(_ qemu: QEMU) throws -> String {
        try qemu.connect().execute("query-status")["status"]?.string ?? ""
    }

    @Test("the snapshot has every vCPU, the VM stood still and runs again, and that is said")
    func savesARunningVM() throws {
        let (qemu, folder) = (try QEMU(vCPUs: 3), try TemporaryFolder())
        #expect(try runState(qemu) == "running")
        let save = try Program.run("save", "qmp:" + qemu.path, "-o", folder / "live")
        #expect(save.status == 0)
        #expect(save.text.hasPrefix("written \(folder / "live"): 3 vCPUs, "))
        let line = #/qmp:.*: the VM stood still for [0-9]+\.[0-9] ms/#
        #expect(try line.firstMatch(in: save.errors) != nil)
        #expect(try runState(qemu) == "running")
        let shown = try Program.run("show", folder / "live", "--format", "json").json()
        let vcpus = try #require(shown["vcpus"] as? [[String: Any]])
        #expect(vcpus.map { $0["index"] as? Int } == [0, 1, 2])
        let entries = try #require(shown["provenance"] as? [[String: String]])
        let provenance = Dictionary(
            uniqueKeysWithValues: entries.map { ($0["key"] ?? "", $0["value"] ?? "") })
        #expect(provenance["qemu-accelerator"] == "tcg")
        #expect(provenance["qemu-machine"]?.hasPrefix("virt-") == true)
        #expect(provenance["source"] == "qmp:" + qemu.path)
        #expect(provenance["qemu-version"] != nil && provenance["time"] != nil)
        let mode = try FileManager.default.attributesOfItem(atPath: folder / "live")
        #expect(mode[.posixPermissions] as? Int == 0o600)
    }

    @Test("what another QEMU does with it is planned before it moves")
    func plannedLoad() throws {
        let qemu = try QEMU(vCPUs: 1)
        let same = try Program.run("plan", "qmp:" + qemu.path, "--to", "qmp:" + qemu.path)
        #expect(same.status == 0 && same.text.contains("loads"), "\(same)")
        let other = try Program.run(
            "plan", "qmp:" + qemu.path, "--qemu", "10.0", "--host", "6.12-max")
        #expect(other.status == 1 && other.text.contains("QEMU 10.0 on 6.12-max"), "\(other)")
        #expect(other.errors.contains("stood still"))
        #expect(try runState(qemu) == "running")
    }

    @Test("a VM that does not run has the same registers twice, and still does not run")
    func leavesAStoppedVMStopped() throws {
        let (qemu, folder) = (try QEMU(vCPUs: 2), try TemporaryFolder())
        try qemu.connect().execute("stop")
        let save = try Program.run("save", "qmp:" + qemu.path, "-o", folder / "first")
        #expect(save.errors.contains("the VM was not running (paused), and stays so"))
        let diff = try Program.run("diff", folder / "first", "qmp:" + qemu.path, "--exact")
        #expect(diff.status == 0)
        #expect(try runState(qemu) == "paused")
    }

    @Test("a full disk costs the snapshot, not the VM", arguments: ["/dev/full", "/nowhere/x"])
    func fullDisk(_ output: String) throws {
        let qemu = try QEMU(vCPUs: 1)
        #expect(try runState(qemu) == "running")
        let save = try Program.run("save", "qmp:" + qemu.path, "-o", output)
        #expect(save.status == 2)
        #expect(save.errors.contains(output))
        #expect(try runState(qemu) == "running")
    }

    @Test("who is killed while it saves leaves the VM running")
    func killed() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let (qemu, folder) = (try QEMU(vCPUs: 2), try TemporaryFolder())
        #expect(try runState(qemu) == "running")
        for _ in 0..<30 {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: Program.path)
            process.arguments = ["save", "qmp:" + qemu.path, "-o", folder / "killed"]
            process.standardError = FileHandle.nullDevice
            try process.start()
            usleep(UInt32.random(in: 0...25_000, using: &random))
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            #expect(try runState(qemu) == "running")
        }
        // Whole or not at all: a temporary file may be left behind, a half snapshot not.
        if FileManager.default.fileExists(atPath: folder / "killed") {
            #expect(try Program.run("verify", folder / "killed").status == 0)
        }
        #expect(try Program.run("save", "qmp:" + qemu.path, "-o", folder / "after").status == 0)
    }

    @Test("a socket that nobody listens on, and one that is no monitor, are named")
    func noMonitor() throws {
        let folder = try TemporaryFolder()
        let missing = try Program.run("save", "qmp:" + folder / "none", "-o", folder / "x")
        #expect(missing.status == 2)
        #expect(missing.errors.contains(folder / "none"))
        #expect(missing.errors.contains("ENOENT"))
        try folder.make("file", Data("no socket".utf8))
        let file = try Program.run("show", "qmp:" + folder / "file")
        #expect(file.status == 2)
        #expect(file.errors.contains("ECONNREFUSED"))
    }

    @Test("a VM that runs is no place to write to")
    func noTarget() throws {
        let folder = try TemporaryFolder()
        for arguments in [
            ["save", "emulated:6.12-neoverse-n1", "-o", "qmp:/x"],
            ["restore", "-", "qmp:/x"], ["set", "qmp:/x", "X0=1"],
            ["convert", "-", "-o", "qmp:/x"],
        ] {
            let run = try Program.run(arguments)
            #expect(run.status == 2, "\(arguments)")
            #expect(!run.errors.isEmpty)
        }
        #expect(try folder.names.isEmpty)
    }
}

@Suite("save qmp:, with a server that plays QEMU")
struct PlayedSaveTests {
    /// A stream of one vCPU, as QEMU writes it.
    private static func stream() throws -> [UInt8] {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent()
        return Array(
            try Data(
                contentsOf: tests.appendingPathComponent(
                    "QEMUStreamTests/Streams/kvm-6.12-neoverse-n1.mig")))
    }

    /// When a VM stops and goes on comes from the other end, like everything else.
    @Test(
        "Times of any size cost nothing that was read",
        arguments: [
            (0, 1350, "1.3"), (0, Int.max, nil), (0, 86_400_000_000, nil),
            (Int.max / 1_000_000, 775_807, "775.7"),
            (Int.max, 1350, nil),
        ] as [(Int, Int, String?)])
    func times(seconds: Int, resumed: Int, shown: String?) throws {
        let folder = try TemporaryFolder()
        let qemu = FakeQEMU()
        qemu.deviceState = try Self.stream()
        (qemu.seconds, qemu.resumeTime) = (seconds, resumed)
        let server = try qemu.start()
        let save = try Program.run("save", "qmp:" + server.path, "-o", folder / "live")
        #expect(save.status == 0, "\(save.errors)")
        if let shown {
            #expect(save.errors.contains("stood still for \(shown) ms"))
        } else {
            #expect(!save.errors.contains("stood still"))
        }
        #expect(try Program.run("verify", folder / "live").status == 0)
    }

    @Test(
        "What the machine is called is kept as far as the file's format allows, and loses nothing")
    func machineNames() throws {
        let folder = try TemporaryFolder()
        let qemu = FakeQEMU { _, command in
            command.name == "qom-get" ? #""return": "vi\u001b[31mrt\nx-machine""# : nil
        }
        qemu.deviceState = try Self.stream()
        let server = try qemu.start()
        let save = try Program.run("save", "qmp:" + server.path, "-o", folder / "live")
        #expect(save.status == 0, "\(save.errors)")
        let shown = try Program.run("show", folder / "live", "--format", "json").json()
        let entries = try #require(shown["provenance"] as? [[String: String]])
        let machine = entries.first { $0["key"] == "qemu-machine" }
        #expect(machine?["value"] == "vi\u{fffd}[31mrt\u{fffd}x")
    }
}
