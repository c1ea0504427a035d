import Foundation
import TestFiles
import Testing

private let newer = "emulated:6.12-neoverse-n1"
private let older = "6.1-neoverse-n1"

/// A folder with a snapshot of a fresh guest of 6.12-neoverse-n1, and what tests add to it.
private struct Guest {
    let folder: TemporaryFolder
    var snapshot: String { folder / "guest" }

    init() throws {
        folder = try TemporaryFolder()
        let run = try Program.run("save", newer, "-o", snapshot)
        try #require(run.status == 0, "\(run.errors)")
    }

    /// The profile of the snapshot's host, with another kernel or counter, as a file.
    func profile(
        _ name: String, kernel: String = "6.12.117+deb13-cloud-arm64", hertz: Int = 62_500_000
    ) throws -> String {
        let run = try Program.run("host", "--from", snapshot, "--name", name, "-o", "-")
        try #require(run.status == 0, "\(run.errors)")
        // From 6.13 on KVM hides registers of features that the CPU does not have.
        let hidden = kernel.hasPrefix("6.14") ? ["TCR2_EL1", "PIRE0_EL1", "PIR_EL1"] : []
        let lines = run.text.split(separator: "\n", omittingEmptySubsequences: false).filter {
            line in
            !hidden.contains { line.hasPrefix("register \($0) ") }
        }
        let text = lines.joined(separator: "\n")
            .replacing("kernel 6.12.117+deb13-cloud-arm64\n", with: "kernel \(kernel)\n")
            .replacing("counter-frequency 62500000\n", with: "counter-frequency \(hertz)\n")
        try folder.make(name + ".vhost", Data(text.utf8))
        return folder / (name + ".vhost")
    }

    func policy(_ lines: String...) throws -> String {
        let text = (["vpolicy 1", "name fleet"] + lines).joined(separator: "\n") + "\n"
        try folder.make("p.vpolicy", Data(text.utf8))
        return folder / "p.vpolicy"
    }
}

private func objects(_ value: Any?) throws -> [[String: Any]] {
    try #require(value as? [[String: Any]])
}

@Suite("Commands: plan")
struct PlanCommandTests {
    private let guest: Guest

    init() throws {
        guest = try Guest()
    }

    private func plan(_ arguments: String...) throws -> Run {
        try Program.run(["plan", guest.snapshot] + arguments)
    }

    // MARK: Verdicts and exit codes

    @Test func yes() throws {
        let run = try plan("--host", "6.12-neoverse-n1")
        #expect(run.status == 0)
        #expect(run.errors.isEmpty)
        #expect(run.text.contains("\(guest.snapshot) on 6.12-neoverse-n1: yes\n"))
        #expect(!run.text.contains("can be done"))
    }

    @Test func no() throws {
        let run = try plan("--host", older)
        #expect(run.status == 1)
        #expect(run.errors.isEmpty)
        #expect(run.text.contains(" on 6.1-neoverse-n1: no\n"))
        #expect(run.text.contains("the destination's kernel is older than Linux 6.4"))
        #expect(run.text.contains("give the destination Linux 6.4 or newer"))
        #expect(!run.text.contains("\u{1b}["))
    }

    @Test func yesWithAPolicy() throws {
        let host = try guest.profile("next", kernel: "6.14.0")
        let run = try plan("--host", host)
        #expect(run.status == 0)
        #expect(run.text.contains(" on next: yes with policy safe\n"))
        let exact = try plan("--host", host, "--policy", "exact")
        #expect(exact.status == 1)
        #expect(exact.text.contains(" on next: no\n"))
        let own = try plan("--host", host, "--policy", guest.policy("drop TCR2_EL1", "drop PIR*"))
        #expect(own.status == 0)
        #expect(own.text.contains(" on next: yes with policy fleet\n"))
    }

    @Test func severalHostsInTheirOrder() throws {
        let run = try plan("--host", older, "6.12-neoverse-n1", "--format", "json")
        #expect(run.status == 1)
        let hosts = try objects(run.json()["hosts"])
        #expect(hosts.map { $0["host"] as? String } == [older, "6.12-neoverse-n1"])
        #expect(hosts.map { $0["verdict"] as? String } == ["no", "yes"])
        let repeated = try plan(
            "--host", "6.12-neoverse-n1", "--host", "6.12-neoverse-n1", "--format", "json")
        #expect(repeated.status == 0)
        #expect(try objects(repeated.json()["hosts"]).count == 2)
    }

    @Test func forceGoesEverywhere() throws {
        let run = try plan("--host", older, "--policy", "force")
        #expect(run.status == 0)
        #expect(run.text.contains(": yes with policy force\n"))
    }

    // MARK: JSON

