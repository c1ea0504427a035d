import VCPUSnap

/// A snapshot, through every command that takes one.
struct SnapshotTarget: Target {
    let name = "snapshot"

    private let hosts = ["o.vhost", "p.vhost"]

    var seeds: [[UInt8]] {
        var different = Guests.essential(2)
        different.vcpus[1].registers.set(RegisterValue(0x1234), for: .x(3))
        return [
            Guests.small, Guests.n1, Guests.max, Guests.encoded(Guests.essential(3)),
            Guests.encoded(different),
            Guests.encoded(Snapshot(provenance: Provenance(), vcpus: [])),
        ]
    }

    func mutate(_ bytes: [UInt8], most: Int, _ random: inout Random) -> [UInt8] {
        switch random.below(8) {
        case 0: return mutated(bytes, most: most)
        case 1...2:
            guard var container = SnapshotContainer(bytes) else { break }
            container.mutate(most: most, &random)
            return container.bytes()
        default:
            guard var snapshot = try? SnapshotReader.decode(bytes) else { break }
            for _ in 0...random.below(3) { snapshot.mutate(&random) }
            if let result = try? SnapshotWriter.encode(snapshot, level: 1) { return result }
        }
        return mutated(bytes, most: most)
    }

    func use(_ bytes: [UInt8]) {
        let commands = Commands(bytes)
        Workspace.write(bytes, to: "a.vcpusnap")
        let verdict = commands.runInBothForms("verify", "a.vcpusnap")
        let show = commands.runInBothForms("show", "a.vcpusnap")
        let snapshot = try? SnapshotReader.decode(bytes)
        expect(
            verdict.code == 0 || snapshot == nil || verdict.code == 1,
            "it can be read, and verify ends with \(verdict.code)")
        expect(verdict.code != 0 || snapshot != nil, "verify calls sound what cannot be read")
        expect((show.code == 0) == (snapshot != nil), "show ends with \(show.code)")
        guard let snapshot else {
            for word in ["plan", "restore", "convert", "matrix"] { refuse(word, commands) }
            return
        }
        writeAgain(snapshot)
        Workspace.write(Hosts.other, to: hosts[1])
        // Each takes time: which of them it is follows from the input.
        switch Workspace.choice(bytes, of: 4) {
        case 0: move(Workspace.choice(bytes, of: 96), commands)
        case 1: compare(commands)
        case 2: edit(snapshot, commands)
        default: makeHost(commands)
        }
    }

    private func refuse(_ command: String, _ commands: Commands) {
        let more = [
            "plan": ["--host", hosts[0]], "restore": ["emulated:\(hosts[0])", "-o", "b.vcpusnap"],
            "convert": ["-o", "b.vcpusnap"], "matrix": ["--host", hosts[0]],
        ]
        let outcome = commands.run([command, "a.vcpusnap"] + (more[command] ?? []))
        expect(outcome.isTrouble, "\(command) of a damaged file ends with \(outcome.code)")
        expect(Workspace.read("b.vcpusnap") == nil, "\(command) failed and wrote a file")
    }

    private func writeAgain(_ snapshot: Snapshot) {
        do {
            let again = try SnapshotReader.decode(try SnapshotWriter.encode(snapshot, level: 1))
            expect(again == snapshot, "what was written is not what was read")
        } catch {
            finding("what was read cannot be written: \(error)")
        }
    }

    /// What plan says is what restore does.
    private func move(_ choice: Int, _ commands: Commands) {
        // Built-in hosts take ten times as long.
        let host = choice == 0 ? "6.12-max" : hosts[0]
        let policy = ["safe", "exact", "force"][choice / 4 % 3]
        let words = ["a.vcpusnap", "--policy", policy]
        let plan = commands.run(["plan", "--host", host] + words)
        let restore = commands.run(
            ["restore"] + [words[0], "emulated:\(host)"] + words[1...] + ["-o", "r.vcpusnap"])
        expect(
            plan.code == restore.code,
            "plan on \(host) by \(policy) ends with \(plan.code), restore with \(restore.code)")
        if !restore.isTrouble { checkSound("r.vcpusnap", commands) }
        let both = ["a.vcpusnap", "--host", hosts[0], "--host", hosts[1]]
        let first = commands.run(["plan"] + both)
        let second = commands.run(["plan"] + both)
        expect(first == second, "plan said two things")
        let json = commands.run(["plan", "--format", "json"] + both)
        expect(json.code == first.code, "plan ends with \(first.code), as JSON with \(json.code)")
        let matrix = commands.run(["matrix", "--html", "m.html"] + both)
        expect(
            matrix.code == first.code, "plan ends with \(first.code), matrix with \(matrix.code)")
        commands.run(["matrix", "--format", "json"] + both)
    }

