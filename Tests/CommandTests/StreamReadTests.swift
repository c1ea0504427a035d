import Foundation
import TestFiles
import Testing

/// The real streams of QEMUStreamTests, and copies of them for tests that change something.
enum Stream {
    static let n1 = StreamFixture.kvmN1.path
    static let max = StreamFixture.kvmMax.path
    static let devices = StreamFixture.kvmDevices.path
    static let tcgA15 = StreamFixture.tcgA15.path
    static let tcgMax = StreamFixture.tcgMax.path

    static func data(_ path: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: path))
    }

    /// Runs the program with a file that comes through a pipe as its standard input.
    static func pipe(_ file: String, into arguments: String...) throws -> Run {
        try Program.run(
            arguments,
            program: [
                "/bin/sh", "-c", "file=$1; shift; cat \"$file\" | \"$0\" \"$@\"", Program.path,
                file,
            ])
    }
}

extension TemporaryFolder {
    /// A copy of a stream, for tests that change it.
    func copy(_ stream: String, as name: String = "vm.mig") throws -> String {
        try make(name, try Stream.data(stream))
    }
}

/// The objects of a JSON array.
func streamObjects(_ value: Any?) throws -> [[String: Any]] {
    try #require(value as? [[String: Any]])
}

/// Expects trouble: exit code 2, nothing on standard output, one message with all these words.
func expectStreamTrouble(
    _ run: Run, _ words: String..., location: SourceLocation = #_sourceLocation
) {
    #expect(run.status == 2, "\(run.errors)", sourceLocation: location)
    #expect(run.output.isEmpty, sourceLocation: location)
    for word in words {
        #expect(run.errors.contains(word), "\(run.errors)", sourceLocation: location)
    }
}

