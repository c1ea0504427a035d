import VCPUSnap

/// A baseline, through every command that takes one.
struct BaselineTarget: Target {
    let name = "baseline"

    var seeds: [[UInt8]] {
        [
            """
            vbaseline 1
            host o
            feature PSCI_0_2
            enable KVM_CAP_ARM_WRITABLE_IMP_ID_REGS
            register ID_AA64PFR0_EL1 0x603000000013c020 0x1100000010110011 # lower
            implementation 0x413fd0c1 0x0 0x0 o
            lost ID_AA64ISAR0_EL1.RNDR 0x0 o
            lost-feature SVE o
            obstacle ID_AA64PFR0_EL1 RAS is 0x1 on o,
            more 0x2 elsewhere
            end

            """, "vbaseline 1\n",
        ].map { Array($0.utf8) }
    }

    func mutate(_ bytes: [UInt8], most: Int, _ random: inout Random) -> [UInt8] {
        mutatedLines(bytes, most: most, &random)
    }

    func use(_ bytes: [UInt8]) {
        let commands = Commands(bytes)
        Workspace.write(bytes, to: "b.vbaseline")
        Workspace.write(Hosts.other, to: "o.vhost")
        Workspace.write(Guests.small, to: "g.vcpusnap")
        let baseline = ["--baseline", "b.vbaseline"]
        let read = try? BaselineTemplate(parsing: bytes, file: "b.vbaseline")
        for guest in ["o.vhost", "g.vcpusnap"] {
            let plan = commands.run(["plan", guest, "--host", "o.vhost"] + baseline)
            expect(read != nil || plan.isTrouble, "plan takes a baseline that cannot be read")
        }
        commands.run(["plan", "o.vhost"] + baseline)
        commands.run(["matrix", "o.vhost", "--host", "o.vhost", "--format", "ndjson"] + baseline)
        let verify = commands.runInBothForms("verify", "b.vbaseline")
        let isWhole = read?.hasEnd ?? false
        expect(verify.code != 0 || isWhole, "verify calls a baseline sound that is not whole")
    }
}
