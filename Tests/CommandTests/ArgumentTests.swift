import Foundation
import TestFiles
import Testing

private let host = "emulated:6.12-neoverse-n1"
private let profile = "6.12-neoverse-n1"

@Suite("Commands: what the words of the command line mean")
struct ArgumentTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try Program.run("save", host, "-o", folder / "a")
    }

    // MARK: Where they come from

    /// Without /proc, as in a chroot or a sandbox.
    private static let withoutProc = [
        "/usr/bin/env", "unshare", "--mount", "sh", "-c",
        "mount -t tmpfs none /proc && exec \"$0\" \"$@\"", Program.path,
    ]

    private static let canHideProc: Bool = {
        (try? Program.run(["--version"], program: withoutProc))?.status == 0
    }()

    @Test(.enabled(if: canHideProc, "needs root, to hide /proc"))
    func argumentsDoNotNeedProc() throws {
        func run(_ words: String...) throws -> Run {
            try Program.run(words, program: Self.withoutProc)
        }
        expectTrouble(try run("verify", folder / "missing"), "missing", "ENOENT")
        expectTrouble(try run("frobnicate"), "frobnicate")
        expectTrouble(try run("plan", "--host"), "--host")
        expectTrouble(try run("list"), "/proc/self")
        expectTrouble(try run("show", "pid:1"), "process 1")
        #expect(try run("verify", folder / "a").text.contains("sound"))
        let set = try run("set", folder / "a", "x1=7")
        #expect(set.status == 0 && set.text.contains("0x7"))
        #expect(try run("plan", folder / "a", "--host", profile).status == 0)
        let help = try run("--help")
        #expect(help.status == 0 && help.text.contains("USAGE"))
    }

    @Test("Names that are not UTF-8 are read, written and changed as they are")
    func otherNames() throws {
        // A shell makes them: a string for Process has to be Unicode.
        func run(_ command: String) throws -> Run {
            try Program.run(
                [
                    "-c", "n=$(printf 'n\\377\\376'); cd \"$1\"; " + command, Program.path,
                    folder.path,
                ],
                program: ["/bin/sh"])
        }
        let made = try run(
            "\"$0\" save \(host) -o \"$n\" && \"$0\" set \"$n\" x1=3 && cp \"$n\" plain")
        #expect(made.status == 0, "\(made.errors)")
        #expect(made.text.contains("\nset: n\\xff\\xfe\n"))
        #expect(try run("ls -b").text == "a\nn\\377\\376\nplain\n")
        #expect(try run("\"$0\" diff plain \"$n\"").status == 0)
        let missing = try run("\"$0\" show \"$n.no\"")
        #expect(missing.status == 2 && missing.errors.contains("\"n\\xff\\xfe.no\""))
        let mended = try run(
            """
            cp \(Stream.n1) "$n"
            "$0" mend "$n" --host 6.1-neoverse-n1 --policy force --in-place >/dev/null &&
            "$0" unmend "$n" && cmp "$n" \(Stream.n1) && ls -b
            """)
        #expect(mended.status == 0, "\(mended.errors)")
        #expect(mended.text == "unmend: n\\xff\\xfe is as it was\na\nn\\377\\376\nplain\n")
    }

    // MARK: Options given twice

    @Test(
        "An option that takes one value is not given two",
        arguments: [
            ["mend", "a", "--host", "x", "--host", "y", "--dry-run"],
            ["save", host, "-o", "b", "--output", "c"], ["save", host, "-o", "b", "-o", "b"],
            ["plan", "a", "--host", profile, "--policy", "exact", "--policy=force"],
            ["plan", "a", "--host", profile, "--format", "text", "--format", "json"],
            ["plan", "a", "--host", profile, "--qemu", "9.0", "--qemu", "10.0"],
            ["set", "a", "x0=1", "--vcpu", "0", "--vcpu", "all"],
            ["inject", "a", "breakpoint", "--comment", "1", "--comment=2"],
            ["matrix", "a", "--hosts", "b", "--hosts", "c"],
            ["show", "a", "--snapshot", "b", "--snapshot", "c"],
            ["host", "--name", "b", "--name", "c"],
        ])
    func repeated(words: [String]) throws {
        let before = try folder.names
        let run = try Program.run(words.map { $0 == "a" ? folder / "a" : $0 })
        expectTrouble(run, "only one of them can be meant")
        #expect(try folder.names == before)
    }

    @Test("The message has both")
    func bothAreNamed() throws {
        let run = try Program.run(
            "plan", folder / "a", "--host", profile, "--policy=safe", "--policy", "force")
        expectTrouble(run, "--policy=safe and --policy force")
    }

    @Test("What can be repeated adds up, a flag may be, and what follows -- is no option")
    func repeatable() throws {
        let show = try Program.run(
            "show", folder / "a", "-r", "TTBR0_EL1", "--register", "TTBR1_EL1", "-r", "x0")
        #expect(show.status == 0)
        for name in ["TTBR0_EL1", "TTBR1_EL1", "x0"] { #expect(show.text.contains("\(name) ")) }
        #expect(show.text.contains("3 registers"))
        let missing = try Program.run("show", folder / "a", "-r", "x0", "-r", "NOPE", "-r", "x1")
        #expect(missing.status == 2 && missing.errors.contains("no register NOPE"))
        let exclude = try Program.run(
            "restore", folder / "a", host, "--exclude", "x0", "--exclude", "x1", "--dry-run",
            "--dry-run")
        #expect(exclude.status == 0, "\(exclude.errors)")
        expectTrouble(try Program.run("show", "--", "-r", "-r"), "Unexpected argument")
    }

    // MARK: --host

    @Test(
        "A host takes one value and never the source; several after one --host go on working",
        arguments: [
            "--host H1 FILE", "FILE --host H1", "FILE --host H1 --host H2", "FILE --host H1 H2",
            "--host H1 FILE --host H2", "--host H1 H2 --policy safe FILE",
            "--host H1 --host H2 FILE", "--host H1 --format text FILE",
        ])
    func hosts(words: String) throws {
        let names = ["H1": "6.12-max", "H2": "6.12-neoverse-n1", "FILE": folder / "a"]
        let run = try Program.run(
            ["plan"] + words.split(separator: " ").map { names[String($0)] ?? String($0) })
        let planned = run.text.split(separator: "\n").filter { $0.hasPrefix(folder / "a" + " on ") }
        #expect(planned.count == (words.contains("H2") ? 2 : 1), "\(run.errors)")
        #expect(planned.allSatisfy { $0.contains("6.12-max") || $0.contains("6.12-neoverse-n1") })
    }

    @Test(
        "In a matrix, too, a host may be followed by others, and by guests that can be no hosts",
        arguments: [
            ["a", "--host", "6.12-max", "6.1-max"], ["--host", "6.12-max", "a", "6.1-max"],
            ["a", "--host", "6.12-max", "--host", "6.1-max"],
            ["--host", "6.12-max", "6.1-max", "--policy", "safe", "a"],
        ])
    func hostsInAMatrix(words: [String]) throws {
        let run = try Program.run(
            ["matrix", "--json"] + words.map { $0 == "a" ? folder / "a" : $0 })
        let report = try run.json()
        #expect((report["rows"] as? [Any])?.count == 1)
        #expect((report["hosts"] as? [Any])?.count == 2)
    }

    // MARK: Standard streams

    @Test("A snapshot goes through a pipe of commands, their reports to standard error")
    func pipes() throws {
        let saved = try Program.run("save", host, "-o", "-")
        let set = try Program.run("set", "-", "x1=0x77", "-o", "-", input: saved.output)
        #expect(set.status == 0 && set.errors.contains("0x0 -> 0x77"))
        let injected = try Program.run("inject", "-", "breakpoint", "-o", "-", input: set.output)
        #expect(injected.status == 0 && injected.errors.contains("inject breakpoint: -"))
        let restored = try Program.run(
            "restore", "-", host, "-o", "-", "--format", "json", input: injected.output)
        #expect(restored.status == 0)
        #expect(restored.errors.contains("\"complete\" : true"))
        let shown = try Program.run("show", "-", "-r", "x1", input: restored.output)
        #expect(shown.text.contains("0x77"))
        expectTrouble(try Program.run("set", "-", "x1=1", input: saved.output), "--output", "-")
    }

    @Test("Pages, profiles, policies and baselines go through standard streams too")
    func otherPipes() throws {
        let page = try Program.run("matrix", folder / "a", "--host", profile, "--html", "-")
        #expect(page.status == 0 && page.text.hasPrefix("<!DOCTYPE html>"))
        #expect(page.errors.contains("yes"))
        #expect(try !folder.names.contains("-"))
        let recorded = try Program.run("host", "--from", folder / "a", "-o", "-")
        let planned = try Program.run("plan", folder / "a", "--host", "-", input: recorded.output)
        #expect(planned.status == 0, "\(planned.errors)")
        let policy = Data("vpolicy 1\nname mine\nbase safe\n".utf8)
        let judged = try Program.run(
            "plan", folder / "a", "--host", profile, "--policy", "-", input: policy)
        #expect(judged.status == 0, "\(judged.errors)")
    }

    @Test(
        "Standard input is read once",
        arguments: [
            ["diff", "-", "-"], ["plan", "-", "--host", "-"],
            ["plan", "-", "--host", "x", "--policy", "-"],
            ["convert", "-", "--into", "-", "-o", "b"], ["baseline", "-", "-"],
            ["matrix", "-", "--host", "-"], ["mend", "-", "--host", "-", "-o", "b"],
            ["restore", "-", host, "--policy", "-"],
        ])
    func standardInputOnce(words: [String]) throws {
        expectTrouble(try Program.run(words), "standard input can be read only once")
    }

    @Test("Binary does not go to a terminal")
    func terminal() throws {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/script") else { return }
        for words in ["save \(host) -o -", "set \(folder / "a") x0=1 -o -"] {
            let run = try Program.run(
                ["-qec", "\(Program.path) \(words)", "/dev/null"], program: ["/usr/bin/script"])
            #expect(run.status == 2)
            #expect(run.text.contains("standard output is a terminal"), "\(run.text)")
        }
    }

    // MARK: Options that do not go with a source

    @Test(
        "What would be ignored is refused",
        arguments: [
            ["save", "qmp:/s", "--vcpus", "3", "-o", "b"],
            ["save", "a", "--vcpus", "1", "-o", "b"],
            ["save", "pid:1", "--vcpus", "1", "-o", "b"], ["save", host, "--settle", "-o", "b"],
            ["save", "qmp:/s", "--despite-filter", "-o", "b"], ["show", "a", "--snapshot", "x"],
            ["show", host, "--snapshot", "x"], ["show", "qmp:/s", "--snapshot", "x"],
        ])
    func ignored(words: [String]) throws {
        let run = try Program.run(words.map { $0 == "a" ? folder / "a" : $0 })
        let option = try #require(words.first { $0.hasPrefix("--") })
        expectTrouble(run, "\(option) is about")
    }

    @Test("How many vCPUs can be made is said", arguments: ["0", "513", "two", "+2", "1e1", ""])
    func numberOfVCPUs(_ text: String) throws {
        expectTrouble(
            try Program.run("save", host, "-o", folder / "none", "--vcpus", text),
            "--vcpus takes a number from 1 to 512, not \(text)")
        #expect(try !folder.names.contains("none"))
    }

    @Test("Numbers have digits alone", arguments: ["+5", "-5", "5 ", "0x5", "５", "", "5/+3", "5/"])
    func processes(text: String) throws {
        expectTrouble(try Program.run("show", "pid:" + text), "pid:")
    }

    @Test("What cannot be written is known before a VM is stopped")
    func outputFirst() throws {
        // No QEMU is there either, which would be found next.
        for name in ["none/b", "", "a/b"] {
            let run = try Program.run("save", "qmp:" + folder / "s", "-o", folder / name)
            expectTrouble(run, folder / name)
            #expect(!run.errors.contains("qmp:"), "\(run.errors)")
        }
    }
}
