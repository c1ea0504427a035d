import VCPUSnap

/// A QEMU stream, through every command that takes one.
struct StreamTarget: Target {
    let name = "stream"

    private let host = "o.vhost"
    private let versions = ["7.2", "8.2", "9.2", "10.0", "10.1", "10.2"]

    var seeds: [[UInt8]] { [Streams.small, Streams.stream(of: 3)] + Streams.real }

    func mutate(_ bytes: [UInt8], most: Int, _ random: inout Random) -> [UInt8] {
        mutatedStream(bytes, most: most, &random)
    }

    func use(_ bytes: [UInt8]) {
        let commands = Commands(bytes)
        Workspace.write(bytes, to: "a.mig")
        let show = commands.runInBothForms("show", "a.mig")
        let partial = commands.runInBothForms("show", "--partial", "a.mig")
        expect(show.isTrouble || !partial.isTrouble, "shown as a whole, and not in part")
        let interrupts = commands.run("show", "--interrupts", "--all", "a.mig")
        // Many have no interrupt controller.
        expect(!show.isTrouble || interrupts.isTrouble, "not shown, but its interrupts are")
        // Each takes time: which of them it is follows from the input.
        switch Workspace.choice(bytes, of: 3) {
        case 0: plan(show, Workspace.choice(bytes, of: 24), commands)
        case 1: mend(bytes, commands)
        default: convert(show, commands)
        }
    }

    private func plan(_ show: Outcome, _ chosen: Int, _ commands: Commands) {
        let plan = commands.runInBothForms("plan", "a.mig", "--host", host)
        expect(!show.isTrouble || plan.isTrouble, "planned with, and not shown")
        for version in versions {
            commands.run("plan", "a.mig", "--host", host, "--qemu", version, "--policy", "force")
        }
        commands.runInBothForms("plan", "a.mig", "--host", host, "--qemu", "10.0")
        if chosen == 0 {
            commands.run(
                "plan", "a.mig", "--host", "6.12-max", "--qemu", "10.0", "--format", "json")
        }
    }

    /// In all three ways, with the same result.
    private func mend(_ bytes: [UInt8], _ commands: Commands) {
        let how = ["--host", host, "--policy", "force"]
        commands.run(["mend", "a.mig", "--host", host, "--dry-run", "--format", "json"])
        let file = commands.run(["mend", "a.mig", "-o", "m.mig"] + how)
        let pipe = commands.run(["mend", "-", "-o", "-"] + how, input: bytes)
        let place = commands.run(["mend", "a.mig", "--in-place"] + how)
        let mended = Workspace.read("m.mig")
        let changed = Workspace.read("a.mig")
        expect(
            file.code == place.code && file.code == pipe.code,
            "mend ends with \(file.code), in a pipe \(pipe.code), in place \(place.code)")
        guard file.code == 0 else {
            expect(changed == bytes && mended == nil, "mend failed and wrote")
            return
        }
        expect(mended == changed, "mended in place it is another stream")
        expect(mended == pipe.output, "mended in a pipe it is another stream")
        if Workspace.read("a.mig.undo") != nil {
            let undo = commands.run("unmend", "a.mig")
            expect(undo.code == 0 && Workspace.read("a.mig") == bytes, "unmend does not restore it")
        } else {
            expect(changed == bytes, "mend changed it and left no way back")
        }
        checkMended("m.mig", host: host, commands)
    }

    private func convert(_ show: Outcome, _ commands: Commands) {
        let outcome = commands.run("convert", "a.mig", "-o", "c.vcpusnap")
        expect(
            show.isTrouble == outcome.isTrouble,
            "show ends with \(show.code), convert with \(outcome.code)")
        guard !outcome.isTrouble else { return }
        checkSound("c.vcpusnap", commands)
        commands.run("plan", "c.vcpusnap", "--host", host)
        let back = commands.run("convert", "c.vcpusnap", "--into", "a.mig", "-o", "n.mig")
        guard outcome.code == 0, back.code == 0 else { return }
        expect(
            Workspace.read("n.mig") == Workspace.read("a.mig"),
            "converted there and back it differs")
    }
}

/// What mend wrote loads, and mend leaves it as it is.
func checkMended(_ name: String, host: String, _ commands: Commands) {
    let bytes = Workspace.read(name)
    let plan = commands.run("plan", name, "--host", host, "--qemu", "10.0", "--policy", "force")
    expect(
        plan.code == 0,
        "mended for \(host), it does not load there: \(String(decoding: plan.output + plan.errors, as: UTF8.self))"
    )
    let again = commands.run("mend", name, "--host", host, "--policy", "force", "-o", "again.mig")
    expect(again.code == 0 && Workspace.read("again.mig") == bytes, "mended, it is mended again")
}

func checkShown(_ name: String, _ commands: Commands) {
    expect(commands.run("show", name).code == 0, "what a command wrote cannot be shown")
}