    @Test func keysOfTheJSON() throws {
        let run = try plan("--host", older, "--format", "json")
        let report = try run.json()
        #expect(Set(report.keys) == ["source", "policy", "hosts"])
        #expect(report["source"] as? String == guest.snapshot)
        #expect(report["policy"] as? String == "safe")
        let host = try #require(try objects(report["hosts"]).first)
        #expect(Set(host.keys) == ["host", "verdict", "vcpus"])
        let vcpu = try #require(try objects(host["vcpus"]).first)
        #expect(Set(vcpu.keys) == ["index", "counts", "causes", "registers"])
        let causes = try objects(vcpu["causes"])
        #expect(
            causes.map { $0["cause"] as? String }
                == ["kernel", "kernel", "claims-more", "cache-geometry"])
        #expect(causes.map { $0["detail"] as? String } == ["6.4", "6.5", nil, nil])
        for cause in causes {
            #expect(Set(cause.keys).subtracting(["detail"]) == ["cause", "text", "losses"])
            for loss in try objects(cause["losses"]) {
                #expect(Set(loss.keys) == ["register", "notice", "remedies"])
                let notice = try #require(loss["notice"] as? [String: Any])
                #expect(
                    Set(notice.keys).subtracting(["changedSinceReset", "inUse"]) == ["text"])
                for remedy in try objects(loss["remedies"]) {
                    #expect(Set(remedy.keys) == ["remedy", "text"])
                }
            }
        }
        // Every register is there once, and counted once.
        let counts = try #require(vcpu["counts"] as? [String: Int])
        #expect(try objects(vcpu["registers"]).count == counts.values.reduce(0, +))
    }

    @Test func oneLossInFull() throws {
        let run = try plan("--host", older, "--format", "json")
        let vcpu = try #require(
            try objects(objects(run.json()["hosts"]).first?["vcpus"]).first)
        let losses = try objects(vcpu["causes"]).flatMap { try objects($0["losses"]) }
        func loss(_ name: String) throws -> [String: Any] {
            try #require(
                losses.first { ($0["register"] as? [String: Any])?["name"] as? String == name })
        }
        let tcr2 = try loss("TCR2_EL1")
        let register = try #require(tcr2["register"] as? [String: Any])
        #expect(Set(register.keys) == ["name", "id", "outcome", "wanted", "reason", "pardon"])
        #expect(register["id"] as? String == "0x603000000013c103")
        #expect(register["outcome"] as? String == "absent")
        #expect(register["wanted"] as? String == "0x0")
        let pardon = try #require(register["pardon"] as? [String: String])
        #expect(Set(pardon.keys) == ["rule", "proof"])
        #expect(pardon["rule"] == "safe")
        let notice = try #require(tcr2["notice"] as? [String: Any])
        #expect(notice["changedSinceReset"] as? Bool == false)
        #expect(notice["inUse"] as? Bool == false)
        #expect(
            try objects(tcr2["remedies"]).map { $0["remedy"] as? String }
                == ["drop-safely", "upgrade-kernel", "other-host"])
        let debug = try loss("ID_AA64DFR0_EL1")
        let refused = try #require(debug["register"] as? [String: Any])
        #expect(refused["errno"] as? String == "EINVAL")
        #expect(refused["before"] as? String == "0x10305406")
        #expect(refused["found"] as? String == "0x10305406")
        #expect(refused["pardon"] == nil)
        #expect((debug["notice"] as? [String: Any])?["changedSinceReset"] == nil)
    }

    /// The registers of a plan are those of the restore into the same host.
    @Test func planIsTheRestore() throws {
        let plan = try plan("--host", older, "--format", "json")
        let restore = try Program.run(
            "restore", guest.snapshot, "emulated:" + older, "--format", "json")
        #expect(restore.status == 1)
        let planned = try #require(
            try objects(objects(plan.json()["hosts"]).first?["vcpus"]).first)
        let restored = try #require(try objects(restore.json()["vcpus"]).first)
        let left = try objects(planned["registers"]) as NSArray
        let right = try objects(restored["registers"]) as NSArray
        #expect(left.count > 300)
        #expect(left == right)
    }

    @Test func counterFrequency() throws {
        let host = try guest.profile("slow", hertz: 25_000_000)
        let run = try plan("--host", host, "--format", "json")
        #expect(run.status == 1)
        let planned = try #require(try objects(run.json()["hosts"]).first)
        #expect(planned["verdict"] as? String == "no")
        let counter = try #require(planned["counter"] as? [String: Any])
        #expect(Set(counter.keys) == ["guest", "host", "remedies"])
        #expect(counter["guest"] as? Int == 62_500_000)
        #expect(counter["host"] as? Int == 25_000_000)
        let text = try plan("--host", host)
        #expect(text.text.contains("the counter runs at 25000000 Hz, the guest's at 62500000 Hz"))
        let policy = try guest.policy("drop counter-frequency")
        let pardoned = try plan("--host", host, "--policy", policy, "--format", "json")
        #expect(pardoned.status == 0)
        let other = try #require(try objects(pardoned.json()["hosts"]).first)
        #expect(other["verdict"] as? String == "yes with policy fleet")
        let pardon = (other["counter"] as? [String: Any])?["pardon"] as? [String: String]
        #expect(pardon == ["rule": "drop counter-frequency"])
    }

    // MARK: Sources

    @Test func snapshotOnStandardInput() throws {
        let snapshot = try guest.folder.data("guest")
        let run = try Program.run(
            "plan", "-", "--host", "6.12-neoverse-n1", "--format", "json", input: snapshot)
        #expect(run.status == 0)
        #expect(try run.json()["source"] as? String == "-")
        let damaged = try Program.run(
            "plan", "-", "--host", "6.12-neoverse-n1", input: snapshot.dropLast(1))
        expectTrouble(damaged, "byte")
    }

    @Test func profileAsSourceAndHost() throws {
        let host = try guest.profile("own")
        let run = try Program.run("plan", host, "--host", host)
        #expect(run.status == 0)
        #expect(run.text.contains("own.vhost on own: yes\n"))
    }

    @Test func severalVCPUs() throws {
        let three = guest.folder / "three"
        try Program.run("save", newer, "-o", three, "--vcpus", "3")
        let run = try Program.run(
            "plan", three, "--host", "6.12-neoverse-n1", "--format", "json")
        #expect(run.status == 0)
        let vcpus = try objects(objects(run.json()["hosts"]).first?["vcpus"])
        #expect(vcpus.map { $0["index"] as? Int } == [0, 1, 2])
    }

    @Test func keysAreHiddenUnlessAskedFor() throws {
        let source = "emulated:6.12-max"
        let text = try Program.run("plan", source, "--host", "6.12-neoverse-n1")
        #expect(!text.text.contains("0x1de7ec7edbadc0de"))
        let hidden = try Program.run(
            "plan", source, "--host", "6.12-neoverse-n1", "--format", "json")
        let shown = try Program.run(
            "plan", source, "--host", "6.12-neoverse-n1", "--format", "json", "--show-keys")
        #expect(hidden.status == 1 && shown.status == 1)
        for (run, value) in [(hidden, "(hidden)"), (shown, "0x1de7ec7edbadc0de")] {
            let vcpu = try #require(
                try objects(objects(run.json()["hosts"]).first?["vcpus"]).first)
            let keys = try objects(vcpu["registers"]).filter {
                ($0["name"] as? String)?.hasPrefix("AP") == true
            }
            #expect(keys.count == 10)
            #expect(keys.allSatisfy { $0["wanted"] as? String == value })
        }
    }

    // MARK: Trouble

    @Test func unknownHost() throws {
        expectTrouble(
            try plan("--host", "no-such-host"), "no-such-host", "6.12-neoverse-n1", older)
        expectTrouble(try plan("--host", guest.folder / "none.vhost"), "none.vhost", "ENOENT")
        expectTrouble(try plan())
        try guest.folder.make("bad.vhost", Data("vhost 1\nname a\ncolor blue\n".utf8))
        expectTrouble(try plan("--host", guest.folder / "bad.vhost"), "bad.vhost:3:1: unknown")
    }

    @Test func unknownPolicy() throws {
        expectTrouble(
            try plan("--host", older, "--policy", "sfae"), "unknown policy sfae",
            "exact, safe, force")
        expectTrouble(
            try plan("--host", older, "--policy", guest.folder / "none"), "none", "ENOENT")
        expectTrouble(try plan("--host", older, "--policy", guest.folder.path), "EISDIR")
    }

    @Test func damagedPolicy() throws {
        let policy = try guest.policy("base safe", "drop NO_SUCH")
        let message = "\(policy):4:6: expected a register"
        expectTrouble(try plan("--host", older, "--policy", policy), message)
        expectTrouble(
            try Program.run(
                "restore", guest.snapshot, newer, "--policy", policy), message)
        expectTrouble(
            try Program.run(
                "matrix", guest.snapshot, "--host", older, "--policy", policy), message)
        try guest.folder.make("large", Data(repeating: 0x23, count: 65_537))
        expectTrouble(try plan("--host", older, "--policy", guest.folder / "large"), "EFBIG")
    }

    @Test func missingSnapshot() throws {
        expectTrouble(
            try Program.run("plan", guest.folder / "none", "--host", older), "none", "ENOENT")
    }
}

