import Foundation
import TestFiles
import Testing

private let newer = "emulated:6.12-neoverse-n1"

/// What the program says, taken apart.
extension Run {
    func vcpus() throws -> [[String: Any]] {
        try #require(try json()["vcpus"] as? [[String: Any]])
    }

    /// The registers of the report's only vCPU, by name.
    fileprivate func registers() throws -> [String: [String: String]] {
        let vcpus = try vcpus()
        try #require(vcpus.count == 1)
        let registers = try #require(vcpus[0]["registers"] as? [[String: String]])
        return registers.reduce(into: [:]) { $0[$1["name"] ?? ""] = $1 }
    }
}

@Suite("Commands: set and inject")
struct EditCommandTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func save(_ source: String, _ name: String, vcpus: Int = 1) throws {
        let run = try Program.run("save", source, "-o", folder / name, "--vcpus", "\(vcpus)")
        try #require(run.status == 0, "\(run.errors)")
    }

    /// The value of a register in each vCPU of a snapshot.
    private func values(
        of register: String, in name: String, _ options: String...
    ) throws -> [String] {
        let words = ["show", folder / name, "--register", register, "--format", "json"]
        let run = try Program.run(words + options)
        try #require(run.status == 0, "\(run.errors)")
        return try run.vcpus().compactMap { vcpu in
            (vcpu["registers"] as? [[String: Any]])?.first?["value"] as? String
        }
    }

    /// Expects trouble: exit code 2, nothing on stdout, one message that has all these words; no file
    /// of the folder changes and none appears.
    private func expectTrouble(
        _ arguments: [String], _ words: String..., location: SourceLocation = #_sourceLocation
    ) throws {
        let before = try contents()
        let run = try Program.run(arguments)
        #expect(run.status == 2, "\(run.errors)", sourceLocation: location)
        #expect(run.output.isEmpty, sourceLocation: location)
        for word in words {
            #expect(run.errors.contains(word), "\(run.errors)", sourceLocation: location)
        }
        #expect(try contents() == before, sourceLocation: location)
    }

    private func contents() throws -> [String: Data] {
        try folder.names.reduce(into: [:]) { $0[$1] = try folder.data($1) }
    }

    // MARK: Files

    /// A file of a later version of the format, with more than this program knows.
    private func newerFile(_ vector: String, _ name: String) throws {
        let vectors = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Formats/vectors/vcpusnap-v1/good")
        let file = try Data(contentsOf: vectors.appendingPathComponent(vector + ".vcpusnap"))
        _ = try folder.make(name, file)
    }

    @Test(
        "A file that holds more than is known is not replaced by less",
        arguments: [
            ("minor-7", "features 0x80000000, 8 bytes of header"),
            ("unknown-chunks", "2 chunks (NOTE, NOTE)"),
            ("version-2-too", "1 chunk (VCPU)"),
        ])
    func whatIsNotKnownIsKept(vector: String, what: String) throws {
        try newerFile(vector, "n")
        try expectTrouble(
            ["set", folder / "n", "x0=9"], "n is of a newer version", what, "--output")
        try newerFile("plain", "p")
        try expectTrouble(["restore", folder / "p", folder / "n"], what)
        let run = try Program.run("set", folder / "n", "x0=9", "-o", folder / "o")
        #expect(run.status == 0)
        #expect(run.errors.contains(what) && run.errors.contains("o is without"))
        #expect(try values(of: "x0", in: "o") == ["0x9"])
    }

    @Test func aFileIsReplaced() throws {
        try save(newer, "a")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o644], ofItemAtPath: folder / "a")
        let run = try Program.run("set", folder / "a", "pc=0x40080000", "SCTLR_EL1.M=1")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.isEmpty)
        #expect(run.text.contains("  pc: 0x0 -> 0x40080000\n"))
        #expect(run.text.contains("  SCTLR_EL1: 0xc50078 -> 0xc50079\n"))
        #expect(try folder.names == ["a"])
        #expect(try folder.permissions("a") == 0o644)
        #expect(try Program.run("verify", folder / "a").status == 0)
        #expect(try values(of: "pc", in: "a") == ["0x40080000"])
    }

    /// Whatever else the snapshot has stays, where it came from too.
    @Test func onlyWhatWasAssignedDiffers() throws {
        try save(newer, "a")
        let set = try Program.run("set", folder / "a", "x3=7", "-o", folder / "b")
        #expect(set.status == 0, "\(set.errors)")
        let diff = try Program.run("diff", folder / "a", folder / "b")
        #expect(diff.status == 1)
        let lines = diff.text.split(separator: "\n").map { $0.drop { $0 == " " } }
        #expect(lines.filter { $0.contains(" -> ") } == ["x3: 0x0 -> 0x7"])
        let provenance = try ["a", "b"].map { name in
            let show = try Program.run("show", folder / name, "--format", "json")
            return try #require(try show.json()["provenance"] as? [[String: String]])
        }
        #expect(!provenance[0].isEmpty)
        #expect(provenance[0] == provenance[1])
    }

    @Test func outputLeavesTheSource() throws {
        try save(newer, "a")
        let before = try folder.data("a")
        let set = try Program.run("set", folder / "a", "x0=1", "-o", folder / "b")
        let inject = try Program.run("inject", folder / "a", "breakpoint", "-o", folder / "c")
        #expect(set.status == 0 && inject.status == 0)
        #expect(try folder.data("a") == before)
        #expect(try folder.names == ["a", "b", "c"])
        #expect(try values(of: "x0", in: "b") == ["0x1"])
        #expect(try values(of: "ESR_EL1", in: "c") == ["0xf2000000"])
    }

    /// Nothing else differs, so the snapshot is what it was; it can be restored.
    @Test func backAgain() throws {
        try save(newer, "a")
        try Program.run("set", folder / "a", "SCTLR_EL1.M=1", "-o", folder / "b")
        #expect(try Program.run("diff", folder / "a", folder / "b").status == 1)
        let back = try Program.run("set", folder / "b", "SCTLR_EL1.M=0")
        #expect(back.status == 0)
        #expect(try Program.run("diff", folder / "a", folder / "b").status == 0)
        let restore = try Program.run("restore", folder / "b", newer, "--format", "json")
        #expect(try restore.json()["complete"] as? Bool == true)
    }

    @Test func noChange() throws {
        try save(newer, "a")
        let run = try Program.run("set", folder / "a", "x0=0", "--format", "json")
        #expect(run.status == 0)
        #expect(try run.json()["complete"] as? Bool == true)
        #expect(try run.registers().isEmpty)
        let text = try Program.run("set", folder / "a", "x0=0")
        #expect(text.text.contains("no register differs"))
    }

    @Test func injectIntoAFile() throws {
        try save(newer, "a")
        try Program.run("set", folder / "a", "VBAR_EL1=0x40080000", "pc=0x40000040")
        let run = try Program.run(
            "inject", folder / "a", "data-abort", "--address", "0xffff800010000000", "--write",
            "--format", "json")
        #expect(run.status == 0, "\(run.errors)")
        let found = try run.registers().mapValues { $0["found"] }
        #expect(
            found == [
                "pc": "0x40080200", "elr_el1": "0x40000040", "spsr_el1": "0x3c5",
                "ESR_EL1": "0x96000050", "FAR_EL1": "0xffff800010000000",
            ])
        #expect(try run.registers().values.allSatisfy { $0["outcome"] == "made" })
        #expect(try values(of: "FAR_EL1", in: "a") == ["0xffff800010000000"])
        #expect(try folder.names == ["a"])
    }

    @Test func breakpointImmediate() throws {
        let run = try Program.run(
            "inject", newer, "breakpoint", "--comment", "0xf000", "--format", "json")
        #expect(run.status == 0)
        #expect(try run.registers()["ESR_EL1"]?["found"] == "0xf200f000")
    }

    // MARK: What cannot be done

    @Test func unknownNames() throws {
        try save(newer, "a")
        let file = folder / "a"
        try expectTrouble(["set", file, "NO_SUCH_EL1=1"], "NO_SUCH_EL1", "not a register")
        try expectTrouble(["set", file, "x0=1", "VBAR_EL1.X=1"], "VBAR_EL1", "field X", "VBA")
        try expectTrouble(["set", file, "x0"], "x0", "REGISTER=VALUE")
        try expectTrouble(["set", file, "APIAKEYLO_EL1=1"], file, "vCPU 0", "APIAKEYLO_EL1")
        try expectTrouble(["set", file, "VCPU_INIT=5"], "VCPU_INIT", "is made")
    }

    @Test func badValues() throws {
        try save(newer, "a")
        let file = folder / "a"
        try expectTrouble(["set", file, "SCTLR_EL1.M=2"], "2 ", "SCTLR_EL1.M")
        try expectTrouble(["set", file, "x0=1", "x1=0x1g"], file, "0x1g", "x1", "64 bits")
        try expectTrouble(["set", file, "ID_AA64PFR0_EL1.CSV3=NO"], "NO ", "CSV3", "4 bits")
    }

    @Test func reservedBitsTakeForce() throws {
        try save(newer, "a")
        let assignment = "SCTLR_EL1=0x4000000000000"
        try expectTrouble(
            ["set", folder / "a", assignment], "SCTLR_EL1", "0x4000000000000", "--force")
        let run = try Program.run("set", folder / "a", assignment, "--force")
        #expect(run.status == 0, "\(run.errors)")
        #expect(try values(of: "SCTLR_EL1", in: "a") == ["0x4000000000000"])
    }

    @Test func exceptionThatCannotBeTaken() throws {
        try save("emulated:6.12-cortex-a57", "a")
        let file = folder / "a"
        try expectTrouble(
            ["inject", file, "serror", "--syndrome", "0x11"], file, "ID_AA64PFR0_EL1.RAS")
        try Program.run("set", file, "pstate=0x1d3")
        try expectTrouble(
            ["inject", file, "data-abort", "--address", "0x100000000"], file, "32-bit",
            "0x100000000")
    }

    @Test(arguments: [
        ["serror", "--comment", "1"], ["data-abort", "--comment", "1"],
        ["breakpoint", "--address", "1"], ["serror", "--address", "1"],
        ["breakpoint", "--write"], ["serror", "--write"],
        ["breakpoint", "--syndrome", "1"], ["data-abort", "--syndrome", "1"],
        ["breakpoint", "--comment", "0x10000"], ["breakpoint", "--comment", "one"],
        ["serror", "--vcpu", "first"], ["reset"], [],
    ])
    func badUsageOfInject(words: [String]) throws {
        try save(newer, "a")
        try expectTrouble(["inject", folder / "a"] + words)
    }

    @Test(arguments: [
        [], ["x0=1", "--vcpu", "-1"], ["x0=1", "--format", "xml"],
        ["x0=1", "-o", newer],
    ])
    func badUsageOfSet(words: [String]) throws {
        try save(newer, "a")
        try expectTrouble(["set", folder / "a"] + words)
    }

    @Test func strayOptionIsNamedWithItsException() throws {
        try expectTrouble(["inject", newer, "serror", "--comment", "1"], "--comment", "breakpoint")
        try expectTrouble(["inject", newer, "breakpoint", "--write"], "--write", "data-abort")
    }

    /// Tests on real KVM have the machine with it.
    @Test(.enabled(if: !isARM64, "only arm64 has Arm vCPUs"))
    func noArmKVM() throws {
        try expectTrouble(["set", "kvm:", "x0=1"], "vcpusnap: ", "KVM")
        try expectTrouble(["inject", "kvm:", "breakpoint", "-o", folder / "a"], "KVM")
    }

    private static var isARM64: Bool {
        #if arch(arm64)
            true
        #else
            false
        #endif
    }

    @Test func missingAndDamagedFiles() throws {
        try expectTrouble(["set", folder / "none", "x0=1"], "none", "ENOENT")
        try save(newer, "a")
        var data = try folder.data("a")
        data[data.count / 2] ^= 1
        try folder.make("a", data)
        try expectTrouble(["set", folder / "a", "x0=1"], folder / "a")
        try expectTrouble(["inject", folder / "a", "breakpoint"], folder / "a")
        try expectTrouble(["set", folder / "a", "x0=1", "-o", folder / "b"], folder / "a")
        try folder.make("a", data.dropLast(10))
        try expectTrouble(["set", folder / "a", "x0=1"], folder / "a", "byte")
    }

    @Test func outputThatCannotBeWritten() throws {
        try save(newer, "a")
        try expectTrouble(["set", folder / "a", "x0=1", "-o", folder / "none/b"], "ENOENT")
        try expectTrouble(["set", folder / "a", "x0=1", "-o", "/dev/full"], "ENOSPC")
    }

    // MARK: Several vCPUs

    @Test func oneOfSeveralVCPUs() throws {
        try save(newer, "a", vcpus: 3)
        let file = folder / "a"
        try expectTrouble(["set", file, "x0=1"], file, "vCPUs 0-2", "--vcpu")
        try expectTrouble(["inject", file, "breakpoint"], file, "vCPUs 0-2", "--vcpu")
        try expectTrouble(["set", file, "x0=1", "--vcpu", "3"], file, "vCPUs 0-2")
        let run = try Program.run("set", file, "x0=1", "--vcpu", "1", "--format", "json")
        #expect(run.status == 0, "\(run.errors)")
        #expect(try run.vcpus().map { $0["index"] as? Int } == [1])
        #expect(try values(of: "x0", in: "a") == ["0x0", "0x1", "0x0"])
        let all = try Program.run("set", file, "x0=2", "--vcpu", "all", "--format", "json")
        #expect(try all.vcpus().map { $0["index"] as? Int } == [0, 1, 2])
        #expect(try values(of: "x0", in: "a") == ["0x2", "0x2", "0x2"])
        // What several take alike is said once, and of the one that has it already, that.
        #expect(try Program.run("set", file, "x0=3", "--vcpu", "0").status == 0)
        let text = try Program.run("set", file, "x0=3", "--vcpu", "all").text
        #expect(text.contains("\nvCPU 0: no register differs\nvCPUs 1-2: made\n  x0: "), "\(text)")
    }

    @Test func injectIntoOneOfSeveral() throws {
        try save(newer, "a", vcpus: 2)
        let run = try Program.run(
            "inject", folder / "a", "serror", "--syndrome", "0x11", "--vcpu", "1")
        #expect(run.status == 0, "\(run.errors)")
        #expect(
            try values(of: "VCPU_EVENTS", in: "a") == ["0x0", "0x110000000000000101"])
    }

    /// A failure in the second vCPU leaves the first one alone.
    @Test func allOrNothing() throws {
        try save(newer, "a", vcpus: 2)
        let file = folder / "a"
        let reserved = "SCTLR_EL1=0x4000000000000"
        try Program.run("set", file, reserved, "--vcpu", "0", "--force")
        try expectTrouble(["set", file, reserved, "x0=1", "--vcpu", "all"], file, "vCPU 1")
    }

    @Test func registersOfTheWholeVM() throws {
        try save(newer, "a", vcpus: 2)
        let words = ["set", folder / "a", "ID_AA64PFR0_EL1.CSV3=NI"]
        try expectTrouble(words + ["--vcpu", "1"], "ID_AA64PFR0_EL1", "--vcpu all", "--force")
        let (old, new) = ("0x1100000011110112", "0x100000011110112")
        #expect(try Program.run(words + ["--vcpu", "1", "--force"]).status == 0)
        #expect(try values(of: "ID_AA64PFR0_EL1", in: "a") == [old, new])
        #expect(try Program.run(words + ["--vcpu", "all"]).status == 0)
        #expect(try values(of: "ID_AA64PFR0_EL1", in: "a") == [new, new])
        // The only vCPU is all there are.
        try save(newer, "b")
        let one = try Program.run("set", folder / "b", words[2], "--vcpu", "0")
        #expect(one.status == 0, "\(one.errors)")
    }

    // MARK: Reports

    @Test func refusalIsAFinding() throws {
        let run = try Program.run(
            "set", newer, "MIDR_EL1=0x5", "x0=7", "-o", folder / "a", "--format", "json")
        #expect(run.status == 1)
        #expect(try run.json()["complete"] as? Bool == false)
        #expect(try run.json()["target"] as? String == newer)
        let registers = try run.registers()
        #expect(registers.count == 2)
        let refused = try #require(registers["MIDR_EL1"])
        #expect(refused["outcome"] == "refused" && refused["errno"] == "EINVAL")
        #expect(refused["id"] == "0x603000000013c000")
        #expect(refused["before"] == "0x414fd0c1" && refused["found"] == "0x414fd0c1")
        #expect(refused["wanted"] == "0x5")
        #expect(refused["reason"]?.contains("0x414fd0c1") == true)
        let made = try #require(registers["x0"])
        #expect(made["outcome"] == "made" && made["found"] == "0x7")
        #expect(made["errno"] == nil && made["reason"] == nil)
        // What was made is kept.
        #expect(try values(of: "x0", in: "a") == ["0x7"])
        #expect(try values(of: "MIDR_EL1", in: "a") == ["0x414fd0c1"])
        let text = try Program.run("set", newer, "MIDR_EL1=0x5", "x0=7").text
        #expect(text.contains("not all made"))
        #expect(text.contains("0x414fd0c1 -> 0x5, refused, EINVAL, found 0x414fd0c1"))
    }

    @Test func keysAreHiddenUnlessAskedFor() throws {
        let words = ["set", "emulated:6.12-max", "APIAKEYLO_EL1=0xfedcba9876543210"]
        for format in ["text", "json"] {
            let hidden = try Program.run(words + ["--format", format])
            #expect(hidden.status == 0, "\(hidden.errors)")
            #expect(hidden.text.contains("APIAKEYLO_EL1"))
            #expect(hidden.text.contains("(hidden)"))
            #expect(!hidden.text.contains("fedcba"))
            let shown = try Program.run(words + ["--format", format, "--show-keys"])
            #expect(shown.text.contains("0xfedcba9876543210"))
            #expect(!shown.text.contains("(hidden)"))
        }
    }

    @Test(arguments: ["set", "inject"])
    func helpHasExamples(command: String) throws {
        let run = try Program.run(command, "--help")
        #expect(run.status == 0)
        #expect(run.text.contains("EXAMPLES\n  vcpusnap \(command) "))
    }

    // MARK: AArch32

    @Test func setAndShowRegistersOfAnAArch32Guest() throws {
        try save("emulated:6.12-cortex-a57", "a")
        let run = try Program.run(
            "set", folder / "a", "FAR_EL1=0x1111222233334444", "IFAR=0x8000", "LR_abt=0x8008",
            "--format", "json")
        #expect(run.status == 0, "\(run.errors)")
        #expect(try Set(run.registers().keys) == ["FAR_EL1", "x20"])
        #expect(try values(of: "FAR_EL1", in: "a") == ["0x800033334444"])
        #expect(try values(of: "IFAR", in: "a", "--aarch32") == ["0x8000"])
        #expect(try values(of: "DFAR", in: "a", "--aarch32") == ["0x33334444"])
        // A snapshot has the AArch64 registers only.
        try expectMissing(["show", folder / "a", "--register", "IFAR"])
        let names = try Program.run("show", folder / "a", "--aarch32", "--register", "?FAR").text
        #expect(names.contains("DFAR ") && names.contains("IFAR "))
        #expect(try Program.run("show", folder / "a").text.contains("DFAR") == false)
    }

    @Test func fieldsOfAnAArch32Guest() throws {
        try save("emulated:6.12-cortex-a57", "a")
        let names = ["ESR_EL1", "TCR_EL1", "PAR_EL1", "SCTLR_EL1", "CONTEXTIDR_EL1"]
        func shown(_ name: String) throws -> (text: String, register: [String: Any]) {
            let words = ["show", folder / "a", "--register", name]
            let json = try Program.run(words + ["--format", "json"]).json()
            let vcpus = try #require(json["vcpus"] as? [[String: Any]])
            let registers = try #require(vcpus[0]["registers"] as? [[String: Any]])
            return (try Program.run(words).text, registers[0])
        }
        for name in names {
            let register = try shown(name).register
            #expect(register["fields"] != nil && register["views"] == nil, "\(name)")
        }
        try Program.run("set", folder / "a", "pstate=0x1d3", "ESR_EL1=0x805")
        for name in names {
            let register = try shown(name).register
            #expect(register["fields"] == nil && register["views"] != nil, "\(name)")
        }
        #expect(try shown("ESR_EL1").register["views"] as? [String] == ["DFSR"])
        #expect(
            try shown("ESR_EL1").text.contains("this holds its DFSR\n      DFSR     0x805"))
        #expect(try shown("ESR_EL1").text.contains("write: translation fault, level 1"))
        #expect(try shown("TCR_EL1").text.contains("      TTBCR2   0x"))
        #expect(try !shown("ESR_EL1").text.contains("[31:26]"))
        #expect(try shown("TCR_EL1").register["views"] as? [String] == ["TTBCR", "TTBCR2"])
        // What has the same fields in both is told as ever.
        for name in ["pstate", "MIDR_EL1", "CNTKCTL_EL1"] {
            #expect(try shown(name).register["fields"] != nil, "\(name)")
        }
    }

    private func expectMissing(_ words: [String]) throws {
        let run = try Program.run(words)
        #expect(run.status == 2)
        #expect(run.errors.contains("has no register IFAR"))
    }

    @Test func injectIntoAnAArch32Guest() throws {
        try save("emulated:6.12-cortex-a57", "a")
        try Program.run("set", folder / "a", "pstate=0x1d3", "pc=0x8000")
        let run = try Program.run("inject", folder / "a", "breakpoint", "--format", "json")
        #expect(run.status == 0, "\(run.errors)")
        let found = try run.registers().mapValues { $0["found"] }
        #expect(found["x20"] == "0x8004" && found["IFSR32_EL2"] == "0x2" && found["pc"] == "0xc")
        #expect(try values(of: "IFSR", in: "a", "--aarch32") == ["0x2"])
    }

    @Test(arguments: [
        ("IFAR", "FAR_EL1[63:32]" as String?), ("DFAR_NS", "FAR_EL1[31:0]"),
        ("TTBR0_64", "TTBR0_EL1"), ("0x40200000200f0800", "SCTLR_EL1[31:0]"),
        ("SCTLR_EL12", "SCTLR_EL1"), ("FCSEIDR", nil), ("FAR_EL1", nil),
    ])
    func registerSaysWhatHoldsIt(name: String, holder: String?) throws {
        let run = try Program.run("register", name, "--format", "json")
        #expect(run.status == 0, "\(run.errors)")
        let registers = try #require(try run.json()["registers"] as? [[String: Any]])
        #expect(registers.count == 1)
        #expect(registers.first?["heldBy"] as? String == holder)
        let text = try Program.run("register", name).text
        #expect(text.contains("held by") == (holder != nil))
    }
}
