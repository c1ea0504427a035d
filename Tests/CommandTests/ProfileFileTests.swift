import Foundation
import TestFiles
import Testing

/// Profiles and policies as people write, name and mix them up.
@Suite("Commands: profiles and policies")
struct ProfileFileTests {
    private let folder: TemporaryFolder
    private let snapshot: String

    init() throws {
        folder = try TemporaryFolder()
        snapshot = folder / "guest.vcpusnap"
        let run = try Program.run("save", "emulated:6.12-neoverse-n1", "-o", snapshot)
        try #require(run.status == 0, "\(run.errors)")
    }

    private func profile(_ name: String) throws -> String {
        try Program.run("host", "--from", "emulated:\(name)", "--name", name, "-o", "-").text
    }

    // MARK: What an editor makes of a file

    @Test(arguments: [
        "vpolicy 1\r\nbase exact\r\n# caf\u{e9}\r\n\r\ndrop PM*\tif 0x0  # none counts \u{2713}\r\n",
        "\u{feff}vpolicy 1\nbase exact\ndrop PM* if 0 #\n#",
    ])
    func policyOfAnEditor(_ text: String) throws {
        let policy = try folder.make("p.vpolicy", text)
        let run = try Program.run(
            "plan", snapshot, "--host", "6.12-neoverse-n1", "--policy", policy)
        #expect(run.status == 0, "\(run.errors)")
    }

    @Test func profileOfAnEditor() throws {
        // Extensions are kept as they are, without comments.
        let lines = try profile("6.12-neoverse-n1").split(separator: "\n")
            .filter { !$0.hasPrefix("x-") }
        let text = lines.joined(separator: " \t# a comment \u{e4}\r\n").replacing(
            "vhost 1 \t# a comment \u{e4}", with: "vhost 1")
        let host = try folder.make("h.vhost", text)
        let run = try Program.run("plan", snapshot, "--host", host)
        #expect(run.status == 0, "\(run.errors)")
    }

    // MARK: Another kind of file

    @Test func profileThatIsSomethingElse() throws {
        try folder.make("f.json", " {\n \"a\": 1 }")
        try folder.make("p.vpolicy", "vpolicy 1\n")
        try folder.make("b.vbaseline", "vbaseline 1\n")
        try folder.make("s.mig", Data("QEVM".utf8) + Data(repeating: 0, count: 3_000_000))
        try folder.make("s.save", "LibvirtQemudSave" + String(repeating: "x", count: 99))
        try folder.make("s.qcow2", [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3])
        try folder.make("s.gz", [0x1f, 0x8b, 8, 0, 0])
        let kinds: KeyValuePairs = [
            "guest.vcpusnap": "is a snapshot", "f.json": "is JSON", "p.vpolicy": "is a policy",
            "b.vbaseline": "is a baseline", "s.mig": "is a QEMU migration stream",
            "s.save": "is an image of virsh save", "s.qcow2": "is a qcow2 image",
            "s.gz": "is a compressed file",
        ]
        for (name, kind) in kinds {
            let file = folder / name
            expectTrouble(
                try Program.run("plan", snapshot, "--host", file),
                "\(name) \(kind), expected a host")
            expectTrouble(try Program.run("baseline", file, "6.12-max"), "\(name) \(kind)")
            if name == "p.vpolicy" { continue }
            expectTrouble(
                try Program.run("plan", snapshot, "--host", "6.12-max", "--policy", file),
                "\(name) \(kind), expected a policy")
        }
        expectTrouble(
            try Program.run("plan", snapshot, "--host", snapshot),
            "vcpusnap host --from \(snapshot)")
        try folder.make("h.vhost", "vhost 1\n")
        expectTrouble(
            try Program.run(
                "plan", snapshot, "--host", "6.12-max", "--policy", folder / "h.vhost"),
            "h.vhost is a host profile, expected a policy")
    }

    // MARK: Without the end of the name