@Suite("Commands: baseline")
struct BaselineCommandTests {
    private let neoverses = ["6.12-neoverse-n1", "6.12-neoverse-v1"]

    @Test func template() throws {
        let run = try Program.run(["baseline"] + neoverses + ["-o", "-"])
        #expect(run.status == 1)
        #expect(run.errors.isEmpty)
        let lines = run.text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.last == "")
        #expect(
            lines.prefix(5) == [
                "vbaseline 1", "host 6.12-neoverse-n1", "host 6.12-neoverse-v1",
                "feature PSCI_0_2", "feature PMU_V3",
            ])
        for line in [
            "register ID_AA64ISAR1_EL1 0x603000000013c031 0x100001",
            "lost ID_AA64ISAR0_EL1.RNDR 0x0 6.12-neoverse-v1",
            "lost-feature SVE 6.12-neoverse-v1",
        ] {
            #expect(lines.contains { $0 == line }, "\(line)")
        }
        #expect(lines.contains { $0.hasPrefix("obstacle MIDR_EL1 ") })
        try expectFormat(lines.dropLast())
    }

    /// Lines of Formats/vbaseline-v1.md, in the order of its table.
    private func expectFormat(_ lines: ArraySlice<Substring>) throws {
        let directives = [
            "vbaseline", "host", "feature", "enable", "register", "implementation", "lost",
            "lost-feature", "obstacle", "end",
        ]
        var last = 0
        for line in lines {
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            let place = try #require(directives.firstIndex(of: String(words[0])), "\(line)")
            #expect(place >= last, "\(line)")
            last = place
            #expect(line.utf8.allSatisfy { 0x20...0x7e ~= $0 }, "\(line)")
            let count = [2, 2, 2, 2, 4, 5, 4, 3, 3, 1][place]
            #expect(place == 8 ? words.count >= 3 : words.count == count, "\(line)")
            if words[0] == "register" {
                #expect(words[2].hasPrefix("0x") && words[2].count == 18, "\(line)")
                #expect(words[3].hasPrefix("0x"), "\(line)")
            }
        }
    }

    @Test func vectorLengthsComeFirst() throws {
        let run = try Program.run("baseline", "6.12-max", "6.12-neoverse-v1", "-o", "-")
        let lines = run.text.split(separator: "\n")
        let registers = lines.filter { $0.hasPrefix("register ") }
        #expect(registers.first == "register SVE_VLS 0x606000000015ffff 0x3")
        #expect(registers.count > 10)
        try expectFormat(lines[...])
    }

    @Test func keysOfTheJSON() throws {
        let run = try Program.run(["baseline"] + neoverses + ["--format", "json"])
        #expect(run.status == 1)
        let report = try run.json()
        #expect(
            Set(report.keys)
                == [
                    "hosts", "features", "enable", "registers", "lost", "lostFeatures", "obstacles",
                ])
        #expect(report["hosts"] as? [String] == neoverses)
        #expect(report["features"] as? [String] == ["PSCI_0_2", "PMU_V3"])
        let keys: KeyValuePairs<String, Set<String>> = [
            "registers": ["name", "id", "value"], "lost": ["register", "field", "value", "hosts"],
            "lostFeatures": ["feature", "hosts"], "obstacles": ["register", "text"],
        ]
        for (name, keys) in keys {
            let entries = try objects(report[name])
            #expect(!entries.isEmpty)
            #expect(entries.allSatisfy { Set($0.keys) == keys }, "\(name)")
        }
        let features = try objects(report["lostFeatures"])
        #expect(features.map { $0["feature"] as? String }.first == "SVE")
        #expect(features.first?["hosts"] as? [String] == ["6.12-neoverse-v1"])
    }

    @Test func implementations() throws {
        let hosts = ["7.3-neoverse-v1", "7.3-neoverse-n1", "--implementations"]
        let report = try Program.run(["baseline"] + hosts + ["--format", "json"]).json()
        #expect(report["enable"] as? [String] == ["KVM_CAP_ARM_WRITABLE_IMP_ID_REGS"])
        let told = try objects(report["implementations"])
        #expect(told.map { $0["midr"] as? String } == ["0x411fd402", "0x414fd0c1"])
        #expect(
            told.map { $0["cpu"] as? String } == ["ARM NEOVERSE_V1 r1p2", "ARM NEOVERSE_N1 r4p1"])
        #expect(
            told.map { $0["hosts"] as? [String] } == [["7.3-neoverse-v1"], ["7.3-neoverse-n1"]])
        #expect(told.allSatisfy { Set($0.keys) == ["midr", "revidr", "aidr", "cpu", "hosts"] })
        let lines = try Program.run(["baseline"] + hosts + ["-o", "-"]).text.split(separator: "\n")
        try expectFormat(lines[...])
        #expect(lines.contains("enable KVM_CAP_ARM_WRITABLE_IMP_ID_REGS"))
        #expect(lines.contains("implementation 0x414fd0c1 0x0 0x0 7.3-neoverse-n1"))
        #expect(lines.contains("register VENDOR_HYP_BMAP_2 0x6030000000160003 0x3"))
    }

    @Test func equalHosts() throws {
        let run = try Program.run(
            "baseline", "6.12-neoverse-n1", "6.12-neoverse-n1", "--format", "json")
        #expect(run.status == 0)
        #expect(try objects(run.json()["registers"]).isEmpty)
        let text = try Program.run("baseline", "6.12-neoverse-n1", "6.12-neoverse-n1")
        #expect(text.status == 0)
        #expect(text.text.contains("can move between all of them"))
    }

    @Test func fileAndReport() throws {
        let folder = try TemporaryFolder()
        let run = try Program.run(["baseline"] + neoverses + ["-o", folder / "n.vbaseline"])
        #expect(run.status == 1)
        #expect(run.text.hasPrefix("baseline of 6.12-neoverse-n1, 6.12-neoverse-v1\n"))
        let template = try Program.run(["baseline"] + neoverses + ["-o", "-"])
        #expect(try folder.data("n.vbaseline") == template.output)
    }

    @Test func trouble() throws {
        let folder = try TemporaryFolder()
        expectTrouble(try Program.run("baseline", "6.12-max"), "at least two hosts")
        expectTrouble(try Program.run("baseline", "6.12-max", "no-such"), "no-such")
        expectTrouble(try Program.run("baseline", "6.12-max", folder / "none"), "ENOENT")
        expectTrouble(
            try Program.run(["baseline"] + neoverses + ["-o", "kvm:"]), "kvm: is not a file")
        expectTrouble(
            try Program.run(["baseline"] + neoverses + ["-o", folder / "no/file"]), "ENOENT")
        #expect(try folder.names.isEmpty)
    }
}

