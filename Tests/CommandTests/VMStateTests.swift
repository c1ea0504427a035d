import Foundation
import Registers
import SnapshotFormat
import TestFiles
import Testing
import VCPUModel

/// Snapshots with state that a VM has once.
///
/// No source has any yet, so its registers are ids that nobody defined.
@Suite("Commands: the VM's own state")
struct VMStateTests {
    private let folder: TemporaryFolder
    private let host = "6.12-neoverse-n1"
    private let id = RegisterID(rawValue: 0x7630_0000_ffff_0000)

    init() throws {
        folder = try TemporaryFolder()
    }

    /// A snapshot of two vCPUs whose VM has one register of this value.
    private func snapshot(_ value: UInt64, named name: String) throws -> String {
        try Program.run("save", "emulated:\(host)", "--vcpus", "2", "-o", folder / name)
        var snapshot = try SnapshotReader.decode(try folder.bytes(name))
        snapshot.vm.set(RegisterValue(value), for: id)
        return try folder.make(name, try SnapshotWriter.encode(snapshot))
    }

    private func vm(_ name: String) throws -> UInt64? {
        try SnapshotReader.decode(try folder.bytes(name)).vm[id]?.bits
    }

    /// What the VM loses counts beside what its vCPUs lose, also where both have a register of that id.
    @Test func theMatrixCountsTheVM() throws {
        try Program.run("save", "emulated:\(host)", "-o", folder / "without")
        var snapshot = try SnapshotReader.decode(try folder.bytes("without"))
        let shared = RegisterID.ccsidr1
        try #require(snapshot.vcpus[0].registers.contains(shared))
        snapshot.vm.set(RegisterValue(1, size: 4), for: shared)
        try folder.make("with", try SnapshotWriter.encode(snapshot))
        let losses = try ["without", "with"].map { name in
            let run = try Program.run(
                "matrix", folder / name, "--host", "6.1-neoverse-n1", "--format", "json")
            let rows = try #require(try run.json()["rows"] as? [[String: Any]])
            let cells = try #require(rows[0]["cells"] as? [[String: Any]])
            return try #require(cells[0]["losses"] as? Int)
        }
        #expect(losses[1] == losses[0] + 1)
    }