    /// What a profile says is the same whether its name ends in .vhost, it comes through a pipe or in a file, or an
    /// editor has put a byte order mark before it.
    @Test(arguments: [
        "show FILE", "plan FILE --host 6.12-neoverse-n1", "matrix FILE --host 6.12-neoverse-n1",
        "upgrade --to 7.2 FILE", "plan guest.vcpusnap --host FILE",
    ])
    func knownByItsContent(_ line: String) throws {
        let text = try profile("6.12-neoverse-n1")
        try folder.make("rack1.vhost", text)
        try folder.make("plain", text)
        try folder.make("marked", "\u{feff}" + text)
        func run(_ name: String, after input: String = "") throws -> Run {
            let command = line.replacing("FILE", with: name)
            return try Program.shell("\(input)vcpusnap \(command) --format json", in: folder)
        }
        // The vCPU of a profile is made anew each time.
        func timeless(_ run: Run) -> String {
            run.text.replacing(/\d{4}-\d\d-\d\dT[\d:]+Z/, with: "TIME")
        }
        let expected = try run("rack1.vhost")
        #expect(expected.status < 2 && !expected.text.isEmpty, "\(expected.errors)")
        for (name, input) in [
            ("plain", ""), ("marked", ""), ("-", "cat plain | "), ("-", "<plain "),
        ] {
            let found = try run(name, after: input)
            let same = timeless(found).replacing("\"\(name)\"", with: "\"rack1.vhost\"")
            #expect(same == timeless(expected))
            #expect(found.status == expected.status, "\(found.errors)")
        }
    }

