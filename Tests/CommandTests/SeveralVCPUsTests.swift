import Foundation
import Registers
import SnapshotFormat
import TestFiles
import Testing
import VCPUModel

/// What the commands say of files that are sound, and that no VM should have.
@Suite("Commands: snapshots without vCPUs, with incomplete ones, and with others that disagree")
struct SeveralVCPUsTests {
    private let folder: TemporaryFolder
    private static let host = "6.12-neoverse-n1"

    init() throws {
        folder = try TemporaryFolder()
    }

    /// A snapshot of fresh vCPUs, changed.
    private func make(
        _ name: String, vcpus: Int = 2, on host: String = host,
        _ change: (inout Snapshot) throws -> Void
    ) throws -> String {
        let file = folder / name
        let run = try Program.run(
            "save", "emulated:\(host)", "--vcpus", String(vcpus), "-o", file)
        try #require(run.status == 0, "\(run.errors)")
        var snapshot = try SnapshotReader.decode(Array(folder.data(name)))
        try change(&snapshot)
        try folder.make(name, Data(SnapshotWriter.encode(snapshot)))
        return file
    }

    private func register(_ name: String) throws -> RegisterID {
        try #require(RegisterID(parsing: name))
    }

    private func keep(_ vcpu: inout VCPUState, _ isKept: (RegisterID) -> Bool) throws {
        vcpu.registers = try #require(RegisterList(vcpu.registers.filter { isKept($0.0) }))
    }

    private func notes(_ run: Run) throws -> [String] {
        try #require(try run.json()["notes"] as? [String])
    }

    // MARK: No vCPU

