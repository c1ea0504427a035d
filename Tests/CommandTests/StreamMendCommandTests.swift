import Foundation
import TestFiles
import Testing

private let older = "6.1-neoverse-n1"
private let versions = ["7.2", "10.2", "11.0", "11.1"]
/// Those that have the machine type of the stream.
private let loading = ["10.0", "10.2", "11.0", "11.1"]

@Suite("Commands: mend")
struct StreamMendCommandTests {
    private let folder: TemporaryFolder
    /// Pardons what safe does not, of the stream that is mended here.
    private let policy: String

    init() throws {
        folder = try TemporaryFolder()
        policy = folder / "old.vpolicy"
        let lines = [
            "vpolicy 1", "name old", "drop CCSIDR*", "drop CLIDR_EL1", "drop ID_AA64DFR0_EL1",
            "drop CNTPCT_EL0",
        ]
        try folder.make("old.vpolicy", Data((lines.joined(separator: "\n") + "\n").utf8))
    }

    private func mend(_ stream: String, _ arguments: String...) throws -> Run {
        try Program.run(["mend", stream, "--host", older, "--policy", policy] + arguments)
    }

    /// Expects that a stream loads in every version.
    private func expectLoads(
        _ stream: String, on host: String = older, location: SourceLocation = #_sourceLocation
    ) throws {
        for version in loading {
            let run = try Program.run("plan", stream, "--host", host, "--qemu", version)
            #expect(run.text.contains(": loads"), "\(run.text)", sourceLocation: location)
        }
    }

    // MARK: To a file

