import Foundation
import TestFiles
import Testing

private let newer = "emulated:6.12-neoverse-n1"
private let older = "emulated:6.1-neoverse-n1"

@Suite("Commands: save, restore, diff, show, verify")
struct MainJobTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func save(_ source: String, _ name: String, vcpus: Int = 1) throws {
        let run = try Program.run("save", source, "-o", folder / name, "--vcpus", "\(vcpus)")
        try #require(run.status == 0, "\(run.errors)")
        #expect(run.text.hasPrefix("written \(folder / name): \(vcpus) vCPU"))
        #expect(run.errors.isEmpty)
    }

    @Test func saveMakesASoundFileForItsOwner() throws {
        try save(newer, "a")
        #expect(try folder.permissions("a") == 0o600)
        let verify = try Program.run("verify", folder / "a", "--format", "json")
        #expect(verify.status == 0)
        #expect(try verify.json()["sound"] as? Bool == true)
        #expect(try folder.names == ["a"])
    }

    @Test func restoreOnTheSameHostIsComplete() throws {
        try save(newer, "a")
        let run = try Program.run("restore", folder / "a", newer, "--format", "json")
        #expect(run.status == 0)
        #expect(try run.json()["complete"] as? Bool == true)
    }

    @Test func restoreOnAnOlderHostNamesWhatWasLost() throws {
        try save(newer, "a")
        let run = try Program.run("restore", folder / "a", older, "--format", "json")
        #expect(run.status == 1)
        let vcpus = try #require(try run.json()["vcpus"] as? [[String: Any]])
        let registers = try #require(vcpus.first?["registers"] as? [[String: Any]])
        let absent = registers.filter { $0["outcome"] as? String == "absent" }
        let names = Set(absent.compactMap { $0["name"] as? String })
        #expect(names.isSuperset(of: ["TCR2_EL1", "PIR_EL1", "PIRE0_EL1", "CNTPCT_EL0"]))
        #expect(absent.allSatisfy { !(($0["reason"] as? String) ?? "").isEmpty })
        let counts = try #require(vcpus.first?["counts"] as? [String: Int])
        #expect(counts.values.reduce(0, +) == registers.count)
    }

    @Test func resultOfARestoreCanBeSavedAndCompared() throws {
        try save(newer, "a")
        try Program.run("restore", folder / "a", older, "-o", folder / "b")
        let diff = try Program.run("diff", folder / "a", folder / "b")
        #expect(diff.status == 1)
        #expect(diff.text.contains("TCR2_EL1: "))
        #expect(!diff.text.contains("\u{1b}["))
    }

    @Test func restoreIntoAFileKeepsWhereItCameFrom() throws {
        try save(newer, "a")
        try save("emulated:6.12-cortex-a72", "b")
        #expect(try Program.run("restore", folder / "a", folder / "b").status == 0)
        #expect(try Program.run("diff", folder / "a", folder / "b").status == 0)
        let show = try Program.run("show", folder / "b")
        #expect(show.text.contains("source: emulated:6.12-cortex-a72"))
    }

    @Test func dryRunWritesNothing() throws {
        try save(newer, "a")
        try save(older, "b")
        let before = try folder.data("b")
        let run = try Program.run(
            "restore", folder / "a", folder / "b", "--dry-run")
        #expect(run.status == 1)
        let refused = try Program.run(
            "restore", folder / "a", folder / "b", "--dry-run", "-o", folder / "c")
        #expect(refused.status == 2 && refused.errors.contains("--dry-run writes nothing"))
        #expect(try folder.data("b") == before)
        #expect(try folder.names == ["a", "b"])
    }

    @Test func strictRestoreIntoAFileLeavesItsRegisters() throws {
        try save(newer, "a")
        try save(older, "b")
        try FileManager.default.copyItem(atPath: folder / "b", toPath: folder / "c")
        let run = try Program.run(
            "restore", folder / "a", folder / "b", "--strict", "--format", "json")
        #expect(run.status == 1)
        let vcpus = try #require(try run.json()["vcpus"] as? [[String: Any]])
        #expect(vcpus.first?["undone"] as? Bool == true)
        let undo = try #require(vcpus.first?["undo"] as? [[String: Any]])
        #expect(!undo.isEmpty)
        #expect(undo.allSatisfy { $0["before"] as? String == $0["found"] as? String })
        #expect(try folder.data("b") == folder.data("c"))
    }

    @Test func diffFollowsDiff() throws {
        try save(newer, "a")
        let same = try Program.run("diff", folder / "a", folder / "a")
        #expect(same.status == 0)
        #expect(same.output.isEmpty)
        try save("emulated:6.12-cortex-a72", "b")
        let json = try Program.run("diff", folder / "a", folder / "b", "--format", "json")
        #expect(json.status == 1)
        #expect(try json.json()["same"] as? Bool == false)
        #expect(try Program.run("diff", folder / "a", folder / "missing").status == 2)
    }

    @Test func severalVCPUs() throws {
        try save(newer, "a", vcpus: 3)
        let show = try Program.run(
            "show", folder / "a", "--register", "MPIDR_EL1", "--format", "json")
        #expect(show.status == 0)
        let vcpus = try #require(try show.json()["vcpus"] as? [[String: Any]])
        let values = vcpus.compactMap {
            ($0["registers"] as? [[String: Any]])?.first?["value"] as? String
        }
        #expect(values == ["0x80000000", "0x80000001", "0x80000002"])
        #expect(try Program.run("restore", folder / "a", newer).status == 0)
    }

    @Test func pipesCarrySnapshots() throws {
        let save = try Program.run("save", newer, "-o", "-")
        #expect(save.status == 0)
        #expect(try Program.run("verify", "-", input: save.output).status == 0)
        #expect(try Program.run("restore", "-", newer, input: save.output).status == 0)
    }

    @Test func keysAreHiddenUnlessAskedFor() throws {
        try save("emulated:6.12-max", "a")
        let hidden = try Program.run("show", folder / "a", "--register", "APIAKEY*")
        #expect(hidden.status == 0)
        #expect(hidden.text.contains("(hidden)"))
        let lines = hidden.text.split(separator: "\n").filter { $0.contains("APIAKEY") }
        #expect(lines.count == 2)
        #expect(lines.allSatisfy { $0.contains("(hidden)") && !$0.contains("0x") })
        let shown = try Program.run("show", folder / "a", "--register", "APIAKEY*", "--show-keys")
        #expect(shown.text.contains("0x"))
    }

    /// A policy that writes a key, or pardons its loss for one value of it, holds the key.
    @Test func keysInPoliciesAreHiddenToo() throws {
        try save("emulated:6.12-max", "a")
        for (line, target) in [
            ("override APIAKEYLO_EL1 0xdeadbeefcafe7", "emulated:6.12-max"),
            ("drop APIAKEYLO_EL1 if 0x1de7ec7edbadc0de", "emulated:6.12-neoverse-n1"),
        ] {
            let policy = try folder.make("p.vpolicy", "vpolicy 1\nname k\nbase safe\n\(line)\n")
            for format in ["text", "json"] {
                let words = [
                    "restore", folder / "a", target, "--policy", policy, "--format", format,
                ]
                let run = try Program.run(words)
                #expect(run.status == 0 || run.status == 1, "\(run.errors)")
                #expect(!run.text.contains("cafe7") && !run.text.contains("if 0x1de7"))
                guard line.hasPrefix("override") else { continue }
                let shown = try Program.run(words + ["--show-keys"])
                #expect(format == "text" || shown.text.contains("0xdeadbeefcafe7"))
            }
        }
    }

    /// What is said of a register that is not there is no report.
    @Test func anUnknownRegisterIsNoReport() throws {
        let run = try Program.run("show", newer, "--register", "NOSUCH", "--format", "json")
        #expect(run.status == 2 && run.output.isEmpty)
    }

    @Test func showDecodesFields() throws {
        let show = try Program.run("show", newer, "--register", "ID_AA64PFR0_EL1")
        #expect(show.status == 0)
        #expect(show.text.contains("CSV3"))
        #expect(show.text.contains("[63:60]"))
    }
}