    @Test func noVCPU() throws {
        let file = try make("zero") { $0.vcpus = [] }
        let verify = try Program.run("verify", file)
        #expect(verify.status == 0)
        #expect(verify.text.contains("sound") && verify.text.contains("it holds no vCPU"))
        #expect(
            try notes(Program.run("verify", file, "--format", "json")) == ["it holds no vCPU"])
        #expect(try Program.run("show", file).text.contains("it holds no vCPU"))
        for arguments in [
            ["plan", file, "--host", Self.host], ["restore", file, "emulated:\(Self.host)"],
            ["restore", file, file], ["matrix", file, "--host", Self.host],
            ["matrix", Self.host, file, "--host", Self.host], ["set", file, "x0=1"],
            ["set", file, "x0=1", "--vcpu", "all"], ["set", file, "x0=1", "--vcpu", "0"],
            ["inject", file, "serror"],
            ["convert", file, "--into", file, "-o", folder / "stream"],
        ] {
            let run = try Program.run(arguments)
            #expect(run.status == 2, "\(arguments)")
            #expect(run.output.isEmpty, "\(arguments)")
            #expect(run.errors.contains("zero holds no vCPU"), "\(arguments): \(run.errors)")
        }
    }

    // MARK: vCPUs beside each other

    /// What all of some vCPUs have is a warning of one line.
    @Test func vcpusThatWaited() throws {
        let file = try make("waiting", vcpus: 4) { snapshot in
            for vcpu in [0, 1, 3] { snapshot.provenance[.exitReason(vcpu)] = "MMIO" }
            snapshot.provenance[.exitReason(2)] = "HYPERCALL"
        }
        let run = try Program.run("restore", file, "emulated:\(Self.host)")
        let lines = run.errors.split(separator: "\n").filter { $0.contains("waited") }
        #expect(lines.count == 2, "\(run.errors)")
        #expect(
            run.errors.contains(
                "warning: vCPUs 0-1, 3 were saved while they waited for the answer to MMIO: "))
        #expect(
            run.errors.contains(
                "warning: vCPU 2 was saved while it waited for the answer to HYPERCALL: "))
    }

    /// Of vCPUs that differ in few registers each register is said once, with what it holds where.
    @Test func vcpusThatDifferInFewRegisters() throws {
        let far = try register("FAR_EL1")
        let file = try make("many", vcpus: 64) {
            $0.vcpus[5].registers.set(RegisterValue(7), for: far)
        }
        let text = try Program.run("show", file).text
        #expect(text.contains("vCPUs 0-63, each its own: 2 more registers\n"), "\(text)")
        #expect(
            text.contains(
                "FAR_EL1                  vCPUs 0-4, 6-63: 0x1de7ec7edbadc0de; vCPU 5: 0x7\n"))
        #expect(text.contains("; and 56 more (--register MPIDR_EL1 shows each)\n"))
        let each = try Program.run("show", file, "--register", "FAR_EL1").text
        #expect(
            each.contains("vCPUs 0-4, 6-63: 1 register\n") && each.contains("vCPU 5: 1 register\n"))
    }

    /// The registers of one vCPU are read together where it has many of its own.
    @Test func vcpusThatDifferInManyRegisters() throws {
        let file = try make("ran") { snapshot in
            for number in 0..<20 {
                snapshot.vcpus[1].registers.set(RegisterValue(7), for: try register("x\(number)"))
            }
        }
        let text = try Program.run("show", file).text
        for vcpu in 0...1 { #expect(text.contains("vCPU \(vcpu): 21 more registers\n"), "\(text)") }
    }

    /// What all vCPUs say is said once, and of a register that holds many values the range, so that 512 of them read
    /// like a few; the JSON has all.
    @Test func aDifferenceOfManyVCPUs() throws {
        let (x0, x1, x2) = (try register("x0"), try register("x1"), try register("x2"))
        let far = try register("FAR_EL1")
        let (left, right) = (
            try make("left", vcpus: 512) { _ in },
            try make("right", vcpus: 512) { snapshot in
                for index in snapshot.vcpus.indices {
                    snapshot.vcpus[index].registers.set(RegisterValue(UInt64(index)), for: x0)
                    snapshot.vcpus[index].registers.set(RegisterValue(9), for: x1)
                }
                snapshot.vcpus[5].registers.set(RegisterValue(7), for: far)
                for index in stride(from: 0, to: 512, by: 2) {
                    let value = RegisterValue(UInt64(index % 4))
                    snapshot.vcpus[index].registers.set(value, for: x2)
                }
            }
        )
        let run = try Program.run("diff", left, right)
        #expect(
            run.text.hasSuffix(
                """
                vCPUs 0-511, alike
                  general
                    x1: 0x0 -> 0x9
                vCPUs 0-511, each its own (--format json has every value)
                  general
                    vCPUs 1-511: x0: 0x0 -> 0x1 to 0x1ff (511 values)
                    vCPUs 2, 6, 10, 14, ..., 506, 510 (128 in all): x2: 0x0 -> 0x2
                  system control
                    vCPU 5: FAR_EL1: 0x1de7ec7edbadc0de -> 0x7

                """), "\(run.text)")
        let vcpus = try Program.run("diff", left, right, "--format", "json").vcpus()
        #expect(vcpus.count == 512)
        let last = try #require(vcpus.last?["registers"] as? [[String: Any]])
        #expect(last.map { $0["right"] as? String } == ["0x1ff", "0x9"])
    }

    /// A few values of a register stand beside each other, also where a side has none.
    @Test func aDifferenceOfAFewVCPUs() throws {
        let (left, right) = (
            try make("left", vcpus: 3) { _ in },
            try make("right", vcpus: 3) { snapshot in
                try keep(&snapshot.vcpus[0]) { $0.name != "FAR_EL1" }
                snapshot.vcpus[1].registers.set(RegisterValue(7), for: try register("FAR_EL1"))
            }
        )
        let text = try Program.run("diff", left, right).text
        #expect(
            text.hasSuffix(
                "    FAR_EL1: vCPU 0: 0x1de7ec7edbadc0de -> (none); vCPU 1: 0x1de7ec7edbadc0de -> 0x7\n"
            ), "\(text)")
    }

    @Test func anEditOfManyVCPUs() throws {
        let x0 = try register("x0")
        let file = try make("many", vcpus: 64) { snapshot in
            for index in snapshot.vcpus.indices {
                snapshot.vcpus[index].registers.set(RegisterValue(UInt64(index)), for: x0)
            }
        }
        let run = try Program.run("set", file, "x0=63", "x1=1", "--vcpu", "all")
        #expect(
            run.text.hasSuffix(
                """
                vCPUs 0-63: made
                  vCPUs 0-62: x0: 0x0 to 0x3e (63 values) -> 0x3f
                  x1: 0x0 -> 0x1
                written \(file)

                """), "\(run.text)")
    }

    // MARK: Incomplete vCPUs

    /// Of a vCPU of its initialization alone, and of one of nothing, beside a good one.
    @Test(arguments: [true, false])
    func vcpuWithoutRegisters(_ hasInit: Bool) throws {
        let file = try make("bad") { snapshot in
            try keep(&snapshot.vcpus[1]) { hasInit && $0 == .vcpuInit }
        }
        for policy in ["exact", "safe"] {
            let plan = try Program.run("plan", file, "--host", Self.host, "--policy", policy)
            #expect(plan.status == 1)
            #expect(plan.text.contains("\(Self.host): no"))
            #expect(plan.text.contains("vCPU 1 is incomplete"))
            let restore = try Program.run(
                "restore", file, "emulated:\(Self.host)", "--policy", policy)
            #expect(restore.status == 1)
            #expect(restore.text.contains("vCPU 0: complete"))
            #expect(restore.text.contains("vCPU 1: registers were lost"))
            let matrix = try Program.run("matrix", file, "--host", Self.host, "--policy", policy)
            #expect(matrix.status == 1 && matrix.text.contains("vCPU 1 is incomplete"))
        }
        // What it lacks is said once.
        let json = try Program.run("verify", file, "--format", "json")
        #expect(try notes(json).count == 1 && notes(json)[0].contains("vCPU 1 is incomplete"))
    }

    /// A rule for what makes a vCPU one would take the others along.
    @Test func proposalForAVCPUThatIsNotInitialized() throws {
        let file = try make("bad") { snapshot in
            try keep(&snapshot.vcpus[1]) { $0 != .vcpuInit }
        }
        let own = folder / "own.vpolicy"
        let no = try Program.run(
            "plan", file, "--host", Self.host, "--policy", "exact", "--write-policy", own)
        #expect(no.status == 1)
        #expect(
            no.errors.contains(
                "it may not go to \(Self.host): choose another host (vcpusnap matrix); --policy "
                    + "force lets it go, whatever is lost"), "\(no.errors)")
        #expect(!no.errors.contains("no policy"))
        let rules = (try? folder.text("own.vpolicy")) ?? ""
        #expect(!rules.contains("VCPU_INIT"), "\(rules)")
        let forced = try Program.run("plan", file, "--host", Self.host, "--policy", "force")
        #expect(forced.status == 0, "\(forced.text)")
    }

    @Test func registerThatIsMissing() throws {
        let file = try make("bad") { snapshot in
            try keep(&snapshot.vcpus[1]) { !["pc", "SCTLR_EL1"].contains($0.name) }
        }
        let run = try Program.run(
            "restore", file, "emulated:\(Self.host)", "--policy", "exact", "--format", "json")
        #expect(run.status == 1)
        let vcpus = try #require(try run.json()["vcpus"] as? [[String: Any]])
        let registers = try #require(vcpus[1]["registers"] as? [[String: Any]])
        let missing = registers.filter { $0["outcome"] as? String == "missing" }
        #expect(missing.compactMap { $0["name"] as? String } == ["pc", "SCTLR_EL1"])
        #expect(missing.allSatisfy { $0["wanted"] == nil && $0["found"] != nil })
        #expect(vcpus[1]["counts"].flatMap { ($0 as? [String: Int])?["missing"] } == 2)
        let plan = try Program.run(
            "plan", file, "--host", Self.host, "--policy", "exact", "--format", "json")
        #expect(plan.text.contains("\"cause\" : \"incomplete\""))
        #expect(plan.text.contains("\"remedy\" : \"save-again\""))
        // Who knows what is done without.
        #expect(
            try Program.run(
                "restore", file, "emulated:\(Self.host)", "--exclude", "pc", "--exclude",
                "SCTLR_EL1"
            ).status == 0)
        #expect(
            try Program.run("plan", file, "--host", Self.host, "--policy", "force").status == 0)
    }

    // MARK: vCPUs that disagree

    @Test(arguments: [
        ("CLIDR_EL1", 0x2_0000_23), ("CCSIDR0", 0x12), ("ID_AA64ISAR0_EL1", 0x1_1120),
    ])
    func registerThatDiffers(_ name: String, _ bits: UInt64) throws {
        let file = try make("other", vcpus: 3) { snapshot in
            let id = try register(name)
            snapshot.vcpus[1].registers.set(RegisterValue(bits, size: id.size ?? 8), for: id)
        }
        let word = "the vCPUs disagree on \(name)"
        for arguments in [
            ["verify", file], ["show", file], ["plan", file, "--host", Self.host],
            ["restore", file, "emulated:\(Self.host)"], ["matrix", file, "--host", Self.host],
        ] {
            let run = try Program.run(arguments)
            #expect(run.status < 2, "\(arguments): \(run.errors)")
            #expect(run.text.contains(word), "\(arguments)")
            #expect(run.text.contains("on 0, 2") && run.text.contains("on 1"), "\(arguments)")
            let json = try Program.run(arguments + ["--format", "json"])
            #expect(json.text.contains(word), "\(arguments)")
        }
    }

    /// `set` says what the file then holds, the fault that it made and the one that it found.
    @Test func setNotesItsResult() throws {
        let file = try make("set") { _ in }
        let good = try Program.run("set", file, "--vcpu", "1", "x0=1", "--format", "json")
        #expect(good.status == 0)
        #expect(try good.json()["notes"] == nil)
        let run = try Program.run("set", file, "--vcpu", "1", "--force", "CLIDR_EL1=0x23")
        #expect(run.status == 0 && run.text.contains("the vCPUs disagree on CLIDR_EL1"))
        let again = try Program.run("set", file, "--vcpu", "0", "x0=1", "--format", "json")
        #expect(try notes(again).count == 1)
        #expect(try notes(again)[0].contains("0x23 on 1"))
        #expect(try Program.run("set", file, "--vcpu", "all", "CLIDR_EL1=0x23").status == 0)
        #expect(!(try Program.run("verify", file).text.contains("note")))
    }

    @Test func otherFeatures() throws {
        let file = try make("mixed") { snapshot in
            snapshot.vcpus[1].registers.set(
                VCPUInit(features: [.psci02]).value, for: .vcpuInit)
        }
        let plan = try Program.run("plan", file, "--host", Self.host, "--policy", "exact")
        #expect(plan.status == 1)
        #expect(
            plan.text.contains(
                "KVM cannot make such a vCPU, or not in the same VM as the others (1)"))
        #expect(plan.text.contains("all vCPUs of a VM have the same features"))
        #expect(plan.text.contains("the vCPU is not initialized, so it has no registers"))
        let restore = try Program.run(
            "restore", file, "emulated:\(Self.host)", "--policy", "exact")
        #expect(restore.status == 1)
        #expect(restore.text.contains("VCPU_INIT"))
        let strict = try Program.run("restore", file, "emulated:\(Self.host)", "--strict")
        #expect(strict.text.contains("vCPU 1: --strict: no register had been written"))
        // One line for the hundreds that follow from it.
        #expect(restore.text.split(separator: "\n").count < 20, "\(restore.text)")
    }

    @Test func nothingToNote() throws {
        let file = try make("good", vcpus: 2) { _ in }
        for arguments in [
            ["verify", file], ["show", file], ["plan", file, "--host", Self.host],
            ["restore", file, "emulated:\(Self.host)"], ["matrix", file, "--host", Self.host],
        ] {
            let run = try Program.run(arguments)
            #expect(run.status == 0 && !run.text.contains("note: "))
            let json = try Program.run(arguments + ["--format", "json"])
            #expect(!json.text.contains("\"notes\""))
        }
    }

    // MARK: Proposed policies

    /// What the snapshot lacks is left to the destination, and so the verdict changes.
    @Test func proposalOfWhatIsMissing() throws {
        let file = try make("lacking") { snapshot in
            try keep(&snapshot.vcpus[1]) { $0.name != "pc" }
        }
        let own = folder / "own.vpolicy"
        let no = try Program.run("plan", file, "--host", Self.host, "--write-policy", own)
        #expect(no.status == 1 && no.errors.isEmpty)
        #expect(try folder.text("own.vpolicy").contains("\nignore pc\n"))
        let yes = try Program.run("plan", file, "--host", Self.host, "--policy", own)
        #expect(yes.status == 0, "\(yes.text)")
    }

    /// A proposal that is written can be read, too: with its comments it may be longer than a policy.
    @Test(arguments: [(20, true), (900, false)])
    func proposalOfManyRules(count: Int, hasComments: Bool) throws {
        let file = try make("many-\(count)", vcpus: 1) { try addUnknown(count, to: &$0) }
        let own = folder / "many.vpolicy"
        let no = try Program.run("plan", file, "--host", Self.host, "--write-policy", own)
        #expect(no.status == 1 && no.errors.isEmpty)
        let text = try folder.text("many.vpolicy")
        #expect(text.utf8.count < 1 << 16)
        #expect(text.contains("is lost\n") == hasComments)
        let yes = try Program.run("plan", file, "--host", Self.host, "--policy", own)
        #expect(yes.status == 0, "\(yes.errors)")
    }

    @Test func proposalThatIsNoPolicy() throws {
        let file = try make("too-many", vcpus: 1) { try addUnknown(1025, to: &$0) }
        let own = folder / "too-many.vpolicy"
        let run = try Program.run("plan", file, "--host", Self.host, "--write-policy", own)
        #expect(run.status == 2)
        #expect(run.errors.contains("more than 1024 rules") && run.errors.contains("patterns"))
        #expect(!FileManager.default.fileExists(atPath: own))
    }

    /// Registers that no host has, each with another value.
    private func addUnknown(_ count: Int, to snapshot: inout Snapshot) throws {
        for number in 0..<UInt64(count) {
            let id = RegisterID(rawValue: 0x6030_0000_0017_0000 + number)
            snapshot.vcpus[0].registers.set(RegisterValue(number), for: id)
        }
    }

    // MARK: --strict

    @Test func strictAccountsForEveryRegister() throws {
        let file = try make("new") { snapshot in
            let (changed, unknown) = (try register("FAR_EL1"), try register("VENDOR_HYP_BMAP_2"))
            for index in snapshot.vcpus.indices {
                snapshot.vcpus[index].registers.set(RegisterValue(5), for: changed)
                snapshot.vcpus[index].registers.set(RegisterValue(1), for: unknown)
            }
        }
        let run = try Program.run("restore", file, "emulated:\(Self.host)", "--strict")
        #expect(run.status == 1)
        #expect(
            run.text.contains(
                "--strict: 1 of 2 registers written were put back and read back; could not be put back:\n"
                    + "    VCPU_INIT: before nothing, found"), "\(run.text)")
        #expect(run.text.contains("a vCPU that is initialized stays so"))
        let json = try Program.run(
            "restore", file, "emulated:\(Self.host)", "--strict", "--format", "json")
        let vcpus = try #require(try json.json()["vcpus"] as? [[String: Any]])
        #expect(vcpus.allSatisfy { $0["undone"] as? Bool == false })
        let undo = try #require(vcpus[1]["undo"] as? [[String: Any]])
        #expect(undo.compactMap { $0["name"] as? String }.sorted() == ["FAR_EL1", "VCPU_INIT"])
        let made = try #require(undo.first { $0["name"] as? String == "VCPU_INIT" })
        #expect(made["before"] == nil && made["reason"] as? String != nil)
        #expect(made["undone"] as? Bool == false)
    }
}