    @Test("A mended stream is a new file of its owner's that loads, and the old one stays")
    func toAFile() throws {
        let original = try Stream.data(Stream.n1)
        let run = try mend(Stream.n1, "-o", folder / "new.mig")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.isEmpty)
        #expect(run.text.hasPrefix("mend \(Stream.n1) for \(older): it loads there\n"))
        #expect(run.text.contains("vCPUs 0-1: 17 taken out, 5 given another value\n"))
        #expect(run.text.contains("drop CNTPCT_EL0"))
        #expect(run.text.split(separator: "\n").count { $0.contains("TCR2_EL1") } == 1)
        #expect(!run.text.contains("\u{1b}["))
        #expect(try folder.permissions("new.mig") == 0o600)
        #expect(try Stream.data(Stream.n1) == original)
        #expect(try folder.names == ["new.mig", "old.vpolicy"])
        let new = try folder.data("new.mig")
        #expect(new.count == original.count - 2 * 17 * 16)
        try expectLoads(folder / "new.mig")
        // Nothing before the first section has changed.
        #expect(new.prefix(11_319) == original.prefix(11_319))
    }

    @Test("A stream that fits is copied byte for byte, and said to fit")
    func fits() throws {
        let run = try Program.run(
            "mend", Stream.n1, "--host", "6.12-neoverse-n1", "-o", folder / "new.mig")
        #expect(run.status == 0)
        #expect(run.text.contains(": it loads there as it is\n"))
        #expect(run.text.contains("KVM alters these when QEMU loads them (1)"))
        #expect(try folder.data("new.mig") == Stream.data(Stream.n1))
    }

    @Test("A stream is not mended over itself, where its original would be lost")
    func overItself() throws {
        let path = try folder.copy(Stream.n1)
        let run = try mend(path, "-o", path)
        #expect(run.status == 2)
        #expect(run.errors.contains("--in-place"))
        #expect(try folder.data("vm.mig") == Stream.data(Stream.n1))
        #expect(try folder.names == ["old.vpolicy", "vm.mig"])
    }

    @Test("Mending again changes nothing")
    func again() throws {
        #expect(try mend(Stream.n1, "-o", folder / "new.mig").status == 0)
        let run = try mend(folder / "new.mig", "-o", folder / "newer.mig")
        #expect(run.status == 0)
        #expect(run.text.contains(": it loads there as it is\n"))
        #expect(try folder.data("newer.mig") == folder.data("new.mig"))
    }

    @Test("A stream without a description is mended too")
    func withoutDescription() throws {
        let run = try mend(Stream.devices, "-o", folder / "new.xen")
        #expect(run.status == 0, "\(run.errors)")
        try expectLoads(folder / "new.xen")
    }

    @Test("A dry run writes nothing, and says the same")
    func dryRun() throws {
        let path = try folder.copy(Stream.n1)
        let run = try mend(path, "--dry-run")
        #expect(run.status == 0)
        #expect(run.text.contains("17 taken out, 5 given another value"))
        #expect(try folder.data("vm.mig") == Stream.data(Stream.n1))
        #expect(try folder.names == ["old.vpolicy", "vm.mig"])
        let json = try mend(path, "--dry-run", "--format", "json").json()
        #expect(json["mended"] as? Bool == true && json["written"] as? Bool == false)
    }

    @Test("The JSON has every change with its reason, and every version")
    func json() throws {
        let run = try mend(Stream.n1, "-o", folder / "new.mig", "--format", "json")
        #expect(run.status == 0)
        let report = try run.json()
        #expect(
            Set(report.keys)
                == ["blockers", "source", "host", "policy", "mended", "written", "vcpus", "plans"])
        #expect(report["source"] as? String == Stream.n1)
        #expect(report["host"] as? String == older)
        #expect(report["policy"] as? String == "old")
        #expect(report["mended"] as? Bool == true && report["written"] as? Bool == true)
        let plans = try streamObjects(report["plans"])
        #expect(plans.map { $0["qemu"] as? String } == versions)
        #expect(plans.allSatisfy { Set($0.keys) == ["qemu", "verdict", "output"] })
        let vcpus = try streamObjects(report["vcpus"])
        #expect(vcpus.map { $0["index"] as? Int } == [0, 1])
        for vcpu in vcpus {
            #expect(Set(vcpu.keys) == ["index", "changes", "refusals", "altered"])
            let changes = try streamObjects(vcpu["changes"])
            #expect(changes.count == 22)
            for change in changes {
                #expect(
                    Set(change.keys).subtracting(["after"]) == ["name", "id", "before", "pardon"])
                let pardon = try #require(change["pardon"] as? [String: String])
                #expect(pardon["rule"] != nil)
            }
        }
    }

    @Test("One version of QEMU is enough where only that is asked for")
    func oneVersion() throws {
        let json = try mend(
            Stream.n1, "-o", folder / "new.mig", "--qemu", "10.0", "--format", "json"
        ).json()
        #expect(try streamObjects(json["plans"]).map { $0["qemu"] as? String } == ["10.0"])
        expectStreamTrouble(
            try mend(Stream.n1, "--dry-run", "--qemu", "2"), "--qemu", "such as 10.0")
    }

    @Test("Rules of the policy are named as the reason")
    func rules() throws {
        try folder.make(
            "r.vpolicy", Data("vpolicy 1\nignore CNTKCTL_EL1\noverride PMUSERENR_EL0 0x3\n".utf8))
        let run = try Program.run(
            "mend", Stream.n1, "--host", "6.12-neoverse-n1", "--policy", folder / "r.vpolicy", "-o",
            folder / "new.mig", "--format", "json")
        #expect(run.status == 0, "\(run.errors)")
        let changes = try streamObjects(streamObjects(run.json()["vcpus"])[0]["changes"])
        #expect(changes.count == 2)
        #expect(
            changes.compactMap { ($0["rules"] as? [String])?.first }.sorted()
                == ["ignore CNTKCTL_EL1", "override PMUSERENR_EL0 0x3"])
        let shown = try Program.run("show", folder / "new.mig", "--register", "PMUSERENR_EL0")
        #expect(shown.text.contains("0x3"))
    }

    @Test("Keys that are taken out are hidden unless asked for")
    func keys() throws {
        for (option, isHidden) in [([], true), (["--show-keys"], false)] {
            let base = [
                "mend", Stream.max, "--host", "6.12-neoverse-n1", "--policy", "force", "--dry-run",
            ]
            let text = try Program.run(base + option + ["-v"])
            #expect(text.status == 0)
            #expect(text.text.contains("(hidden)") == isHidden)
            let run = try Program.run(base + option + ["--format", "json"])
            let changes = try streamObjects(streamObjects(run.json()["vcpus"])[0]["changes"])
            let keys = changes.filter { ($0["name"] as? String)?.contains("KEY") == true }
            #expect(keys.count == 10)
            #expect(keys.allSatisfy { ($0["before"] as? String == "(hidden)") == isHidden })
        }
    }

    @Test("What was written is said, and where nothing was")
    func ending() throws {
        let file = try mend(Stream.n1, "-o", folder / "new.mig", "-v")
        #expect(file.text.hasSuffix("written \(folder / "new.mig")\n"))
        #expect(file.text.contains("  taken out (17)\n"))
        let dry = try mend(Stream.n1, "--dry-run", "-v")
        #expect(dry.text.hasSuffix("  nothing was written: this was a dry run\n"))
        #expect(dry.text.contains("  would be taken out (17)\n"))
        let path = try folder.copy(Stream.n1)
        let inPlace = try mend(path, "--in-place")
        #expect(inPlace.text.hasSuffix("vcpusnap unmend \(path) restores it\n"))
        let pipe = try mend(Stream.n1, "-o", "-")
        #expect(pipe.errors.hasSuffix("  written to standard output\n"))
    }

    @Test(
        "A mend that plan advises can be typed, whatever the stream is in",
        arguments: [
            ("cp STREAM vm.mig", ""), ("gzip -c STREAM > vm.mig", ""),
            ("head -c 23216 STREAM > vm.mig", " --undescribed"),
            ("head -c 23216 STREAM | gzip -c > vm.mig", " --undescribed"),
        ])
    func advice(making: String, option: String) throws {
        let script = making.replacingOccurrences(of: "STREAM", with: Stream.n1)
        let plan = try Program.shell(
            script + "; vcpusnap plan vm.mig --host \(older) --qemu 11.1 --policy force\(option)",
            in: folder)
        #expect(plan.status == 1, "\(plan.errors)")
        let line = try #require(
            plan.text.split(separator: "\n").first {
                $0.hasSuffix(" makes a stream that loads there")
            }, "\(plan.text)")
        let command = line.dropFirst("  can be done: ".count)
            .dropLast(" makes a stream that loads there".count)
        let mended = try Program.shell(
            "\(command) && vcpusnap plan FILE --host \(older) --qemu 11.1 --policy force\(option)",
            in: folder)
        #expect(mended.status == 0, "\(command): \(mended.errors)")
    }

    // MARK: Proposals

    @Test("--write-policy writes the rules that are missing, and with them it loads")
    func writePolicy() throws {
        let ours = folder / "ours.vpolicy"
        let options = ["mend", Stream.n1, "--host", older, "--dry-run", "--write-policy", ours]
        let run = try Program.run(options)
        #expect(run.status == 1)
        #expect(run.text.hasSuffix("mend with --policy \(ours)\n"))
        let text = try folder.text("ours.vpolicy")
        let rules = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(
            rules == [
                "vpolicy 1", "base safe", "drop CCSIDR1", "drop CCSIDR2",
                "override ID_AA64DFR0_EL1.DebugVer 0x6", "drop CLIDR_EL1", "drop CNTPCT_EL0",
            ])
        #expect(text.contains("# the guest's ID_AA64DFR0_EL1.DebugVer becomes 0x6, and was 0x8"))
        #expect(text.contains("# Delete the rules below whose registers the guest needs."))
        let mended = try Program.run(
            "mend", Stream.n1, "--host", older, "--policy", ours, "-o", folder / "new.mig")
        #expect(mended.status == 0, "\(mended.errors)")
        try expectLoads(folder / "new.mig")
        let json = try Program.run(options + ["--format", "json"]).json()
        #expect(try streamObjects(json["proposal"]).count == 5)
        // Where nothing stands in the way nothing is proposed.
        let done = try Program.run(
            "mend", Stream.n1, "--host", older, "--policy", ours, "--dry-run", "--write-policy",
            folder / "none.vpolicy")
        #expect(done.status == 0)
        #expect(try !folder.names.contains("none.vpolicy"))
    }

    @Test("A proposal keeps the rules that there were, and goes to a file only")
    func writePolicyAfterRules() throws {
        try folder.make(
            "a.vpolicy", Data("vpolicy 1\nbase exact\ndrop CCSIDR*\ndrop CNT*\n".utf8))
        let run = try Program.run(
            "mend", Stream.n1, "--host", older, "--policy", folder / "a.vpolicy", "--dry-run",
            "--write-policy", folder / "b.vpolicy")
        #expect(run.status == 1)
        let text = try folder.text("b.vpolicy")
        #expect(text.hasPrefix("vpolicy 1\nbase exact\ndrop CCSIDR*\ndrop CNT*\n"))
        #expect(text.contains("\ndrop PIR_EL1\n"))
        let again = try Program.run(
            "mend", Stream.n1, "--host", older, "--policy", folder / "b.vpolicy", "--dry-run")
        #expect(again.status == 0, "\(again.text)")
        for place in ["-", "kvm:"] {
            let wrong = try Program.run(
                "mend", Stream.n1, "--host", older, "--dry-run", "--write-policy", place)
            expectStreamTrouble(wrong, "file")
        }
    }

    // MARK: Refusals

    @Test(
        "What may not be changed is named, the exit code is 1, and nothing is written",
        arguments: [
            "exact", "safe",
        ])
    func refused(preset: String) throws {
        for arguments in [["-o", folder / "new.mig"], ["-o", "-"], ["--dry-run"]] {
            let run = try Program.run(
                ["mend", Stream.n1, "--host", older, "--policy", preset] + arguments)
            #expect(run.status == 1)
            let report = arguments == ["-o", "-"] ? run.errors : run.text
            #expect(report.contains(": not done\n"))
            #expect(report.contains("may not be changed: the guest could notice"))
            #expect(report.contains("unknown, CNTPCT_EL0"))
            #expect(report.contains("refused, CLIDR_EL1"))
            #expect(report.contains("as far as it could be changed, QEMU 11.1 prints"))
            #expect(report.contains("    drop CNTPCT_EL0\n"))
            #expect(report.contains("--policy FILE"))
            #expect(arguments != ["-o", "-"] || run.output.isEmpty)
            #expect(try folder.names == ["old.vpolicy"])
        }
    }

    @Test("A refusal leaves an older output file alone, and writes no undo file")
    func refusedOverOld() throws {
        try folder.make("new.mig", Data("old".utf8))
        let run = try Program.run("mend", Stream.n1, "--host", older, "-o", folder / "new.mig")
        #expect(run.status == 1)
        #expect(try folder.data("new.mig") == Data("old".utf8))
        let path = try folder.copy(Stream.n1)
        let inPlace = try Program.run("mend", path, "--host", older, "--in-place")
        #expect(inPlace.status == 1)
        #expect(try folder.data("vm.mig") == Stream.data(Stream.n1))
        #expect(try folder.names == ["new.mig", "old.vpolicy", "vm.mig"])
        let json = try Program.run(
            "mend", path, "--host", older, "--in-place", "--format", "json"
        ).json()
        #expect(json["mended"] as? Bool == false && json["written"] as? Bool == false)
    }

    @Test("Streams of QEMU's emulation are trouble, not a finding")
    func emulation() throws {
        let run = try mend(Stream.tcgMax, "-o", folder / "new.mig")
        #expect(run.status == 2)
        #expect(run.errors.contains(Stream.tcgMax) && run.errors.contains("TCG"))
        #expect(try folder.names == ["old.vpolicy"])
    }

    @Test("One of --output, --in-place and --dry-run is needed, and no more")
    func usage() throws {
        let path = try folder.copy(Stream.n1)
        for arguments in [
            [], ["--dry-run", "--in-place"], ["-o", folder / "a", "--dry-run"],
            ["-o", folder / "a", "--in-place"],
        ] {
            let run = try Program.run(["mend", path, "--host", older] + arguments)
            expectStreamTrouble(run, "--output", "--in-place", "--dry-run")
        }
        expectStreamTrouble(
            try Program.run("mend", "-", "--host", older, "--in-place"), "--in-place needs a file")
        expectStreamTrouble(try Program.run("mend", path, "--dry-run"), "--host")
        expectStreamTrouble(
            try Program.run("mend", path, "--host", "nobody", "--dry-run"), "nobody",
            "6.12-neoverse-n1")
        expectStreamTrouble(
            try mend(path, "-o", "kvm:"), "kvm:", "file")
        expectStreamTrouble(
            try Program.run("mend", folder / "none", "--host", older, "--dry-run"), "none",
            "check the name")
        #expect(try folder.names == ["old.vpolicy", "vm.mig"])
    }

    @Test("A target that cannot be written is named")
    func badTarget() throws {
        let run = try mend(Stream.n1, "-o", folder / "no/new.mig")
        expectStreamTrouble(run, "no/new.mig", "create its directory first")
        let full = try mend(Stream.n1, "-o", "/dev/full")
        expectStreamTrouble(full, "/dev/full", "ENOSPC")
    }

    // MARK: Standard streams

    @Test("To standard output goes the stream, and to standard error the report")
    func toStandardOutput() throws {
        #expect(try mend(Stream.n1, "-o", folder / "new.mig").status == 0)
        let text = try mend(Stream.n1, "-o", "-")
        #expect(text.status == 0)
        #expect(try text.output == folder.data("new.mig"))
        #expect(text.errors.contains("mend \(Stream.n1) for \(older): it loads there\n"))
        let json = try mend(Stream.n1, "-o", "-", "--format", "json")
        #expect(try json.output == folder.data("new.mig"))
        let report = try JSONSerialization.jsonObject(with: Data(json.errors.utf8))
        #expect((report as? [String: Any])?["written"] as? Bool == true)
    }

    @Test("A stream on standard input is mended, as a file and as a pipe")
    func standardInput() throws {
        #expect(try mend(Stream.n1, "-o", folder / "new.mig").status == 0)
        let expected = try folder.data("new.mig")
        let data = try Stream.data(Stream.n1)
        let options = ["mend", "-", "--host", older, "--policy", policy]
        let file = try Program.run(options + ["-o", folder / "a.mig"], input: data)
        #expect(file.status == 0, "\(file.errors)")
        let pipe = try Stream.pipe(
            Stream.n1, into: "mend", "-", "--host", older, "--policy", policy, "-o",
            folder / "b.mig")
        #expect(pipe.status == 0, "\(pipe.errors)")
        for name in ["a.mig", "b.mig"] {
            #expect(try folder.data(name) == expected)
            #expect(try folder.permissions(name) == 0o600)
        }
        let through = try Stream.pipe(
            Stream.n1, into: "mend", "-", "--host", older, "--policy", policy, "-o", "-")
        #expect(through.status == 0)
        #expect(through.output == expected)
        #expect(through.errors.contains("it loads there"))
        let dry = try Stream.pipe(
            Stream.n1, into: "mend", "-", "--host", older, "--policy", policy, "--dry-run")
        #expect(dry.status == 0)
        #expect(dry.text.contains("mend - for \(older): it loads there"))
    }

    @Test("In a pipe a stream that may not be mended ends before its vCPUs")
    func refusedInAPipe() throws {
        let through = try Stream.pipe(Stream.n1, into: "mend", "-", "--host", older, "-o", "-")
        #expect(through.status == 1)
        #expect(try Stream.data(Stream.n1).starts(with: through.output))
        #expect(through.output.count <= 11_319)
        #expect(through.errors.contains(": not done"))
        try folder.make("new.mig", Data("old".utf8))
        let file = try Stream.pipe(
            Stream.n1, into: "mend", "-", "--host", older, "-o", folder / "new.mig")
        #expect(file.status == 1)
        #expect(try folder.data("new.mig") == Data("old".utf8))
        #expect(try folder.names == ["new.mig", "old.vpolicy"])
    }

    @Test("Memory before the devices goes through a pipe untouched")
    func largePipe() throws {
        // More than is kept of the end: it is passed on before the vCPUs are known.
        let data = try Stream.data(Stream.n1)
        // Where the first device begins, and RAM would end.
        let start = 62
        let memory = (0..<(80 << 8)).reduce(into: Data()) { memory, page in
            memory.append(Data(repeating: UInt8(truncatingIfNeeded: page), count: 4096))
        }
        try folder.make("large.mig", data.prefix(start) + memory + data.dropFirst(start))
        let run = try Stream.pipe(
            folder / "large.mig", into: "mend", "-", "--host", older, "--policy", policy, "-o",
            folder / "new.mig")
        #expect(run.status == 0, "\(run.errors)")
        let named = try mend(folder / "large.mig", "-o", folder / "named.mig")
        #expect(named.status == 0)
        let (piped, expected) = (try folder.data("new.mig"), try folder.data("named.mig"))
        #expect(piped == expected)
        #expect(piped.count == data.count + memory.count - 2 * 17 * 16)
        let isTheSame = piped.prefix(start + memory.count) == data.prefix(start) + memory
        #expect(isTheSame)
        let refused = try Stream.pipe(
            folder / "large.mig", into: "mend", "-", "--host", older, "-o", "-")
        #expect(refused.status == 1)
        let isCutOff = refused.output.count < start + memory.count
        #expect(isCutOff)
    }

    @Test("What is no plain stream is refused in a pipe")
    func otherFilesInAPipe() throws {
        #expect(try Program.run("convert", Stream.n1, "-o", folder / "s").status == 0)
        let snapshot = try Stream.pipe(folder / "s", into: "mend", "-", "--host", older, "-o", "-")
        expectStreamTrouble(snapshot, "standard input", "snapshot")
        try folder.make("empty", Data())
        let empty = try Stream.pipe(folder / "empty", into: "mend", "-", "--host", older, "-o", "-")
        expectStreamTrouble(empty, "standard input")
        try folder.make("cut", try Stream.data(Stream.n1).prefix(12_000))
        let cut = try Stream.pipe(
            folder / "cut", into: "mend", "-", "--host", older, "-o", folder / "new.mig")
        expectStreamTrouble(cut, "standard input", "cut off")
        #expect(try !folder.names.contains("new.mig"))
    }

    @Test("A pipe's stream goes to no emulated host either")
    func pipeToAHost() throws {
        let run = try Stream.pipe(
            Stream.n1, into: "mend", "-", "--host", older, "--policy", policy, "-o", "kvm:")
        #expect(run.status == 2)
        #expect(run.output.isEmpty)
    }
}

