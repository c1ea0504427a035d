import VCPUSnap

/// A host profile, through every command that takes one.
struct ProfileTarget: Target {
    let name = "profile"

    var seeds: [[UInt8]] { [Hosts.small, Hosts.other, Hosts.wide] }

    func mutate(_ bytes: [UInt8], most: Int, _ random: inout Random) -> [UInt8] {
        mutatedLines(bytes, most: most, &random)
    }

    func use(_ bytes: [UInt8]) {
        let commands = Commands(bytes)
        Workspace.write(bytes, to: "h.vhost")
        Workspace.write(Guests.small, to: "g.vcpusnap")
        let profile = try? HostProfile(parsing: bytes, file: "h.vhost")
        let plan = commands.runInBothForms("plan", "g.vcpusnap", "--host", "h.vhost")
        expect(profile != nil || plan.isTrouble, "plan takes a profile that cannot be read")
        guard let profile else {
            expect(
                commands.run("baseline", "h.vhost").isTrouble, "baseline takes what cannot be read")
            expect(
                commands.run("save", "emulated:h.vhost", "-o", "e.vcpusnap").isTrouble,
                "save takes what cannot be read")
            return
        }
        writeAgain(profile)
        // Each takes time: which of them it is follows from the input.
        switch Workspace.choice(bytes, of: 3) {
        case 0: move(plan, commands)
        case 1: own(commands)
        default: useForStreams(commands)
        }
    }

    private func writeAgain(_ profile: HostProfile) {
        do {
            let again = try HostProfile(parsing: Array(profile.text.utf8), file: "again")
            expect(
                again == profile && again.text == profile.text,
                "what was written is not what was read")
        } catch {
            finding("what was read cannot be read when it is written: \(error)")
        }
    }

    private func move(_ plan: Outcome, _ commands: Commands) {
        let restore = commands.run("restore", "g.vcpusnap", "emulated:h.vhost", "-o", "r.vcpusnap")
        expect(
            plan.code == restore.code, "plan ends with \(plan.code), restore with \(restore.code)")
        if !restore.isTrouble { checkSound("r.vcpusnap", commands) }
        let matrix = commands.run("matrix", "g.vcpusnap", "--host", "h.vhost", "--html", "m.html")
        expect(plan.code == matrix.code, "plan ends with \(plan.code), matrix with \(matrix.code)")
        let strict = commands.run(
            "restore", "g.vcpusnap", "emulated:h.vhost", "--strict", "--format", "json")
        expect(
            strict.code == restore.code,
            "restore ends with \(restore.code), strict with \(strict.code)")
    }

    /// Its own fresh guest goes to it without a loss.
    private func own(_ commands: Commands) {
        let save = commands.run("save", "emulated:h.vhost", "--vcpus", "2", "-o", "e.vcpusnap")
        if !save.isTrouble {
            checkSound("e.vcpusnap", commands)
            commands.run("plan", "e.vcpusnap", "--host", "h.vhost")
            commands.run("host", "--from", "e.vcpusnap", "-o", "f.vhost")
        }
        commands.run("show", "h.vhost")
        commands.run("diff", "h.vhost", "o.vhost", "--format", "json")
        commands.run("baseline", "h.vhost", "o.vhost", "-o", "b.vbaseline")
        commands.run("baseline", "h.vhost", "--format", "json")
        commands.run("plan", "h.vhost", "--host", "o.vhost")
        commands.run("set", "emulated:h.vhost", "SCTLR_EL1.M=1", "-o", "s.vcpusnap")
    }

    private func useForStreams(_ commands: Commands) {
        Workspace.write(Streams.small, to: "a.mig")
        commands.run("plan", "a.mig", "--host", "h.vhost", "--qemu", "10.0")
        let mend = commands.run(
            "mend", "a.mig", "--host", "h.vhost", "--policy", "force", "-o", "m.mig")
        if mend.code == 0 { checkMended("m.mig", host: "h.vhost", commands) }
    }
}
