import VCPUSnap

/// A policy, through every command that takes one.
struct PolicyTarget: Target {
    let name = "policy"
    private let host = "o.vhost"

    var seeds: [[UInt8]] {
        [
            """
            vpolicy 1
            name all-kinds
            base exact
            # with a reason
            drop PM* if 0x0/0xffffffff # nobody counts
            ignore CNTPCT_EL0
            override ID_AA64DFR0_EL1.DebugVer 0x6
            override MIDR_EL1 0x0
            ignore 0x603000000013c801
            ignore counter-frequency

            """, "vpolicy 1\nbase force\n", "vpolicy 1\nbase safe\ndrop *\n",
        ].map { Array($0.utf8) }
    }

    func mutate(_ bytes: [UInt8], most: Int, _ random: inout Random) -> [UInt8] {
        mutatedLines(bytes, most: most, &random)
    }

    func use(_ bytes: [UInt8]) {
        let commands = Commands(bytes)
        Workspace.write(bytes, to: "p.vpolicy")
        Workspace.write(Guests.small, to: "g.vcpusnap")
        Workspace.write(Streams.small, to: "a.mig")
        let plan = commands.runInBothForms(
            "plan", "g.vcpusnap", "--host", host, "--policy", "p.vpolicy")
        let restore = commands.run(
            "restore", "g.vcpusnap", "emulated:\(host)", "--policy", "p.vpolicy", "-o", "r.vcpusnap"
        )
        expect(
            plan.code == restore.code, "plan ends with \(plan.code), restore with \(restore.code)")
        let policy = try? RestorePolicy(parsing: bytes, file: "p.vpolicy")
        expect((policy == nil) == plan.isTrouble, "plan ends with \(plan.code)")
        guard let policy else { return }
        do {
            let again = try RestorePolicy(parsing: Array(policy.text.utf8), file: "again")
            expect(again == policy, "what was written is not what was read")
        } catch {
            finding("what was read cannot be read when it is written: \(error)")
        }
        useForMore(commands)
    }

    private func useForMore(_ commands: Commands) {
        commands.run(
            "matrix", "g.vcpusnap", "--host", host, "--policy", "p.vpolicy", "--format", "json")
        commands.run("plan", "a.mig", "--host", host, "--policy", "p.vpolicy", "--qemu", "10.0")
        let mend = commands.run(
            "mend", "a.mig", "--host", host, "--policy", "p.vpolicy", "-o", "m.mig")
        if mend.code == 0 { checkMended("m.mig", host: host, commands) }
        let byRules = commands.run("mend", "a.mig", "--policy", "p.vpolicy", "-o", "n.mig")
        if byRules.code == 0 { checkShown("n.mig", commands) }
        let proposed = commands.run(
            "plan", "g.vcpusnap", "--host", host, "--policy", "p.vpolicy", "--write-policy",
            "w.vpolicy")
        if proposed.code == 1, Workspace.read("w.vpolicy") != nil {
            let again = commands.run("plan", "g.vcpusnap", "--host", host, "--policy", "w.vpolicy")
            expect(!again.isTrouble, "the policy that was proposed is not read")
        }
    }
}