@Suite("Commands: matrix")
struct MatrixCommandTests {
    private let guest: Guest

    init() throws {
        guest = try Guest()
    }

    /// A folder with two hosts and a file that is none.
    private func fleet() throws -> TemporaryFolder {
        let fleet = try TemporaryFolder()
        for (name, kernel) in [("b", "6.14.0"), ("a", "6.12.117+deb13-cloud-arm64")] {
            let file = try guest.profile("host-" + name, kernel: kernel)
            try fleet.make(name + ".vhost", try Data(contentsOf: URL(fileURLWithPath: file)))
        }
        try fleet.make("README", Data("no profile\n".utf8))
        return fleet
    }

    /// What can be saved can be a guest.
    @Test func anySource() throws {
        let source = "emulated:6.12-neoverse-n1"
        let run = try Program.run("matrix", source, "--host", "6.12-neoverse-n1")
        #expect(run.status == 0 && run.text.contains(source), "\(run.text)\(run.errors)")
        let fleet = try fleet()
        let ofFile = "emulated:" + fleet / "a.vhost"
        let other = try Program.run("matrix", ofFile, "--host", "6.12-neoverse-n1")
        #expect(other.text.contains(ofFile), "\(other.text)\(other.errors)")
    }

    /// A pipe in the folder is no profile, and is not waited for.
    @Test func aPipeAmongTheHosts() throws {
        let fleet = try fleet()
        try #require(mkfifo(fleet / "c.vhost", 0o600) == 0)
        let run = try Program.run("matrix", guest.snapshot, "--hosts", fleet.path)
        #expect(run.status == 0 && run.text.contains("host-b"), "\(run.text)\(run.errors)")
    }

    /// The command that is named to look at a loss takes the guest as it is named there.
    @Test func theGuestThatIsABuiltInProfile() throws {
        let run = try Program.run("matrix", "6.12-max", "--host", "6.1-max")
        #expect(run.text.contains("plan GUEST (emulated:NAME of a built-in profile) --host HOST"))
        let other = try Program.run("matrix", "emulated:6.12-max", "--host", "6.1-max")
        #expect(other.text.contains("; vcpusnap plan GUEST --host HOST names them\n"))
    }

    @Test func anotherCounter() throws {
        let other = try guest.profile("other", hertz: 1_000_000_000)
        let run = try Program.run("matrix", guest.snapshot, "--host", other)
        #expect(run.status == 1)
        #expect(run.text.contains("  no Hz"), "\(run.text)")
        #expect(run.text.contains("\nno Hz: the host's counter runs at a different frequency\n"))
        #expect(!run.text.contains("that many registers"))
    }