@Suite("Commands: mend --in-place and unmend")
struct StreamUnmendTests {
    private let folder: TemporaryFolder
    private let path: String
    private let original: Data

    init() throws {
        folder = try TemporaryFolder()
        path = try folder.copy(Stream.n1)
        original = try Stream.data(Stream.n1)
    }

    @discardableResult
    private func mend(_ arguments: String...) throws -> Run {
        try Program.run(
            ["mend", path, "--host", older, "--policy", "force", "--in-place"] + arguments)
    }

    private func mended() throws -> Data {
        try #require(try mend().status == 0)
        return try folder.data("vm.mig")
    }

    @Test("Mended in place and unmended is byte for byte what it was")
    func thereAndBack() throws {
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
        let run = try mend("--format", "json")
        #expect(run.status == 0)
        #expect(try run.json()["written"] as? Bool == true)
        #expect(try folder.names == ["vm.mig", "vm.mig.undo"])
        #expect(try folder.permissions("vm.mig.undo") == 0o600)
        #expect(try folder.permissions("vm.mig") == 0o640)
        let other = try Program.run(
            "mend", Stream.n1, "--host", older, "--policy", "force", "-o", folder / "new.mig")
        #expect(other.status == 0)
        #expect(try folder.data("vm.mig") == folder.data("new.mig"))
        let unmend = try Program.run("unmend", path)
        #expect(unmend.status == 0)
        #expect(unmend.text == "unmend: \(path) is as it was\n")
        #expect(try folder.data("vm.mig") == original)
        #expect(try folder.names == ["new.mig", "vm.mig"])
        #expect(try folder.permissions("vm.mig") == 0o640)
    }