    private func compare(_ commands: Commands) {
        Workspace.write(Guests.small, to: "g.vcpusnap")
        let same = commands.runInBothForms("diff", "a.vcpusnap", "a.vcpusnap")
        expect(same.code == 0, "it differs from itself")
        let there = commands.runInBothForms("diff", "a.vcpusnap", "g.vcpusnap")
        let back = commands.run("diff", "g.vcpusnap", "a.vcpusnap")
        expect(
            there.code == back.code,
            "diff ends with \(there.code), the other way round \(back.code)")
        for (from, to) in [("a", "g"), ("g", "a")] {
            let outcome = commands.run(
                "restore", "\(from).vcpusnap", "\(to).vcpusnap", "-o", "r.vcpusnap")
            if !outcome.isTrouble { checkSound("r.vcpusnap", commands) }
        }
        commands.run("show", "-r", "*EL1*", "a.vcpusnap", "--format", "json")
        commands.run("show", "--aarch32", "a.vcpusnap")
    }

    private func edit(_ snapshot: Snapshot, _ commands: Commands) {
        guard let vcpu = snapshot.vcpus.first else { return }
        let number = String(vcpu.index)
        for exception in ["breakpoint", "data-abort", "serror"] {
            let outcome = commands.run(
                "inject", "a.vcpusnap", exception, "--vcpu", number, "-o", "i.vcpusnap")
            if !outcome.isTrouble { checkSound("i.vcpusnap", commands) }
        }
        setAndSetBack(snapshot, vcpu, number, commands)
        let whole = commands.run(
            "set", "a.vcpusnap", "SCTLR_EL1.M=1", "x0=0x5", "--vcpu", "all", "-o", "s.vcpusnap",
            "--format", "json")
        if !whole.isTrouble { checkSound("s.vcpusnap", commands) }
    }

    private func setAndSetBack(
        _ snapshot: Snapshot, _ vcpu: VCPUState, _ number: String, _ commands: Commands
    ) {
        guard let old = vcpu.registers[.x(1)]?.bits else { return }
        let value = "x1=0x" + String(~old, radix: 16)
        let there = commands.run("set", "a.vcpusnap", value, "--vcpu", number, "-o", "s.vcpusnap")
        guard there.code == 0 else { return }
        commands.run("set", "s.vcpusnap", "x1=0x" + String(old, radix: 16), "--vcpu", number)
        let after = Workspace.read("s.vcpusnap").flatMap { try? SnapshotReader.decode($0) }
        expect(after == snapshot, "set to another value and back, it is not what it was")
    }

    private func makeHost(_ commands: Commands) {
        let outcome = commands.run("host", "--from", "a.vcpusnap", "-o", "h.vhost")
        commands.run("host", "--from", "a.vcpusnap", "--kernel", "6.12.1", "--format", "json")
        guard outcome.code == 0 else { return }
        Workspace.write(Guests.small, to: "g.vcpusnap")
        let plan = commands.run("plan", "g.vcpusnap", "--host", "h.vhost")
        expect(!plan.isTrouble, "the host made of it is not read: \(text(plan.errors))")
        let save = commands.run("save", "emulated:h.vhost", "-o", "e.vcpusnap")
        if !save.isTrouble { checkSound("e.vcpusnap", commands) }
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}

/// A file that a command wrote is sound.
func checkSound(_ name: String, _ commands: Commands) {
    let outcome = commands.run("verify", name)
    expect(
        outcome.code == 0,
        "what a command wrote is not sound: \(String(decoding: outcome.output + outcome.errors, as: UTF8.self))"
    )
}

extension RegisterID {
    static func x(_ number: UInt64) -> RegisterID {
        RegisterID(rawValue: 0x6030_0000_0010_0000 + 2 * number)
    }
}