    @Test func folderOfHosts() throws {
        let fleet = try fleet()
        let run = try Program.run(
            "matrix", guest.snapshot, fleet / "a.vhost", "6.12-neoverse-v1", "--hosts", fleet.path,
            "--format", "json")
        #expect(run.status == 1)
        #expect(run.errors.isEmpty)
        let report = try run.json()
        #expect(Set(report.keys) == ["policy", "hosts", "rows"])
        #expect(report["policy"] as? String == "safe")
        #expect(report["hosts"] as? [String] == ["host-a", "host-b"])
        let rows = try objects(report["rows"])
        #expect(rows.allSatisfy { Set($0.keys) == ["source", "cells"] })
        #expect(
            rows.map { $0["source"] as? String }
                == [guest.snapshot, "host-a", "6.12-neoverse-v1"])
        let cells = try rows.map { try objects($0["cells"]) }
        #expect(
            cells.joined().allSatisfy { Set($0.keys) == ["causes", "host", "verdict", "losses"] })
        #expect(
            cells.map { $0.map { $0["host"] as? String } }
                == Array(repeating: ["host-a", "host-b"], count: 3))
        let verdicts = cells.map { $0.map { $0["verdict"] as? String } }
        #expect(verdicts[0] == ["yes", "yes with policy safe"])
        #expect(verdicts[1] == ["yes", "yes with policy safe"])
        #expect(verdicts[2] == ["no", "no"])
        #expect(cells[0].map { $0["losses"] as? Int } == [0, 0])
        #expect(cells[2].allSatisfy { ($0["losses"] as? Int ?? 0) > 0 })
    }

    @Test("A line for each pair, as CSV and as JSON, and --hosts of plan")
    func lines() throws {
        let fleet = try fleet()
        let words = ["matrix", guest.snapshot, "6.12-neoverse-v1", "--hosts", fleet.path]
        let csv = try Program.run(words + ["--format", "csv"])
        let lines = csv.text.components(separatedBy: "\r\n")
        #expect(csv.status == 1 && lines.count == 6 && lines.last == "", "\(csv)")
        #expect(lines[0] == "source,host,verdict,losses,causes")
        #expect(lines[1] == "\(guest.snapshot),host-a,yes,0,")
        #expect(lines[3].hasSuffix("; the caches that the guest sees differ\""), "\(lines[3])")
        let ndjson = try Program.run(words + ["--format", "ndjson"])
        let objects = try ndjson.text.split(separator: "\n").map {
            try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
        let hosts = objects.map { $0?["host"] as? String }
        #expect(hosts == ["host-a", "host-b", "host-a", "host-b"])
        #expect(objects.map { ($0?["causes"] as? [Any])?.isEmpty } == [true, true, false, false])
        let plan = try Program.run("plan", guest.snapshot, "--hosts", fleet.path)
        #expect(plan.text.contains("on host-a: yes") && plan.text.contains("on host-b: yes"))
    }

    @Test func everyCellIsAPlan() throws {
        let run = try Program.run(
            "matrix", guest.snapshot, "--host", older, "--host", "6.12-neoverse-n1",
            "--format", "json")
        let cells = try objects(objects(run.json()["rows"]).first?["cells"])
        for cell in cells {
            let host = try #require(cell["host"] as? String)
            let plan = try Program.run(
                "plan", guest.snapshot, "--host", host, "--format", "json")
            let planned = try #require(try objects(plan.json()["hosts"]).first)
            #expect(planned["verdict"] as? String == cell["verdict"] as? String)
            let causes = try objects(objects(planned["vcpus"]).first?["causes"]).map { cause in
                let counted = try objects(cause["losses"]).filter {
                    ($0["register"] as? [String: Any])?["pardon"] == nil
                }
                return (text: cause["text"] as? String, count: counted.count)
            }.filter { $0.count > 0 }
            #expect(causes.map(\.count).reduce(0, +) == cell["losses"] as? Int)
            #expect(try objects(cell["causes"]).map { $0["text"] as? String } == causes.map(\.text))
        }
        #expect(cells.count == 2)
    }

    @Test("Without a report the exit code is the same")
    func quiet() throws {
        for (host, status) in [(older, 1), ("6.12-neoverse-n1", 0)] as [(String, Int32)] {
            for command in ["plan", "matrix"] {
                let run = try Program.run(command, guest.snapshot, "--host", host, "--quiet")
                #expect(run.status == status && run.text.isEmpty, "\(command): \(run)")
            }
        }
    }

    @Test("What is to be typed next can be, whatever a file is called")
    func quotedNames() throws {
        let folder = try TemporaryFolder()
        let name = "it's a; file"
        try folder.make(name, Data(contentsOf: URL(fileURLWithPath: guest.snapshot)))
        let run = try Program.shell("vcpusnap plan \"it's a; file\" --host \(older)", in: folder)
        #expect(run.text.contains("next: vcpusnap fix 'it'\\''s a; file' --host"), "\(run.text)")
    }

    @Test func exitCodes() throws {
        let fleet = try fleet()
        let yes = try Program.run("matrix", guest.snapshot, "--hosts", fleet.path)
        #expect(yes.status == 0)
        #expect(yes.text.hasPrefix("moves under policy safe\n"))
        #expect(yes.text.contains("host-a"))
        let exact = try Program.run(
            "matrix", guest.snapshot, "--hosts", fleet.path, "--policy", "exact")
        #expect(exact.status == 1)
        let force = try Program.run(
            "matrix", guest.snapshot, "--host", older, "--policy", "force")
        #expect(force.status == 0)
    }

    @Test func trouble() throws {
        expectTrouble(
            try Program.run("matrix", guest.snapshot, "--hosts", guest.folder / "none"), "none",
            "ENOENT")
        expectTrouble(
            try Program.run("matrix", guest.snapshot, "--hosts", guest.snapshot), "ENOTDIR")
        // The folder has a snapshot, and no profile.
        expectTrouble(
            try Program.run("matrix", guest.snapshot, "--hosts", guest.folder.path),
            guest.folder.path, "has no host profiles")
        expectTrouble(try Program.run("matrix", guest.snapshot), "--hosts")
        expectTrouble(try Program.run("matrix", "--host", older))
        expectTrouble(try Program.run("matrix", guest.snapshot, "--host", "no-such"), "no-such")
        expectTrouble(
            try Program.run("matrix", guest.folder / "none", "--host", older), "none", "ENOENT")
        try guest.folder.make("bad.vhost", Data("vhost 9\n".utf8))
        expectTrouble(
            try Program.run("matrix", guest.snapshot, "--hosts", guest.folder.path),
            "bad.vhost:1")
    }
}

@Suite("Commands: restore under a policy")
struct PolicyCommandTests {
    private let guest: Guest

    init() throws {
        guest = try Guest()
    }

    private func restore(_ arguments: String...) throws -> Run {
        try Program.run(
            ["restore", guest.snapshot, "emulated:" + older, "--format", "json"] + arguments)
    }