    @Test("The undo file begins as its page says, and holds the old tail")
    func undoFile() throws {
        let changed = try mended()
        let undo = try folder.data("vm.mig.undo")
        #expect(undo.prefix(8) == Data("VCPUUNDO".utf8))
        func number(_ offset: Int) -> Int {
            undo[offset..<offset + 8].reduce(0) { $0 << 8 | Int($1) }
        }
        #expect(number(8) == 2)
        #expect(number(16) == original.count)
        #expect(number(24) == changed.count)
        let start = number(32)
        #expect(start >= 11_319 && start < 16_723)
        #expect(original.prefix(start) == changed.prefix(start))
        #expect(original[start] != changed[start])
        #expect(undo[72..<undo.count - 32] == original[start...] + changed[start...])
    }

    @Test("A file that fits is not touched, and has nothing to undo")
    func fits() throws {
        let run = try Program.run(
            "mend", path, "--host", "6.12-neoverse-n1", "--in-place")
        #expect(run.status == 0)
        #expect(try folder.names == ["vm.mig"])
        #expect(try folder.data("vm.mig") == original)
        expectStreamTrouble(
            try Program.run("unmend", path), "there is no \(path).undo", "mend --in-place")
    }

    @Test("A second mend waits for the undoing of the first")
    func secondMend() throws {
        let changed = try mended()
        let undo = try folder.data("vm.mig.undo")
        // A host that wants still other registers.
        let run = try Program.run(
            "mend", path, "--host", "6.1-cortex-a57", "--policy", "force", "--in-place")
        expectStreamTrouble(run, "\(path) was changed before", "vcpusnap unmend")
        #expect(try folder.data("vm.mig") == changed)
        #expect(try folder.data("vm.mig.undo") == undo)
        #expect(try Program.run("unmend", path).status == 0)
        #expect(try mend().status == 0)
    }

