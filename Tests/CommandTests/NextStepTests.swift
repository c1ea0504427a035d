import Foundation
import TestFiles
import Testing

/// What a message says of what was found, and what to do then.
@Suite("Commands: the next step")
struct NextStepTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func save(vcpus: Int = 1, on host: String = "6.12-neoverse-n1") throws -> String {
        let file = folder / "saved-\(vcpus)-\(host)"
        let run = try Program.run(
            "save", "emulated:\(host)", "--vcpus", String(vcpus), "-o", file)
        try #require(run.status == 0, "\(run.errors)")
        return file
    }

    // MARK: Words of the command line

    @Test(arguments: [
        (["help", "nope"], "there is no command nope: vcpusnap --help names them all"),
        (["help", "paln"], "did you mean plan?"),
        (["plan", "x", "--hots", "y"], "there is no option --hots"),
        (["plan", "x", "--hots=y"], "did you mean --host?"),
        (["mend", "x", "--in-palce"], "did you mean --in-place?"),
        (["--generate-completion-script", "csh"], "no completion script for csh: give one of"),
        (["--generate-completion-script=csh"], "no completion script for csh: give one of"),
        (["host", "--built-in", "--from", "x"], "--from means nothing with it"),
        (["host", "--built-in", "-o", "x"], "--output means nothing with it"),
        (["restore", "x", "qmp:/y"], "give kvm:, emulated:NAME, pid:PID"),
    ])
    func badUsage(words: [String], message: String) throws {
        let run = try Program.run(words)
        #expect(run.status == 2 && run.output.isEmpty)
        #expect(run.errors.contains(message), "\(run.errors)")
        #expect(!run.errors.contains("\\u{"))
    }

    @Test(arguments: [["help"], ["help", "plan"], ["plan", "--help"], ["--version"]])
    func goodUsage(words: [String]) throws {
        let run = try Program.run(words)
        #expect(run.status == 0 && run.errors.isEmpty && !run.output.isEmpty)
    }

    // MARK: Sources of another kind

    @Test func whatIsNoSnapshot() throws {
        for arguments in [
            ["set", Stream.n1, "x0=1", "-o", folder / "o"],
            ["inject", Stream.n1, "serror", "-o", folder / "o"],
        ] {
            expectTrouble(
                try Program.run(arguments), "this is a QEMU migration stream", "vcpusnap convert")
        }
        let profile = folder / "own.vhost"
        #expect(
            try Program.run("host", "--from", try save(), "--name", "own", "-o", profile).status
                == 0)
        let change = ["x0=1", "-o", folder / "o"]
        expectTrouble(try Program.run(["set", profile] + change), "this is a host profile")
        let policy = try folder.make("own.vpolicy", "vpolicy 1\n")
        expectTrouble(try Program.run(["set", policy] + change), "this is a policy")
        let guest = try save()
        expectTrouble(
            try Program.run("plan", guest, "--host", "6.1-max", "--qemu", "10.0"),
            "is a snapshot", "without --qemu")
    }

    @Test func registerThatWasMisspelled() throws {
        let run = try Program.run("show", try save(), "-r", "SCLTR_EL1")
        #expect(run.status == 2 && run.errors.contains("did you mean SCTLR_EL1?"))
    }

    @Test func versionOfQEMUThatIsTooNew() throws {
        func plan(_ version: String) throws -> Run {
            try Program.run(
                "plan", Stream.n1, "--host", "6.1-neoverse-n1", "--qemu", version)
        }
        let (known, new) = (try plan("11.1"), try plan("12.5"))
        #expect(known.errors.isEmpty)
        #expect(
            new.errors
                == "vcpusnap: QEMU 12.5 is newer than any known here: this is what QEMU 11.1 does\n"
        )
        #expect(new.output == known.output && new.status == known.status)
        #expect(new.text.contains("in QEMU 11.1 on"))
    }

    @Test func registerWithoutChanges() throws {
        let run = try Program.run("register", "SCTLR_EL1")
        #expect(run.status == 0 && !run.text.contains("Linux 6."))
        #expect(try Program.run("register", "MIDR_EL1").text.contains("  Linux 6.15: "))
    }

    @Test func streamWithMoreBehindIt() throws {
        let whole = try Data(contentsOf: URL(fileURLWithPath: Stream.n1))
        try folder.make("more.mig", whole + Data("garbage\n".utf8))
        expectTrouble(
            try Program.run("show", folder / "more.mig"),
            "damaged at byte \(whole.count): the end: expected nothing more after the description")
        try folder.make("two.mig", whole + whole)
        let host = ["--host", "6.12-neoverse-n1"]
        for arguments in [
            ["show", folder / "two.mig"], ["convert", folder / "two.mig", "-o", folder / "o"],
            ["plan", folder / "two.mig"] + host,
        ] {
            let run = try Program.run(arguments)
            #expect(
                run.errors.contains(
                    "more than one stream: the last is read, which begins at byte \(whole.count); QEMU "
                        + "loads the first"), "\(arguments) \(run.errors)")
            #expect(!run.text.contains("QEMU 10.0"), "\(run.text)")
        }
        for arguments in [
            ["mend", folder / "two.mig", "--dry-run"] + host,
            ["mend", folder / "two.mig", "--in-place"] + host,
            ["plan", folder / "two.mig", "--qemu", "10.0"] + host,
            ["convert", folder / "o", "--into", folder / "two.mig", "-o", folder / "new.mig"],
        ] {
            expectTrouble(
                try Program.run(arguments), "QEMU loads the first, which is not read here",
                "tail -c +\(whole.count + 1)")
        }
        let piped = try Stream.pipe(
            folder / "two.mig", into: "mend", "-", "-o", "-", host[0], host[1])
        expectTrouble(piped, "QEMU loads the first")
    }

    // MARK: Several vCPUs

    @Test func moreVCPUsThanTheHostMakes() throws {
        let guest = try save(vcpus: 3)
        let host = try Program.run("host", "--from", guest, "--name", "few", "-o", "-")
        let text = host.text + "capability KVM_CAP_MAX_VCPUS 2\n"
        try folder.make("few.vhost", Data(text.utf8))
        let plan = try Program.run("plan", guest, "--host", folder / "few.vhost")
        #expect(plan.status == 1)
        #expect(
            plan.text.contains(
                "the guest has more vCPUs than the destination can make: 3, KVM_CAP_MAX_VCPUS is 2 (1)"
            ))
        #expect(plan.text.contains("choose a host or a kernel that makes 3 vCPUs for a VM"))
        #expect(!plan.text.contains("save the guest again"))
        // QEMU does not come to read its stream, whatever the other hosts do.
        try folder.make("one.vhost", Data((host.text + "capability KVM_CAP_MAX_VCPUS 1\n").utf8))
        let hosts = ["--host", folder / "one.vhost", "6.12-neoverse-n1"]
        let load = try Program.run(
            ["plan", Stream.n1] + hosts + ["--qemu", "10.0", "--policy", "force"])
        #expect(load.status == 1 && load.text.contains("6.12-neoverse-n1: loads"), "\(load)")
        #expect(
            load.text.contains(
                "Number of SMP cpus requested (2) exceeds the maximum cpus supported by KVM (1)"))
        #expect(load.text.contains("choose a host or a kernel that makes 2 vCPUs for a VM"))
        let both = try Program.run(["plan", Stream.n1] + hosts)
        #expect(both.status == 1 && both.text.contains("2, KVM_CAP_MAX_VCPUS is 1"), "\(both)")
        let mend = try Program.run("mend", Stream.n1, hosts[0], hosts[1], "--dry-run")
        #expect(mend.status == 1 && mend.text.contains("not done"), "\(mend)")
        #expect(mend.text.contains("exceeds the maximum cpus"))
        let restore = try Program.run("restore", guest, "emulated:" + folder / "few.vhost")
        #expect(restore.status == 1)
        #expect(restore.text.contains("the VM needs 3 vCPUs, and the host makes at most 2"))
    }

    @Test func whatVCPUsHaveAlike() throws {
        let guest = try save(vcpus: 3)
        for text in ["PMCR_EL0.N=2", "CLIDR_EL1=0x23", "SMCCC_ARCH_WORKAROUND_1=0"] {
            let word = text.prefix { $0 != "=" }
            expectTrouble(
                try Program.run("set", guest, text, "--vcpu", "1", "-o", folder / "o"),
                "all vCPUs of a VM have \(word) alike", "--vcpu all", "--force")
            let forced = try Program.run(
                "set", guest, text, "--vcpu", "1", "--force", "-o", folder / "o")
            #expect(forced.status == 0, "\(forced.errors)")
        }
        let own = try Program.run(
            "set", guest, "PMCR_EL0.E=1", "--vcpu", "1", "-o", folder / "o")
        #expect(own.status == 0, "\(own.errors)")
    }

    @Test func manyVCPUsAreFolded() throws {
        let guest = try save(vcpus: 20)
        expectTrouble(
            try Program.run("set", guest, "x0=1"), "has vCPUs 0-19: name one with --vcpu")
        expectTrouble(
            try Program.run("set", guest, "x0=1", "--vcpu", "20"), "it has vCPUs 0-19")
        let one = try save()
        expectTrouble(try Program.run("set", one, "x0=1", "--vcpu", "3"), "it has vCPU 0")
        expectTrouble(try Program.run("restore", one, guest), "has vCPUs 0-19", "has vCPU 0")
    }

    // MARK: Policies

    private func policy(_ lines: String...) throws -> String {
        let text = (["vpolicy 1"] + lines).joined(separator: "\n") + "\n"
        try folder.make("p.vpolicy", Data(text.utf8))
        return folder / "p.vpolicy"
    }

    @Test func overrideOfNothing() throws {
        let guest = try save(vcpus: 2)
        let own = try policy("override z3 0x1", "override SCTLR_EL1 0x30d0198d")
        let host = "6.12-neoverse-n1"
        for arguments in [
            ["plan", guest, "--host", host], ["restore", guest, "emulated:\(host)"],
            ["matrix", guest, "--host", host],
        ] {
            let run = try Program.run(arguments + ["--policy", own])
            #expect(run.status == 0)
            #expect(
                run.errors
                    == "vcpusnap: \(guest): the policy's override z3 0x1 does nothing: vCPUs 0-1 do not "
                    + "have the register\n")
        }
    }

    private func plan(_ guest: String, _ host: String, _ arguments: String...) throws -> Run {
        try Program.run(["plan", guest, "--host", host] + arguments)
    }

    @Test func proposalOfWideRegisters() throws {
        try Program.run("save", "emulated:6.12-neoverse-v1", "-o", folder / "v1")
        let policy = folder / "w.vpolicy"
        #expect(
            try plan(folder / "v1", "6.12-neoverse-n1", "--write-policy", policy).errors.isEmpty)
        let text = try folder.text("w.vpolicy")
        #expect(text.contains("what it holds is lost") && !text.contains(",,"))
    }

    @Test func proposalOfTheCounter() throws {
        let guest = try save()
        let host = try Program.run("host", "--from", guest, "--name", "fast", "-o", "-")
        let text = host.text.replacing("counter-frequency 62500000", with: "counter-frequency 1")
        try folder.make("fast.vhost", Data(text.utf8))
        let own = folder / "o.vpolicy"
        let no = try plan(guest, folder / "fast.vhost", "--write-policy", own)
        #expect(no.status == 1 && no.errors.isEmpty)
        #expect(try folder.text("o.vpolicy").contains("\ndrop counter-frequency\n"))
        #expect(try plan(guest, folder / "fast.vhost", "--policy", own).status == 0)
        let needless = try plan(guest, "6.12-neoverse-n1", "--write-policy", folder / "n.vpolicy")
        #expect(needless.status == 0)
        #expect(
            needless.errors
                == "vcpusnap: \(folder / "n.vpolicy") was not written: the policy pardons all that is lost\n"
        )
    }
}