    private func register(_ name: String, in run: Run) throws -> [String: Any] {
        let vcpu = try #require(try objects(run.json()["vcpus"]).first)
        return try #require(
            try objects(vcpu["registers"]).first { $0["name"] as? String == name })
    }

    private func rule(_ name: String, in run: Run) throws -> String? {
        (try register(name, in: run)["pardon"] as? [String: String])?["rule"]
    }

    @Test func safeIsTheDefault() throws {
        let run = try restore()
        #expect(run.status == 1)
        #expect(try run.json()["policy"] as? String == "safe")
        let pardon = try register("TCR2_EL1", in: run)["pardon"] as? [String: String]
        #expect(pardon?["rule"] == "safe")
        #expect(pardon?["proof"]?.contains("ID_AA64MMFR3_EL1.TCRX") == true)
        #expect(try rule("CNTPCT_EL0", in: run) == nil)
        let named = try restore("--policy", "safe")
        #expect(named.output == run.output)
    }

    @Test func exactPardonsNothing() throws {
        let run = try restore("--policy", "exact")
        #expect(run.status == 1)
        #expect(try run.json()["policy"] as? String == "exact")
        let registers = try objects(objects(run.json()["vcpus"]).first?["registers"])
        #expect(registers.allSatisfy { $0["pardon"] == nil })
    }

    @Test func forceIsComplete() throws {
        let run = try restore("--policy", "force")
        #expect(run.status == 0)
        #expect(try run.json()["complete"] as? Bool == true)
        #expect(try rule("CNTPCT_EL0", in: run) == "force")
        #expect(try register("CNTPCT_EL0", in: run)["outcome"] as? String == "absent")
    }

    @Test func policyOfAFile() throws {
        let policy = try guest.policy(
            "override ID_AA64DFR0_EL1.DebugVer 0x6", "drop CNTPCT_EL0", "drop CCSIDR*",
            "drop CLIDR_EL1")
        let run = try restore("--policy", policy)
        #expect(run.status == 0, "\(run.errors)")
        #expect(try run.json()["policy"] as? String == "fleet")
        #expect(try rule("CNTPCT_EL0", in: run) == "drop CNTPCT_EL0")
        #expect(try rule("CLIDR_EL1", in: run) == "drop CLIDR_EL1")
        let overridden = try register("ID_AA64DFR0_EL1", in: run)
        #expect(overridden["outcome"] as? String == "already-equal")
        #expect(overridden["wanted"] as? String == "0x10305406")
        #expect(
            overridden["overrides"] as? [String] == ["override ID_AA64DFR0_EL1.DebugVer 0x6"])
        // A strict restore undoes nothing that the policy pardons.
        let strict = try restore("--policy", policy, "--strict")
        #expect(strict.status == 0)
        #expect(try objects(strict.json()["vcpus"]).first?["undo"] == nil)
    }

    @Test func textNamesRuleAndProof() throws {
        let run = try Program.run("restore", guest.snapshot, "emulated:" + older, "--verbose")
        #expect(run.status == 1)
        #expect(run.text.contains("pardoned by the policy ("))
        let proof = "the guest's ID_AA64MMFR3_EL1.TCRX says"
        #expect(run.text.contains("absent, 3: TCR2_EL1 PIRE0_EL1 PIR_EL1; "))
        #expect(run.text.contains("pardoned by safe, TCR2_EL1: \(proof)"))
    }

    @Test func excludedRegistersAreSkipped() throws {
        let run = try restore("--exclude", "CNTPCT_EL0", "--exclude", "0x603000000013c028")
        for name in ["CNTPCT_EL0", "ID_AA64DFR0_EL1"] {
            let register = try register(name, in: run)
            #expect(register["outcome"] as? String == "skipped", "\(name)")
            #expect((register["reason"] as? String)?.contains("ignore 0x") == true, "\(name)")
            #expect(register["pardon"] == nil, "\(name)")
        }
    }

    /// A policy decides what is written into a file, too.
    @Test func ignoredRegistersOfAFileStay() throws {
        let target = guest.folder / "target"
        try Program.run("save", newer, "-o", target)
        try Program.run("set", guest.snapshot, "FAR_EL1=0x5", "ESR_EL1=0x6")
        let run = try Program.run(
            "restore", guest.snapshot, target, "--policy", guest.policy("ignore FAR_EL1"))
        #expect(run.status == 0, "\(run.errors)")
        let diff = try Program.run("diff", guest.snapshot, target, "--format", "json")
        let vcpu = try #require(try objects(diff.json()["vcpus"]).first)
        #expect(try objects(vcpu["registers"]).map { $0["name"] as? String } == ["FAR_EL1"])
    }
}

@Suite("Commands: host --from, and profiles as snapshots")
struct ProfileCommandTests {
    private let guest: Guest

    init() throws {
        guest = try Guest()
    }