    @Test("An undo file of a file that is as it was does not stand in the way")
    func restoredByHand() throws {
        let changed = try mended()
        try folder.make("vm.mig", original)
        #expect(try mend().status == 0)
        #expect(try folder.data("vm.mig") == changed)
        try folder.make("vm.mig", original)
        let run = try Program.run("unmend", path)
        #expect(run.status == 0)
        #expect(run.text == "unmend: \(path) was as it was already\n")
        #expect(try folder.names == ["vm.mig"])
        #expect(try folder.data("vm.mig") == original)
    }

    @Test("StopContext changes are undone, wherever they stopped", arguments: [0.1, 0.5, 0.9, 1])
    func interrupted(part: Double) throws {
        let changed = try mended()
        let undo = try folder.data("vm.mig.undo")
        let start = undo[32..<40].reduce(0) { $0 << 8 | Int($1) }
        let count = start + Int(Double(changed.count - start) * part)
        // Some of the new bytes over the old ones, and the size not changed yet.
        let partly = changed.prefix(count) + original.dropFirst(count)
        for state in [Data(partly), Data(original.prefix(count) + changed.dropFirst(count))] {
            try folder.make("vm.mig", state)
            try folder.make("vm.mig.undo", undo)
            let run = try Program.run("unmend", path)
            #expect(run.status == 0, "\(run.errors)")
            #expect(try folder.data("vm.mig") == original)
            #expect(try folder.names == ["vm.mig"])
        }
    }

