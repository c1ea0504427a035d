import VCPUSnap

/// Lines of words: command lines, and names and values of registers.
///
/// Words never leave the folder: what has a slash, or names a process or a socket, is left out.
struct ArgumentsTarget: Target {
    let name = "arguments"

    private static let vocabulary = [
        "save", "restore", "plan", "diff", "show", "verify", "set", "inject", "convert", "mend",
        "unmend", "matrix",
        "baseline", "host", "register", "g.vcpusnap", "a.mig", "p.vpolicy", "new", "-", "kvm:",
        "--",
        "emulated:6.1-neoverse-n1", "6.12-max", "-o", "--output", "--host", "--policy", "safe",
        "exact", "--format",
        "json", "text", "--vcpus", "--vcpu", "all", "--force", "--strict", "--dry-run",
        "--in-place", "--qemu",
        "10.0", "--partial", "--snapshot", "--aarch32", "-r", "--register", "--exclude", "--into",
        "--from",
        "--kernel", "--name", "--built-in", "--html", "--write-policy", "--show-keys", "breakpoint",
        "data-abort",
        "serror", "--comment", "--address", "--store", "--syndrome", "SCTLR_EL1.M=1", "x0=0x1",
        "*EL1*", "--help",
        "--version", "help", "--volatile", "--hosts", ".", "", "0x603000000013c080",
    ]

    var seeds: [[UInt8]] {
        [
            "show g.vcpusnap -r *EL1* --format json",
            "plan g.vcpusnap --host 6.1-neoverse-n1 --policy exact",
            "restore g.vcpusnap emulated:6.1-neoverse-n1 -o new",
            "set g.vcpusnap SCTLR_EL1.M=1 x0=0x5",
            "mend a.mig --host 6.1-neoverse-n1 -o new",
            "inject g.vcpusnap data-abort --address 0x1000",
            "save emulated:6.12-max --vcpus 2 -o new", "register SCTLR_EL1 --format json",
            "matrix g.vcpusnap --hosts .",
        ].map { Array($0.utf8) }
    }

    func mutate(_ bytes: [UInt8], most: Int, _ random: inout Random) -> [UInt8] {
        var words = bytes.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map
        { Array($0) }
        let place = random.below(words.count)
        switch random.below(5) {
        case 0: words.remove(at: place)
        case 1: words[place] = mutated(words[place], most: 48)
        case 2: words.insert(words[random.below(words.count)], at: place)
        default:
            let word = Array(Self.vocabulary[random.below(Self.vocabulary.count)].utf8)
            if random.once(in: 2) { words.insert(word, at: place) } else { words[place] = word }
        }
        return Array(Array(words.joined(separator: [UInt8(ascii: " ")])).prefix(most))
    }

    func use(_ bytes: [UInt8]) {
        let text = String(decoding: bytes.prefix(1024), as: UTF8.self)
        let words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard words.allSatisfy(isHarmless) else { return }
        let inputs = [
            "g.vcpusnap": Guests.small, "a.mig": Streams.small,
            "p.vpolicy": Array("vpolicy 1\n".utf8),
        ]
        for (name, contents) in inputs { Workspace.write(contents, to: name) }
        let commands = Commands(bytes)
        let outcome = commands.run(words, input: Guests.small)
        guard outcome.isTrouble else { return }
        for (name, contents) in inputs {
            expect(Workspace.read(name) == contents, "\(text) failed and changed \(name)")
        }
    }

    private func isHarmless(_ word: String) -> Bool {
        !word.contains("/") && !ForbiddenSources.schemes.contains { word.contains($0) }
            && !word.contains("\0")
            && word != ".." && word != "list"
    }
}

/// Sources that a fuzzed word must not name.
enum ForbiddenSources {
    /// The schemes of those that are outside this program: processes, sockets, other hosts.
    static let schemes = SourceKinds.schemes(for: .read)
        .map { $0.prefix { $0 != ":" } + ":" }
        .filter { !["kvm:", "emulated:"].contains($0) }
}

/// Names and values of registers, one to a line.
struct RegistersTarget: Target {
    let name = "registers"

    var seeds: [[UInt8]] {
        [
            "SCTLR_EL1\nS3_0_C1_C0_0\n0x603000000013c080\nx0",
            "SCTLR_EL1.M=EN\nV0=0x1\nPSTATE.M=0b101",
            "DBGBVR0_EL1\nCCSIDR13\nDACR(NS)\np15,0,c1,c0,0", "ID_*_EL1\nSP??\n*TIDR*",
            "MP_STATE=0\nVCPU_INIT=0x1400000005",
        ].map { Array($0.utf8) }
    }

    func mutate(_ bytes: [UInt8], most: Int, _ random: inout Random) -> [UInt8] {
        if random.once(in: 3) {
            let all = RegisterDictionary.all
            let entry = all[all.index(all.startIndex, offsetBy: random.below(all.count))]
            let field =
                entry.fields.isEmpty
                ? "" : "." + entry.fields[random.below(entry.fields.count)].name
            let value = String(random.number(), radix: 16)
            return Array("\(entry.name)\(random.once(in: 2) ? field : "")=0x\(value)\n".utf8)
                + bytes.prefix(max(0, min(200, most - 100)))
        }
        return mutatedLines(bytes, most: most, &random)
    }

    func use(_ bytes: [UInt8]) {
        let text = String(decoding: bytes.prefix(400), as: UTF8.self)
        let words = text.split(separator: "\n").map(String.init).prefix(6).filter {
            !$0.contains("\0") && !$0.hasPrefix("-") && !isForMost($0)
        }
        guard !words.isEmpty else { return }
        Workspace.write(Guests.small, to: "g.vcpusnap")
        let commands = Commands(bytes)
        for word in words { checkName(word) }
        commands.run(["register"] + words)
        commands.run(["register", "--format", "json"] + words)
        commands.run(["show", "g.vcpusnap"] + words.flatMap { ["-r", $0] })
        commands.run(
            ["restore", "g.vcpusnap", "emulated:o.vhost"] + words.flatMap { ["--exclude", $0] })
        for force in [[], ["--force"]] {
            let outcome = commands.run(["set", "g.vcpusnap", "-o", "s.vcpusnap"] + force + words)
            if !outcome.isTrouble { checkSound("s.vcpusnap", commands) }
            commands.run(["set", "emulated:o.vhost", "-o", "e.vcpusnap"] + force + words)
        }
        if let number = words.first {
            commands.run(
                "inject", "g.vcpusnap", "data-abort", "--address", number, "-o", "i.vcpusnap")
        }
    }

    /// A pattern that most registers match, for which everything takes a hundred times as long.
    private func isForMost(_ word: String) -> Bool {
        guard word.contains(where: { "*?".contains($0) }) else { return false }
        return word.utf8.filter { $0 != UInt8(ascii: "*") && $0 != UInt8(ascii: "?") }.count < 3
    }

    /// The name that an id is printed with is read as that id.
    private func checkName(_ word: String) {
        guard let id = RegisterID(parsing: word) else { return }
        expect(
            RegisterID(parsing: id.name) == id,
            "\(word) is \(id.name), which is not read as the same")
        expect(RegisterID(parsing: id.hex) == id, "\(id.hex) is not read as the same")
    }
}