    @Test func hostAmongTheWordsBehindAHost() throws {
        let plain = try folder.make("rack1", try profile("6.12-neoverse-n1"))
        for words in [[plain, snapshot], [snapshot, plain]] {
            let run = try Program.run(["plan", "--host", "6.12-neoverse-n1"] + words)
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.text.contains("\(snapshot) on 6.12-neoverse-n1~2: yes"))
        }
    }

    @Test func profileInThePlaceOfAStream() throws {
        let plain = try folder.make("rack1", try profile("6.12-neoverse-n1"))
        expectTrouble(
            try Program.run("convert", plain, "-o", folder / "out"),
            "rack1 is a host profile, but this is for QEMU's migration streams")
        expectTrouble(
            try Program.run("show", plain, "--undescribed"),
            "rack1 is a host profile, and --undescribed is about QEMU's streams")
        expectTrouble(
            try Program.run("set", plain, "x0=1", "-o", folder / "out"),
            "this is a host profile, which emulated:")
    }

    @Test func otherFileByTheNameOfAProfile() throws {
        let misnamed = folder / "misnamed.vhost"
        try folder.make("misnamed.vhost", try Data(contentsOf: URL(fileURLWithPath: snapshot)))
        let made = try Program.run("host", "--from", misnamed, "--name", "own", "-o", "-")
        let expected = try Program.run("host", "--from", snapshot, "--name", "own", "-o", "-")
        #expect(made.status == 0 && made.output == expected.output, "\(made.errors)")
        #expect(try Program.run("show", misnamed).status == 0)
        expectTrouble(
            try Program.run("plan", snapshot, "--host", misnamed),
            "misnamed.vhost is a snapshot, expected a host profile")
        let broken = try folder.make("broken.vhost", "no profile\n")
        expectTrouble(try Program.run("show", broken), "broken.vhost")
    }

    // MARK: Standard input

    @Test func profileOnStandardInput() throws {
        let text = Data(try profile("6.12-neoverse-n1").utf8)
        let run = try Program.run("plan", snapshot, "--host", "-", input: text)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.text.contains("on 6.12-neoverse-n1: yes"))
        let bad = try Program.run("plan", snapshot, "--host", "-", input: Data("vhost 2\n".utf8))
        expectTrouble(bad, "standard input:1:1: expected \"vhost 1\"")
        expectTrouble(
            try Program.run("plan", "-", "--host", "-", input: text), "can be read only once")
        expectTrouble(
            try Program.run("baseline", "-", "-", input: text), "can be read only once")
    }

    // MARK: Names

    @Test func hostsOfOneName() throws {
        let text = try profile("6.12-neoverse-n1")
        let one = try folder.make("one.vhost", text)
        let two = try folder.make("two.vhost", text)
        let run = try Program.run("matrix", snapshot, "--host", one, "--host", two)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.text.contains("6.12-neoverse-n1~2"))
        #expect(run.errors.contains("2 profiles are called 6.12-neoverse-n1: "))
        #expect(run.errors.contains("6.12-neoverse-n1~2 is that of \(two)"))
        let guests = try Program.run("matrix", one, two, "--host", one, "--format", "json")
        let rows = try #require(try guests.json()["rows"] as? [[String: Any]])
        #expect(
            rows.map { $0["source"] as? String } == ["6.12-neoverse-n1", "6.12-neoverse-n1~2"])
        let baseline = try Program.run("baseline", one, two, "-o", "-")
        #expect(baseline.text.contains("host 6.12-neoverse-n1\nhost 6.12-neoverse-n1~2\n"))
    }

    @Test func nameOfAHostIsAWord() throws {
        for name in ["my host", "", "h\u{f6}st", "#1"] {
            let run = try Program.run(
                "host", "--from", snapshot, "--name", name, "-o", folder / "out.vhost")
            #expect(run.status != 0 && run.errors.contains("cannot be a profile's name"))
        }
        #expect(try !folder.names.contains("out.vhost"))
    }

    @Test func kernelOfASnapshotThatTellsNone() throws {
        let stream = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent()
            .appendingPathComponent("QEMUStreamTests/Streams/kvm-6.12-neoverse-n1.mig").path
        let without = try Program.run("host", "--from", stream, "-o", folder / "out.vhost")
        expectTrouble(without, "give that host's uname -r with --kernel")
        let run = try Program.run(
            "host", "--from", stream, "--kernel", "6.12.1", "-o", folder / "out.vhost")
        #expect(run.status == 0, "\(run.errors)")
        #expect(try Program.run("show", folder / "out.vhost").status == 0)
        #expect(try folder.text("out.vhost").contains("\nkernel 6.12.1\n"))
    }

    @Test func kernelOlderThanAllRules() throws {
        let text = try profile("6.1-neoverse-n1").split(separator: "\n").map {
            $0.hasPrefix("kernel ") ? "kernel 5.10.255" : String($0)
        }
        let host = try folder.make("old.vhost", text.joined(separator: "\n"))
        let run = try Program.run("plan", snapshot, "--host", host)
        #expect(run.errors.contains("kernels before 6.1 were read, and seldom run"))
        #expect(try Program.run("plan", snapshot, "--host", "6.1-neoverse-n1").errors.isEmpty)
    }

    // MARK: Numbers

    @Test(arguments: ["+5", "\u{ff15}", "-1", "5 ", "0x\u{ff15}", "\u{0665}", ""])
    func numbersAreOfASCII(_ text: String) throws {
        let run = try Program.run("set", snapshot, "x0=" + text, "-o", folder / "out")
        #expect(run.status == 2, "\(run.errors)")
        let process = try Program.run("show", "pid:" + text)
        #expect(process.status == 2 && !process.errors.contains("/proc"), "\(process.errors)")
    }

    // MARK: Baselines of many hosts

    /// Fifty hosts, three kinds of them, with long names.
    @Test func linesOfABaseline() throws {
        let long = String(repeating: "x", count: 100)
        var files: [String] = []
        for number in 0..<50 {
            let text = try Self.text(
                ["6.12-neoverse-n1", "6.12-neoverse-v1", "6.1-neoverse-n1"][number % 3])
            let lines = text.split(separator: "\n").map {
                $0.hasPrefix("name ") ? "name \(long)-\(number)" : String($0)
            }
            files.append(
                try folder.make("\(number).vhost", lines.joined(separator: "\n")))
        }
        let run = try Program.run(["baseline"] + files + ["-o", "-"])
        #expect(run.status == 1)
        let lines = run.text.split(separator: "\n")
        #expect(lines.allSatisfy { $0.utf8.count <= 1024 })
        #expect(lines.contains { $0.hasPrefix("more ") })
        // All hosts are in what is said of MIDR_EL1's obstacle, whose lines follow each other.
        let start = try #require(lines.firstIndex { $0.hasPrefix("obstacle ID_AA64PFR0_EL1 ") })
        let whole =
            lines[start]
            + lines[(start + 1)...].prefix { $0.hasPrefix("more ") }.map {
                $0.dropFirst(4)
            }.joined()
        for number in 0..<50 {
            #expect(whole.contains("\(long)-\(number)"), "\(number)")
        }
        let report = try Program.run(["baseline"] + files)
        #expect(report.text.contains(" and 13 more"))
        #expect(report.text.split(separator: "\n").allSatisfy { $0.utf8.count < 2000 })
        #expect(report.errors.isEmpty)
    }

    private static func text(_ name: String) throws -> String {
        let hosts = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Formats/hosts/\(name).vhost")
        return String(decoding: try Data(contentsOf: hosts), as: UTF8.self)
    }
}