@Suite("Commands: register, host, help")
struct InformationTests {
    @Test(arguments: ["SCTLR_EL1", "sctlr_el1", "0x603000000013c080", "s3_0_c1_c0_0"])
    func registerByAnyName(name: String) throws {
        let run = try Program.run("register", name, "--format", "json")
        #expect(run.status == 0)
        let registers = try #require(try run.json()["registers"] as? [[String: Any]])
        #expect(registers.first?["name"] as? String == "SCTLR_EL1")
        #expect(registers.first?["id"] as? String == "0x603000000013c080")
    }

    @Test func registerPattern() throws {
        let run = try Program.run("register", "PIR*_EL1")
        #expect(run.text.contains("PIR_EL1") && run.text.contains("PIRE0_EL1"))
    }

    @Test func builtInProfilesAreUsable() throws {
        let run = try Program.run("host", "--built-in")
        #expect(run.status == 0)
        let names = run.text.split(separator: "\n").map(String.init)
        #expect(names.count >= 8)
        for name in names {
            let show = try Program.run("show", "emulated:" + name, "--format", "json")
            #expect(show.status == 0, "\(name): \(show.errors)")
        }
    }

    @Test(arguments: [
        [], ["save"], ["restore"], ["diff"], ["show"], ["verify"], ["host"], ["register"],
    ])
    func helpHasExamples(command: [String]) throws {
        let run = try Program.run(command + ["--help"])
        #expect(run.status == 0)
        #expect(run.text.contains("EXAMPLES"))
        #expect(run.errors.isEmpty)
    }

    @Test func version() throws {
        let run = try Program.run("--version")
        #expect(run.status == 0)
        #expect(run.text.hasPrefix("vcpusnap "))
    }
}