    @Test func show() throws {
        let file = try snapshot(7, named: "a")
        let shown = try Program.run("show", file)
        #expect(
            shown.text.contains("\nVM: 1 register\n  other\n    \(id.hex)       0x7\nvCPUs 0-1"))
        let json = try Program.run("show", file, "--format", "json").json()
        let vm = try #require(json["vm"] as? [String: Any])
        #expect((vm["registers"] as? [[String: Any]])?.first?["value"] as? String == "0x7")
        #expect(vm["index"] == nil && (json["vcpus"] as? [Any])?.count == 2)
        let alone = try Program.run("show", file, "--register", id.hex)
        #expect(alone.text.contains("VM: 1 register") && alone.status == 0)
        #expect(try Program.run("verify", file).text.contains("format 1.1"))
    }

    @Test func diff() throws {
        let (left, right) = (try snapshot(7, named: "a"), try snapshot(8, named: "b"))
        let run = try Program.run("diff", left, right)
        #expect(run.status == 1)
        #expect(run.text.hasSuffix("VM\n  other\n    \(id.hex): 0x7 -> 0x8\n"))
        try Program.run("save", "emulated:\(host)", "--vcpus", "2", "-o", folder / "c")
        let other = try Program.run("diff", left, folder / "c", "--format", "json").json()
        #expect((other["vm"] as? [String: Any])?["only"] as? String == "left")
        #expect(
            try Program.run("diff", left, folder / "c").text.hasSuffix(
                "VM: only the left one has state of the VM itself\n  other\n    \(id.hex): 0x7 -> (none)\n"
            ))
    }

    /// It is not said of a kernel or a host that they might have it.
    @Test func whatIsSaidOfItsLoss() throws {
        let plan = try Program.run("plan", try snapshot(7, named: "a"), "--host", host).text
        #expect(
            plan.contains("\(id.hex): wanted 0x7; the destination has no such VM state\n"),
            "\(plan)")
        #expect(plan.contains("a policy with the rule drop \(id.hex)"), "\(plan)")
        #expect(!plan.contains("choose a host"), "\(plan)")
    }

    @Test func restoreIntoASnapshot() throws {
        let (left, right) = (try snapshot(7, named: "a"), try snapshot(8, named: "b"))
        let run = try Program.run("restore", left, right)
        #expect(run.status == 0, "\(run.text)\(run.errors)")
        #expect(try vm("b") == 7)
        #expect(run.text.contains("\nVM: complete; 1 restored\nvCPUs 0-1: complete; "))
    }

    /// No register goes without a word.
    @Test func aTargetWithoutSuchState() throws {
        let file = try snapshot(7, named: "a")
        let run = try Program.run("restore", file, "emulated:\(host)")
        #expect(run.status == 1)
        #expect(run.text.contains("\nVM: registers were lost; 1 absent\n"))
        #expect(run.text.contains("    VM: \(id.hex): wanted 0x7"))
        let json = try Program.run("restore", file, "emulated:\(host)", "--format", "json").json()
        #expect((json["vm"] as? [String: Any])?["complete"] as? Bool == false)
        let plan = try Program.run("plan", file, "--host", host)
        #expect(plan.status == 1 && plan.text.contains(": no\n"))
        #expect(plan.text.contains("VM: absent, \(id.hex)"))
        #expect(try Program.run("matrix", file, "--host", host).status == 1)
        let policy = try folder.make(
            "p.vpolicy", "vpolicy 1\nbase exact\nignore \(id.hex)\n")
        #expect(try Program.run("plan", file, "--host", host, "--policy", policy).status == 0)
    }

    @Test func aStreamHasNoPlaceForIt() throws {
        try Program.run("convert", Stream.n1, "-o", folder / "a")
        var snapshot = try SnapshotReader.decode(try folder.bytes("a"))
        snapshot.vm.set(RegisterValue(7), for: id)
        let file = try folder.make("b", try SnapshotWriter.encode(snapshot))
        let run = try Program.run("convert", file, "--into", Stream.n1, "-o", folder / "out.mig")
        #expect(run.status == 1 && run.text.contains("VM: \(id.hex)"), "\(run.text)\(run.errors)")
    }

    @Test func aChangeKeepsIt() throws {
        let file = try snapshot(7, named: "a")
        #expect(try Program.run("set", file, "--vcpu", "0", "x0=5").status == 0)
        #expect(try vm("a") == 7)
        #expect(try Program.run("inject", file, "serror", "--vcpu", "1").status == 0)
        #expect(try vm("a") == 7)
    }

    /// It is kept, and told as what only the target has.
    @Test func aSnapshotWithoutIntoOneWith() throws {
        try Program.run("save", "emulated:\(host)", "--vcpus", "2", "-o", folder / "a")
        let target = try snapshot(8, named: "b")
        let run = try Program.run("restore", folder / "a", target)
        #expect(run.status == 0 && run.text.contains("\nVM: complete; 1 not-in-snapshot\n"))
        #expect(try vm("b") == 8)
    }

    @Test func anOverrideOfItIsNotIdle() throws {
        let file = try snapshot(7, named: "a")
        let target = try snapshot(8, named: "b")
        let policy = try folder.make(
            "p.vpolicy", "vpolicy 1\nbase exact\noverride \(id.hex) 0x9\n")
        let run = try Program.run("restore", file, target, "--policy", policy)
        #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
        #expect(try vm("b") == 9)
    }

    /// A later version of the chunk, which this program leaves out.
    @Test func whatIsNotKnownIsNotLostWithoutAWord() throws {
        let newer = try FormatVectors("vcpusnap-v1", suffix: ".vcpusnap").good(
            "vm-version-2.vcpusnap")
        let file = try folder.make("newer", Data(newer))
        let unknown =
            "newer version of the format and has 1 chunk (VM), which this program does not know"
        let shown = try Program.run("show", file)
        #expect(shown.status == 0 && shown.errors.contains("\(unknown) and leaves out\n"))
        #expect(try Program.run("save", file, "-o", folder / "b").errors.contains(unknown))
        let same = try Program.run("save", file, "-o", file)
        #expect(same.status == 2 && same.errors.contains("would be lost"), "\(same.errors)")
        #expect(try folder.bytes("newer") == newer)
        #expect(try Program.run("set", file, "x0=5").status == 2)
    }
}