    @Test func profileOfASnapshot() throws {
        let file = guest.folder / "own.vhost"
        let run = try Program.run("host", "--from", guest.snapshot, "-o", file)
        #expect(run.status == 0)
        #expect(run.text.hasPrefix("written \(file): 6.12-neoverse-n1, ") && run.errors.isEmpty)
        let text = String(decoding: try guest.folder.data("own.vhost"), as: UTF8.self)
        let lines = text.split(separator: "\n")
        #expect(
            lines.prefix(5) == [
                "vhost 1", "name 6.12-neoverse-n1", "kernel 6.12.117+deb13-cloud-arm64",
                "midr 0x414fd0c1", "counter-frequency 62500000",
            ])
        #expect(lines.contains("x-from snapshot"))
        #expect(lines.contains("register MIDR_EL1 0x603000000013c000 0x414fd0c1"))
        // It is a host for the other commands.
        #expect(try Program.run("restore", guest.snapshot, "emulated:" + file).status == 0)
        let plan = try Program.run("plan", guest.snapshot, "--host", file, "--policy", "exact")
        #expect(plan.status == 0)
    }

    @Test func nameAndReport() throws {
        let named = try Program.run("host", "--from", guest.snapshot, "--name", "n", "-o", "-")
        #expect(named.status == 0)
        #expect(named.text.hasPrefix("vhost 1\nname n\n"))
        let run = try Program.run("host", "--from", guest.snapshot, "--format", "json")
        #expect(run.status == 0)
        let report = try run.json()
        #expect(
            Set(report.keys) == [
                "kernel", "vendor", "midr", "cpu", "counterFrequency", "features",
                "sveVectorLengths",
                "capabilities", "registers",
            ])
        #expect(report["kernel"] as? String == "6.12.117+deb13-cloud-arm64")
        #expect(report["midr"] as? String == "0x414fd0c1")
        #expect(report["counterFrequency"] as? Int == 62_500_000)
        #expect(report["features"] as? [String] == ["PSCI_0_2", "PMU_V3"])
        #expect(report["sveVectorLengths"] as? [Int] == [])
        #expect(report["registers"] as? Int == 336)
    }

    @Test func standardInput() throws {
        let run = try Program.run(
            "host", "--from", "-", "-o", "-", input: try guest.folder.data("guest"))
        #expect(run.status == 0)
        #expect(run.text.hasPrefix("vhost 1\nname 6.12-neoverse-n1\n"))
    }

    @Test func trouble() throws {
        expectTrouble(
            try Program.run("host", "--from", guest.folder / "none"), "none", "ENOENT")
        expectTrouble(
            try Program.run("host", "--from", guest.snapshot, "-o", "kvm:"), "kvm: is not a file")
        try guest.folder.make("text", Data("no snapshot of anything at all\n".utf8))
        expectTrouble(try Program.run("host", "--from", guest.folder / "text"), "text")
    }

    @Test func showOfAProfile() throws {
        let file = try guest.profile("own")
        let run = try Program.run(
            "show", file, "--register", "MIDR_EL1", "--format", "json")
        #expect(run.status == 0)
        let report = try run.json()
        #expect(report["source"] as? String == file)
        let provenance = try objects(report["provenance"])
        let facts = Dictionary(
            uniqueKeysWithValues: provenance.compactMap { entry in
                (entry["key"] as? String).map { ($0, entry["value"] as? String) }
            })
        #expect(facts["kernel"] == "6.12.117+deb13-cloud-arm64")
        #expect(facts["counter-frequency"] == "62500000")
        #expect(facts["feature.PMU_V3"] == "1")
        let registers = try objects(objects(report["vcpus"]).first?["registers"])
        #expect(registers.map { $0["value"] as? String } == ["0x414fd0c1"])
    }

    /// Two hosts are compared as what their guests get.
    @Test func diffOfProfiles() throws {
        let own = try guest.profile("own")
        let same = try Program.run("diff", own, own)
        #expect(same.status == 0)
        let text = String(decoding: try guest.folder.data("own.vhost"), as: UTF8.self)
        let psci = "register PSCI_VERSION 0x6030000000140000 "
        try guest.folder.make(
            "other.vhost", Data(text.replacing(psci + "0x10001", with: psci + "0x10000").utf8))
        let run = try Program.run("diff", own, guest.folder / "other.vhost", "--format", "json")
        #expect(run.status == 1)
        let report = try run.json()
        #expect(report["same"] as? Bool == false)
        let vcpu = try #require(try objects(report["vcpus"]).first)
        let registers = try objects(vcpu["registers"])
        #expect(registers.map { $0["name"] as? String } == ["PSCI_VERSION"])
        #expect(registers.first?["left"] as? String == "0x10001")
        #expect(registers.first?["right"] as? String == "0x10000")
        // A host's profile against a guest that was started on it: but for counters the same.
        let guestDiff = try Program.run("diff", own, guest.snapshot, "--format", "json")
        for vcpu in try objects(guestDiff.json()["vcpus"]) {
            #expect(try objects(vcpu["registers"]).isEmpty)
        }
        let kernel = try guest.profile("next", kernel: "6.14.0")
        let newer = try Program.run("diff", own, kernel, "--format", "json")
        #expect(newer.status == 1)
        let differing = try objects(newer.json()["provenance"])
        #expect(differing.contains { $0["key"] as? String == "kernel" })
    }

    @Test func malformedProfile() throws {
        try guest.folder.make("bad.vhost", Data("vhost 1\nname a\n".utf8))
        let bad = guest.folder / "bad.vhost"
        expectTrouble(try Program.run("show", bad), "bad.vhost:")
        expectTrouble(try Program.run("diff", bad, guest.snapshot), "bad.vhost:")
        expectTrouble(try Program.run("plan", bad, "--host", older), "bad.vhost:")
        expectTrouble(try Program.run("show", guest.folder / "none.vhost"), "ENOENT")
    }

    // MARK: Streams

    @Test("A plan of a stream says that it is a restore's, and what QEMU would say")
    func stream() throws {
        let run = try Program.run("plan", Stream.n1, "--host", "6.12-neoverse-n1")
        #expect(run.status == 0)
        #expect(run.text.contains("this is what vcpusnap restore does"))
        #expect(run.text.contains("(--qemu VERSION) loads with losses (from 7.2 on)\n"))
        let json = try Program.run(
            "plan", Stream.n1, "--host", "6.1-neoverse-n1", "--format", "json"
        ).json()
        let host = try #require((json["hosts"] as? [[String: Any]])?.first)
        let verdicts = try #require(host["qemu"] as? [[String: String]])
        #expect(verdicts.map { $0["qemu"] } == ["7.2", "10.2", "11.0", "11.1"])
        #expect(verdicts.allSatisfy { $0["verdict"] == "fails" })
        let snapshot = try Program.run(
            "plan", "emulated:6.12-max", "--host", "6.12-max", "--format", "json"
        ).json()
        #expect((snapshot["hosts"] as? [[String: Any]])?.first?["qemu"] == nil)
    }

    @Test("Of state that QEMU emulated one line is said, and the next step; the JSON has it all")
    func emulation() throws {
        let folder = try TemporaryFolder()
        let snapshot = folder / "tcg.vcpusnap"
        #expect(try Program.run("convert", Stream.tcgMax, "-o", snapshot).status == 0)
        for arguments in [
            [Stream.tcgMax, "--qemu", "10.0"], [Stream.tcgMax, "--qemu", "11.1"], [Stream.tcgMax],
            [snapshot],
        ] {
            let command = ["plan"] + arguments + ["--host", "6.12-max"]
            let run = try Program.run(command)
            #expect(run.status == 1)
            let lines = run.text.split(separator: "\n")
            #expect(lines.count == 3, "\(run.text)")
            #expect(lines[1].contains("QEMU's own emulation (TCG)"))
            #expect(lines[2].contains("-accel tcg"))
            let json = try Program.run(command + ["--format", "json"]).json()
            let hosts = try #require(json["hosts"] as? [[String: Any]])
            let vcpus = try #require(hosts[0]["vcpus"] as? [[String: Any]])
            #expect(try #require(vcpus[0]["registers"] as? [Any]).count > 300)
        }
    }

    @Test("A plan of QEMU's load says what can be done, and --policy force what fails")
    func loadRemedies() throws {
        func plan(_ arguments: String...) throws -> Run {
            try Program.run(["plan", Stream.n1, "--qemu", "10.0"] + arguments)
        }
        let losses = try plan("--host", "6.12-neoverse-n1")
        #expect(losses.status == 1)
        #expect(losses.text.contains("the rule accept-masked PMOVSSET_EL0 "))
        #expect(try plan("--host", "6.12-neoverse-n1", "--policy", "force").status == 0)
        let fails = try plan("--host", "6.1-neoverse-n1")
        #expect(fails.status == 1)
        #expect(
            fails.text.contains(
                "the rules drop each of CCSIDR1 CCSIDR2 CLIDR_EL1 CNTPCT_EL0, override ID_AA64DFR0_EL1.DebugVer 0x6 "
            ))
        #expect(fails.text.contains("can be done: give the destination Linux 6.7 or newer\n"))
        let forced = try plan("--host", "6.1-neoverse-n1", "--policy", "force")
        #expect(forced.status == 1)
        #expect(
            forced.text.contains(
                "vcpusnap mend \(Stream.n1) --host 6.1-neoverse-n1 --qemu 10.0 --policy force -o FILE"
            ))
        let json = try plan("--host", "6.1-neoverse-n1", "--format", "json").json()
        #expect(json["origin"] as? String == "kvm")
        let host = try #require((json["hosts"] as? [[String: Any]])?.first)
        let remedies = try #require(host["remedies"] as? [[String: String]])
        #expect(remedies.first?["remedy"] == "policy")
        #expect(remedies.contains { $0["remedy"] == "upgrade-kernel" })
    }

    @Test("--write-policy writes the rules that make the verdict of a plan a yes")
    func writePolicy() throws {
        let folder = try TemporaryFolder()
        for (number, qemu) in [[], ["--qemu", "11.1"]].enumerated() {
            let file = folder / "\(number).vpolicy"
            let command = ["plan", Stream.n1, "--host", "6.12-neoverse-n1"] + qemu
            let run = try Program.run(command + ["--write-policy", file])
            #expect(run.status == (qemu.isEmpty ? 0 : 1))
            guard !qemu.isEmpty else {
                #expect(run.errors.contains("was not written"))
                continue
            }
            let masked = "\naccept-masked PMOVSSET_EL0 0x8000001e\n"
            #expect(try folder.text("1.vpolicy").contains(masked))
            #expect(try Program.run(command + ["--policy", file]).status == 0)
        }
        let move = ["plan", "emulated:6.12-neoverse-n1", "--host", "6.1-neoverse-n1"]
        #expect(try Program.run(move + ["--write-policy", folder / "m.vpolicy"]).status == 1)
        #expect(try Program.run(move + ["--policy", folder / "m.vpolicy"]).status == 0)
    }

    /// The policy that the rules are added to keeps its permissions, by whichever name, and is not written into.
    @Test func writePolicyOntoThePolicy() throws {
        let folder = try TemporaryFolder()
        let old = "vpolicy 1\nbase safe # ours\n"
        let plan = "vcpusnap plan emulated:6.12-neoverse-n1 --host 6.1-neoverse-n1 --policy"
        for names in ["p --write-policy p", "p --write-policy link", "link --write-policy p"] {
            try folder.make("p", old)
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o640], ofItemAtPath: folder / "p")
            let run = try Program.shell("ln -sf p link; \(plan) \(names)", in: folder)
            #expect(run.status == 1, "\(run.errors)")
            #expect(try folder.text("p").hasPrefix(old + "# Delete the rules"))
            #expect(try folder.permissions("p") == 0o640)
        }
        try folder.make("p", old)
        let run = try Program.shell("\(plan) p --write-policy /dev/fd/3 3<>p", in: folder)
        #expect(run.status == 2)
        #expect(run.errors.contains("/dev/fd/3 is the same file as p"), "\(run.errors)")
        #expect(try folder.text("p") == old)
        #expect(try Program.shell("\(plan) p --write-policy new", in: folder).status == 1)
        #expect(try folder.permissions("new") == 0o600)
    }
}

