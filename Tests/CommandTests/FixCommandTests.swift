import Foundation
import TestFiles
import Testing

private let older = "6.1-neoverse-n1"

/// What is agreed to is written, and nothing else.
@Suite("Commands: fix")
struct FixCommandTests {
    private let folder: TemporaryFolder
    private let stream: String

    init() throws {
        folder = try TemporaryFolder()
        stream = try folder.make("vm.mig", try Stream.data(Stream.n1))
    }

    private func fix(_ input: String, _ arguments: String...) throws -> Run {
        try Program.run(
            ["fix", stream, "--host", older] + arguments, input: Data(input.utf8))
    }

    /// The rules that have to be agreed to.
    private func rules() throws -> [String] {
        let questions = try #require(
            try fix("", "--format", "json").json()["questions"] as? [[String: Any]])
        return questions.flatMap { $0["rules"] as? [String] ?? [] }
    }

    private func expectNothingWritten(
        _ run: Run, location: SourceLocation = #_sourceLocation
    ) throws {
        #expect(run.status == 1, "\(run)", sourceLocation: location)
        #expect(run.text.contains("nothing was written"), "\(run)", sourceLocation: location)
        #expect(try folder.names == ["vm.mig"], sourceLocation: location)
        #expect(try folder.data("vm.mig") == Stream.data(Stream.n1), sourceLocation: location)
    }

    @Test("With yes to all of it the host loads the stream, and the rules are kept")
    func yesToAll() throws {
        let rules = try rules()
        #expect(rules.count >= 5)
        let run = try fix(String(repeating: "yes\n", count: rules.count))
        #expect(run.status == 0, "\(run.errors)")
        #expect(try folder.names == ["vm.mig", "vm.mig.mended", "vm.mig.vpolicy"])
        for name in ["vm.mig.mended", "vm.mig.vpolicy"] {
            #expect(try folder.permissions(name) == 0o600)
        }
        let policy = try folder.text("vm.mig.vpolicy").split(separator: "\n").map(String.init)
        #expect(policy.filter { !$0.hasPrefix("#") }.dropFirst(2) == rules[...])
        let mend = try Program.run(
            "mend", stream, "--host", older, "--policy", folder / "vm.mig.vpolicy", "-o",
            folder / "again")
        #expect(mend.status == 0)
        #expect(try folder.data("again") == folder.data("vm.mig.mended"))
        let plan = try Program.run(
            "plan", folder / "vm.mig.mended", "--host", older, "--qemu", "10.0")
        #expect(plan.text.contains(": loads\n"), "\(plan.text)")
    }

    @Test(
        "Without a yes to one of them nothing is written", arguments: ["n\n", "\n", "", "maybe\n"])
    func noToOne(answer: String) throws {
        let count = try rules().count
        for place in 0..<count {
            let run = try fix(String(repeating: "y\n", count: place) + answer)
            try expectNothingWritten(run)
            #expect(run.errors.contains("\(place + 1) of \(count): "))
            #expect(!run.errors.contains("\(place + 2) of \(count): "))
        }
    }

    @Test("Input without an end or a line is no answer")
    func endlessInput() throws {
        let run = try Program.shell(
            "head -c 100000 /dev/zero | vcpusnap fix vm.mig --host \(older)", in: folder)
        try expectNothingWritten(run)
    }

    @Test("A script names each rule, and nothing is asked")
    func scripts() throws {
        let rules = try rules()
        for place in rules.indices {
            var others = rules
            others.remove(at: place)
            let words = ["fix", stream, "--host", older] + others.flatMap { ["--yes", $0] }
            let run = try Program.run(words, input: Data("yes\nyes\n".utf8))
            try expectNothingWritten(run)
            #expect(run.errors.isEmpty && run.text.contains(rules[place]), "\(run)")
        }
        let words = ["fix", stream, "--host", older] + rules.flatMap { ["--yes", $0] }
        #expect(try Program.run(words).status == 0)
        let mended = try folder.data("vm.mig.mended")
        let policy = try folder.data("vm.mig.vpolicy")
        #expect(try fix(String(repeating: "yes\n", count: rules.count), "--overwrite").status == 0)
        #expect(try folder.data("vm.mig.mended") == mended)
        #expect(try folder.data("vm.mig.vpolicy") == policy)
    }

    @Test("What is there stays there", arguments: ["vm.mig.mended", "vm.mig.vpolicy"])
    func existingFiles(name: String) throws {
        try folder.make(name, "mine")
        expectTrouble(try fix("yes\nyes\nyes\nyes\nyes\n"), name, "--overwrite")
        #expect(try folder.text(name) == "mine")
        #expect(try folder.names.count == 2)
    }

    @Test("On a terminal a question waits for its answer")
    func terminal() throws {
        let count = try rules().count
        let words = ["fix", stream, "--host", older]
        let no = try Terminal.run(words, typing: "y\nn\n")
        #expect(no.status == 1 && no.text.contains("2 of \(count): "), "\(no.text)")
        #expect(no.text.contains("[y/N] ") && no.text.contains("nothing was written"))
        #expect(try folder.names == ["vm.mig"])
        let yes = try Terminal.run(words, typing: String(repeating: "Yes\r\n", count: count))
        #expect(yes.status == 0 && yes.text.contains("written "), "\(yes.text)")
        #expect(try folder.names.count == 3)
    }

    @Test("A snapshot goes there by the policy that was agreed to")
    func snapshots() throws {
        let snapshot = ProjectFolder.file("Benchmarks/layout/states/n1-busy-8.vcpusnap").path
        let policy = folder / "agreed.vpolicy"
        let words = [snapshot, "emulated:\(older)", "--policy"]
        #expect(try Program.run(["restore"] + words + ["safe"]).status == 1)
        let run = try Program.run(
            "fix", snapshot, "--host", older, "--write-policy", policy,
            input: Data(String(repeating: "y\n", count: 100).utf8))
        #expect(run.status == 0, "\(run.errors)")
        #expect(try folder.names == ["agreed.vpolicy", "vm.mig"])
        #expect(try Program.run(["restore"] + words + [policy]).status == 0)
    }

    @Test("What QEMU loads and KVM alters is asked about, too")
    func alteredAtLoad() throws {
        let host = "6.12-neoverse-n1"
        let words = ["fix", stream, "--host", host]
        let no = try Program.run(words, input: Data("no\n".utf8))
        #expect(no.status == 1 && no.errors.contains("PMOVSSET_EL0?"), "\(no)")
        let yes = try Program.run(words, input: Data("yes\n".utf8))
        #expect(yes.status == 0, "\(yes)")
        #expect(try folder.names == ["vm.mig", "vm.mig.vpolicy"])
        let plan = try Program.run(
            "plan", stream, "--host", host, "--qemu", "10.0", "--policy",
            folder / "vm.mig.vpolicy")
        #expect(plan.status == 0 && plan.text.contains(": loads"), "\(plan.text)")
    }

    private static let hosts =
        ((try? FileManager.default.contentsOfDirectory(
            atPath: ProjectFolder.file("Formats/hosts").path)) ?? [])
        .filter { $0.hasSuffix(".vhost") }.map { String($0.dropLast(".vhost".count)) }.sorted()

    @Test("With yes to all of it a guest can go to every host that is built in", arguments: hosts)
    func everyHost(host: String) throws {
        let yes = Data(String(repeating: "y\n", count: 200).utf8)
        let policy = folder / "vm.mig.vpolicy"
        #expect(try Program.run("fix", stream, "--host", host, input: yes).status == 0)
        let names = try folder.names
        let result = names.contains("vm.mig.mended") ? folder / "vm.mig.mended" : stream
        for version in ["10.0", "11.1"] {
            let plan = try Program.run(
                "plan", result, "--host", host, "--qemu", version, "--policy",
                names.contains("vm.mig.vpolicy") ? policy : "safe")
            #expect(plan.status == 0, "\(plan.text)")
        }
        let snapshot = folder / "cpu"
        _ = try Program.run("save", "emulated:6.12-max", "--vcpus", "2", "-o", snapshot)
        #expect(
            try Program.run("fix", snapshot, "--host", host, input: yes).status == 0)
        let isWritten = try folder.names.contains("cpu.vpolicy")
        let restore = try Program.run(
            "restore", snapshot, "emulated:\(host)", "--policy",
            isWritten ? snapshot + ".vpolicy" : "safe")
        #expect(restore.status == 0, "\(restore.text)")
    }

    @Test("Where no rule helps nothing is asked")
    func impossible() throws {
        let host = try Program.run("host", "--from", stream, "--kernel", "6.12", "-o", "-").text
        let few = try folder.make("few.vhost", host + "capability KVM_CAP_MAX_VCPUS 1\n")
        let run = try Program.run(
            "fix", stream, "--host", few, input: Data("y\ny\ny\n".utf8))
        #expect(run.status == 1 && run.errors.isEmpty, "\(run)")
        #expect(run.text.contains("no rule lets it go there"), "\(run.text)")
        #expect(try folder.names == ["few.vhost", "vm.mig"])
    }
}
