import Foundation
import TestFiles
import Testing

@Suite("Commands: list, and pid: as a place")
struct AttachCommandTests {
    @Test("list says which processes have VMs, in text and in JSON")
    func list() throws {
        let text = try Program.run("list")
        #expect(text.status == 0)
        #expect(!text.output.isEmpty)
        let report = try Program.run("list", "--format", "json").json()
        #expect(Set(report.keys) == ["hidden", "processes"])
        #expect(report["processes"] is [[String: Any]])
    }

    @Test("a process that is not there is named, and what to check")
    func noProcess() throws {
        let folder = try TemporaryFolder()
        for command in [
            ["save", "pid:2147483646", "-o", folder / "x"], ["show", "pid:2147483646"],
        ] {
            let run = try Program.run(command)
            #expect(run.status == 2)
            #expect(run.errors.contains("process 2147483646: there is no such process"))
            #expect(run.errors.contains("pid namespace"))
        }
        #expect(try folder.names.isEmpty)
    }

    @Test("a process without a VM is told from one with")
    func noVM() throws {
        let own = ProcessInfo.processInfo.processIdentifier
        let run = try Program.run("show", "pid:\(own)")
        #expect(run.status == 2)
        #expect(run.errors.contains("process \(own): it has no KVM VM"))
    }

    @Test(
        "what is no process is bad usage",
        arguments: ["pid:", "pid:x", "pid:0", "pid:-1", "pid:1/", "pid:1/x", "pid:1/2/3"])
    func badLocation(_ location: String) throws {
        let run = try Program.run("show", location)
        #expect(run.status == 2)
        #expect(run.errors.contains(location))
    }

    @Test("a dry run writes to no process")
    func dryRun() throws {
        let folder = try TemporaryFolder()
        let snapshot = folder / "x"
        #expect(try Program.run("save", "emulated:6.12-neoverse-n1", "-o", snapshot).status == 0)
        let run = try Program.run("restore", snapshot, "pid:1", "--dry-run")
        #expect(run.status == 2)
        #expect(run.errors.contains("--dry-run would write to the VM"))
    }

    @Test("a process is no file to write to")
    func noFile() throws {
        let run = try Program.run("save", "emulated:6.12-neoverse-n1", "-o", "pid:1")
        #expect(run.status == 2)
        #expect(run.errors.contains("pid:1 is not a file"))
    }
}