@Suite("Commands: upgrade")
struct UpgradeCommandTests {
    /// QEMU 11.1 prints of PMMIR_EL1 that it fails, and goes on; 10.0 says nothing.
    @Test(arguments: [
        ("10.0", "VENDOR_HYP_BMAP_2", "without a word"),
        ("11.1", "PMMIR_EL1", "though it may print that it fails"),
    ])
    func whatQEMUSaysOfWhatItDrops(_ qemu: String, _ name: String, _ words: String) throws {
        let run = try Program.run(
            "upgrade", "--to", "7.3", Stream.n1, "--host", "6.12-neoverse-n1", "--qemu", qemu,
            "--policy", "exact")
        #expect(run.text.contains("\(words)\n    \(name): 0x0\n"), "\(run.text)")
    }

    @Test func streamWithVectors() throws {
        let run = try Program.run("upgrade", "--to", "7.3", Stream.max, "--from", "6.12")
        #expect(run.status == 2)
        #expect(run.errors.contains("SVE_VLS is missing"), "\(run.errors)")
        #expect(run.errors.contains("is in no QEMU stream"), "\(run.errors)")
        #expect(run.errors.contains("with --host"), "\(run.errors)")
        let host = try Program.run("upgrade", "--to", "7.3", Stream.max, "--host", "6.12-max")
        #expect(host.status < 2)
        #expect(try Program.run("upgrade", "--help").text.contains("SVE needs"))
    }

    @Test func whatToTypeNext() throws {
        let folder = try TemporaryFolder()
        let (file, host) = (folder / "guest", folder / "HOST.vhost")
        try Program.run("save", "emulated:6.1-neoverse-v1", "-o", file)
        let run = try Program.run("upgrade", "--to", "7.3", file)
        let last = try #require(run.text.split(separator: "\n").last)
        #expect(
            last
                == "next: vcpusnap host --from \(file) -o HOST.vhost && vcpusnap plan \(file) --host "
                + "HOST.vhost --kernel 7.3 --write-policy FILE writes the rules that would do")
        // It does.
        #expect(try Program.run("host", "--from", file, "-o", host).status == 0)
        let rules = folder / "rules"
        try Program.run(
            "plan", file, "--host", host, "--kernel", "7.3", "--write-policy", rules)
        let up = try Program.run(
            "plan", file, "--host", host, "--kernel", "7.3", "--policy", rules)
        #expect(up.status == 0, "\(up.text)")
        let back = try Program.run("upgrade", "--to", "7.3", "6.12-neoverse-n1")
        #expect(
            back.text.hasSuffix(
                "next: save the guests before the upgrade: the old kernel takes that again\n"))
    }
}