    @Test("A file that a change was interrupted in is not said to load as it is")
    func mendOfAnInterruptedFile() throws {
        let changed = try mended()
        // All of the new bytes, and the old size.
        try folder.make("vm.mig", changed + original.dropFirst(changed.count))
        let run = try mend()
        #expect(run.status == 2)
        #expect(run.errors.contains("vcpusnap unmend"))
    }

    @Test("An undo file of another file is left alone, and so is that file")
    func foreign() throws {
        _ = try mended()
        let undo = try folder.data("vm.mig.undo")
        let other = try Stream.data(Stream.max)
        try folder.make("vm.mig", other)
        expectStreamTrouble(
            try Program.run("unmend", path), "\(path).undo belongs to another file", path)
        let run = try mend()
        expectStreamTrouble(run, "\(path).undo belongs to another file", "--output")
        #expect(try folder.data("vm.mig") == other)
        #expect(try folder.data("vm.mig.undo") == undo)
    }

    @Test("A damaged undo file is refused, and nothing is changed")
    func damagedUndo() throws {
        let changed = try mended()
        let undo = try folder.data("vm.mig.undo")
        var flipped = undo
        flipped[200] ^= 1
        for damaged in [flipped, undo.dropLast(), Data(), Data("VCPUUNDO".utf8)] {
            try folder.make("vm.mig.undo", damaged)
            expectStreamTrouble(try Program.run("unmend", path), "\(path).undo", "damaged")
            // For a host that wants still other registers.
            let again = try Program.run(
                "mend", path, "--host", "6.1-cortex-a57", "--policy", "force", "--in-place")
            expectStreamTrouble(again, "\(path).undo", "damaged")
            #expect(try folder.data("vm.mig") == changed)
            #expect(try folder.data("vm.mig.undo") == damaged)
        }
    }

    @Test("Without a file, or without its undo file, there is nothing to undo")
    func missing() throws {
        expectStreamTrouble(try Program.run("unmend", path), "there is no \(path).undo")
        _ = try mended()
        try FileManager.default.removeItem(atPath: path)
        expectStreamTrouble(try Program.run("unmend", path), path, "check the name")
        #expect(try folder.names == ["vm.mig.undo"])
        expectStreamTrouble(try Program.run("unmend"), "file")
    }

    @Test("An undo file that cannot be written leaves the file as it was")
    func noRoomForTheUndoFile() throws {
        try FileManager.default.createDirectory(
            atPath: path + ".undo", withIntermediateDirectories: false)
        let run = try mend()
        expectStreamTrouble(run, "\(path).undo")
        #expect(try folder.data("vm.mig") == original)
    }
}