@Suite("Commands: streams read")
struct StreamReadTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    // MARK: show

    @Test("show has every vCPU and what the stream says of its host")
    func show() throws {
        let run = try Program.run("show", Stream.n1)
        #expect(run.status == 0)
        #expect(run.errors.isEmpty)
        #expect(run.text.hasPrefix("\(Stream.n1)\n"))
        #expect(run.text.contains("virt-10.0"))
        #expect(run.text.contains("vCPU 0: ") && run.text.contains("vCPU 1: "))
        #expect(run.text.contains("0xffffbec09dfbffa4"))
        #expect(run.text.contains("0xffffbec09d9faed4"))
    }

    @Test("show as JSON, and by name")
    func showJSON() throws {
        let run = try Program.run(
            "show", Stream.n1, "--register", "pc", "--format", "json")
        #expect(run.status == 0)
        let report = try run.json()
        #expect(Set(report.keys) == ["source", "provenance", "vcpus", "vm"])
        let entries = try streamObjects(report["provenance"])
        let provenance = Dictionary(
            uniqueKeysWithValues: entries.map {
                ($0["key"] as? String ?? "", $0["value"] as? String ?? "")
            })
        #expect(provenance.values.contains("virt-10.0"))
        #expect(provenance.values.contains("kvm"))
        #expect(provenance.values.contains(Stream.n1))
        let values = try streamObjects(report["vcpus"]).map { vcpu in
            try streamObjects(vcpu["registers"]).map { $0["value"] as? String }
        }
        #expect(values == [["0xffffbec09dfbffa4"], ["0xffffbec09d9faed4"]])
        let missing = try Program.run("show", Stream.n1, "--register", "HCR_EL2")
        #expect(missing.status == 2)
        #expect(missing.errors.contains("HCR_EL2") && missing.errors.contains("show lists"))
    }

    @Test("A stream on standard input is the same, as a file and as a pipe")
    func standardInput() throws {
        let named = try Program.run("show", Stream.n1, "--format", "json").json()
        for run in [
            try Program.run("show", "-", "--format", "json", input: try Stream.data(Stream.n1)),
            try Stream.pipe(Stream.n1, into: "show", "-", "--format", "json"),
        ] {
            #expect(run.status == 0, "\(run.errors)")
            let report = try run.json()
            #expect(report["source"] as? String == "-")
            #expect(report["vcpus"] as? NSArray == named["vcpus"] as? NSArray)
        }
    }

    @Test("A stream without description or configuration is read too")
    func withoutDescription() throws {
        let run = try Program.run("show", Stream.devices, "--register", "pc")
        #expect(run.status == 0)
        #expect(run.text.contains("0xffffa3610f1dabc8"))
    }

    @Test("What is known to be lost goes to standard error, and only that")
    func warnings() throws {
        let run = try Program.run("show", Stream.tcgMax, "--format", "json")
        #expect(run.status == 0)
        let lines = run.errors.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.allSatisfy { $0.hasPrefix("vcpusnap: \(Stream.tcgMax): warning: vCPU ") })
        #expect(try streamObjects(run.json()["vcpus"]).count == 2)
    }

    @Test("An AArch32 guest of QEMU's emulation")
    func aarch32() throws {
        let run = try Program.run("show", Stream.tcgA15, "--register", "x24")
        #expect(run.status == 0)
        #expect(run.text.contains("0x3a39b23c"))
    }

    @Test("Pointer authentication keys are hidden unless asked for")
    func keys() throws {
        let hidden = try Program.run("show", Stream.max, "--register", "AP*KEY*")
        #expect(hidden.text.components(separatedBy: "(hidden)").count == 11)
        #expect(!hidden.text.contains("0x"))
        let shown = try Program.run("show", Stream.max, "--register", "AP*KEY*", "--show-keys")
        #expect(!shown.text.contains("(hidden)") && shown.text.contains("0x"))
    }

    // MARK: diff

    @Test("diff takes streams on either side")
    func diff() throws {
        let same = try Program.run("diff", Stream.n1, Stream.n1)
        #expect(same.status == 0)
        let other = try Program.run("diff", Stream.n1, Stream.devices, "--format", "json")
        #expect(other.status == 1)
        #expect(try other.json()["same"] as? Bool == false)
        let snapshot = folder / "vm.vcpusnap"
        #expect(try Program.run("convert", Stream.n1, "-o", snapshot).status == 0)
        #expect(try Program.run("diff", "--exact", Stream.n1, snapshot).status == 0)
        #expect(try Program.run("diff", "--exact", snapshot, Stream.n1).status == 0)
    }

    // MARK: plan

    @Test("plan takes a stream as it takes a snapshot")
    func plan() throws {
        let snapshot = folder / "vm.vcpusnap"
        #expect(try Program.run("convert", Stream.n1, "-o", snapshot).status == 0)
        func vcpus(_ source: String) throws -> NSArray? {
            let run = try Program.run(
                "plan", source, "--host", "6.1-neoverse-n1", "--format", "json")
            #expect(run.status == 1)
            return try streamObjects(run.json()["hosts"]).first?["vcpus"] as? NSArray
        }
        let ofStream = try #require(try vcpus(Stream.n1))
        #expect(try vcpus(snapshot) == ofStream)
    }

    @Test("plan --qemu says what QEMU prints, by version")
    func planLoad() throws {
        let run = try Program.run("plan", Stream.n1, "--host", "6.1-neoverse-n1", "--qemu", "10.0")
        #expect(run.status == 1)
        #expect(run.errors.isEmpty)
        #expect(
            run.text.hasPrefix(
                "\(Stream.n1) in QEMU 10.0 on 6.1-neoverse-n1: fails\n  QEMU prints\n"
                    + "    Invalid value 258 expecting positive value <= 241\n"
                    + "    Failed to load cpu:cpreg_vmstate_array_len\n"
                    + "    error while loading state for instance 0x0 of device 'cpu'\n"
                    + "    load of migration failed: Invalid argument\nvCPUs 0-1: "))
        // What is the same of both is said once.
        #expect(run.text.split(separator: "\n").count { $0.contains("TCR2_EL1 ") } == 1)
        #expect(run.text.contains("0x36b0f87a; not the same on every vCPU\n"))
        #expect(run.text.contains("takes at most the 241 that the destination has"))
        let new = try Program.run(
            "plan", Stream.n1, "--host", "6.1-neoverse-n1", "--qemu", "v11.1.0-rc1")
        #expect(new.status == 1)
        #expect(new.text.contains(" in QEMU 11.1 on "))
        #expect(new.text.contains("demuxed reg 602000000011000d in the incoming stream"))
        #expect(new.text.contains("    safe: tolerated "))
    }

    @Test("plan --qemu has verdicts of three kinds, and two exit codes")
    func verdicts() throws {
        let own = try Program.run(
            "plan", Stream.n1, "--host", "6.12-neoverse-n1", "--qemu", "10.0")
        #expect(own.status == 1)
        #expect(own.text.contains(": loads with losses\n"))
        let forced = try Program.run(
            "plan", Stream.n1, "--host", "6.12-neoverse-n1", "--qemu", "10.0", "--policy", "force")
        #expect(forced.status == 0)
        #expect(forced.text.contains(": loads\n"))
    }

    @Test("plan --qemu as JSON")
    func planLoadJSON() throws {
        let run = try Program.run(
            "plan", Stream.n1, "--host", "6.1-neoverse-n1", "6.12-neoverse-n1", "--qemu", "11.0",
            "--format", "json")
        #expect(run.status == 1)
        let report = try run.json()
        #expect(Set(report.keys) == ["source", "origin", "qemu", "policy", "hosts"])
        #expect(report["origin"] as? String == "kvm")
        #expect(report["qemu"] as? String == "11.0")
        let hosts = try streamObjects(report["hosts"])
        #expect(hosts.map { $0["host"] as? String } == ["6.1-neoverse-n1", "6.12-neoverse-n1"])
        #expect(hosts.map { $0["verdict"] as? String } == ["fails", "loads with losses"])
        #expect((hosts[0]["output"] as? [String])?.count == 23)
        for host in hosts {
            #expect(
                Set(host.keys)
                    == ["host", "verdict", "output", "remedies", "vcpus", "blockers"])
            for vcpu in try streamObjects(host["vcpus"]) {
                #expect(
                    Set(vcpu.keys).subtracting(["failure"]) == ["index", "counts", "registers"])
                let counts = try #require(vcpu["counts"] as? [String: Int])
                let registers = try streamObjects(vcpu["registers"])
                #expect(registers.count == counts.values.reduce(0, +))
                for register in registers {
                    #expect(
                        Set(register.keys).subtracting([
                            "incoming", "held", "moving", "errno", "pardon",
                        ]) == ["name", "id", "fate"])
                }
                let moving = registers.reduce(into: [:]) {
                    $0[$1["name"] as? String ?? ""] = $1["moving"] as? String
                }
                #expect(moving["CNTV_CTL_EL0"] == "0x4")
                #expect(moving["SCTLR_EL1"] == nil)
            }
        }
        #expect(try streamObjects(hosts[0]["vcpus"])[0]["failure"] != nil)
        #expect(try streamObjects(hosts[1]["vcpus"])[0]["failure"] == nil)
    }

    @Test("plan --qemu hides keys unless asked for")
    func planLoadKeys() throws {
        for (option, isHidden) in [([], true), (["--show-keys"], false)] {
            let run = try Program.run(
                ["plan", Stream.max, "--host", "6.12-neoverse-n1", "--qemu", "11.0", "--format"]
                    + ["json"] + option)
            let registers = try streamObjects(
                streamObjects(streamObjects(run.json()["hosts"])[0]["vcpus"])[0]["registers"])
            let keys = registers.filter { ($0["name"] as? String)?.contains("KEY") == true }
            #expect(keys.count == 10)
            for key in keys {
                #expect(((key["incoming"] as? String) == "(hidden)") == isHidden)
            }
        }
    }

    @Test("Versions that are none, or too old, are refused")
    func badVersions() throws {
        for (version, word) in [("ten", "such as 10.0"), ("6.2", "7.2"), ("10", "such as 10.0")] {
            let run = try Program.run(
                "plan", Stream.n1, "--host", "6.1-neoverse-n1", "--qemu", version)
            expectStreamTrouble(run, "--qemu", version, word)
        }
    }

    @Test("plan --qemu is about streams, not snapshots")
    func planOfASnapshot() throws {
        let snapshot = folder / "vm.vcpusnap"
        #expect(try Program.run("convert", Stream.n1, "-o", snapshot).status == 0)
        let run = try Program.run(
            "plan", snapshot, "--host", "6.1-neoverse-n1", "--qemu", "10.0")
        expectStreamTrouble(run, snapshot, "snapshot", "migration streams")
    }

    // MARK: Damaged streams

    @Test("A damaged stream is named, with the byte and what is wrong")
    func damaged() throws {
        let data = try Stream.data(Stream.n1)
        for (count, word) in [(6, "byte 6"), (5000, "cut off"), (16_000, "cut off")] {
            try folder.make("cut.mig", data.prefix(count))
            let run = try Program.run("show", folder / "cut.mig")
            #expect(run.status == 2)
            #expect(run.output.isEmpty)
            #expect(run.errors.contains("cut.mig"), "\(run.errors)")
            #expect(run.errors.contains(word), "\(run.errors)")
        }
        // A list out of order.
        var unsorted = data
        unsorted[11_319 + 17 + 572 + 7] = 0xff
        try folder.make("unsorted.mig", unsorted)
        let run = try Program.run("show", folder / "unsorted.mig")
        expectStreamTrouble(run, "unsorted.mig", "damaged at byte", "cpreg_vmstate_indexes")
        var version = data
        version[7] = 2
        try folder.make("version.mig", version)
        let old = try Program.run("show", folder / "version.mig")
        expectStreamTrouble(old, "version.mig", "version 2")
    }

    @Test("A stream cut in a pipe is refused as a cut file is")
    func damagedPipe() throws {
        try folder.make("cut.mig", try Stream.data(Stream.n1).prefix(16_000))
        let run = try Stream.pipe(folder / "cut.mig", into: "show", "-")
        expectStreamTrouble(run, "standard input", "cut off")
    }
}
