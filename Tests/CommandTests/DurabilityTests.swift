import Foundation
import TestFiles
import Testing

private let older = "6.1-neoverse-n1"

/// What is on the disk after several programs at once, signals and errors.
@Suite("Commands: nothing saved is lost")
struct DurabilityTests {
    private let folder: TemporaryFolder
    private let path: String
    private let original: Data

    init() throws {
        folder = try TemporaryFolder()
        path = try folder.copy(Stream.n1)
        original = try Stream.data(Stream.n1)
    }

    /// Runs a command of the shell in the folder; $0 is the program.
    private func shell(_ command: String) throws -> Run {
        try Program.run(
            ["-c", "cd \"$1\"; " + command, Program.path, folder.path], program: ["/bin/sh"])
    }

    private func mend(_ file: String, _ host: String = older) throws -> Run {
        try Program.run("mend", file, "--host", host, "--policy", "force", "--in-place")
    }

    // MARK: Several at once

    @Test(
        "Of two mends at once one is done, and its undo file restores the original",
        arguments: 0..<5)
    func twoMends(round: Int) throws {
        let run = try shell(
            """
            set -- --policy force --in-place
            "$0" mend vm.mig --host \(older) "$@" >/dev/null 2>one & first=$!
            "$0" mend vm.mig --host 6.1-cortex-a57 "$@" >/dev/null 2>two & second=$!
            wait $first; echo $?; wait $second; echo $?
            """)
        #expect(Set(run.text.split(separator: "\n")) == ["0", "2"])
        let errors = try folder.text("one") + folder.text("two")
        #expect(errors.contains("vm.mig was changed before") && errors.contains("unmend"))
        #expect(try Program.run("unmend", path).status == 0)
        #expect(try folder.data("vm.mig") == original)
        #expect(try folder.names == ["one", "two", "vm.mig"])
    }

    @Test("Of changes made at once none is lost")
    func manyChanges() throws {
        try Program.run("save", "emulated:6.12-neoverse-n1", "-o", folder / "s")
        let run = try shell(
            """
            for n in $(seq 0 19); do "$0" set s x$n=$((n + 100)) >/dev/null 2>&1 & done
            wait; "$0" show s -r 'x*' --format json
            """)
        let vcpus = try #require(try run.json()["vcpus"] as? [[String: Any]])
        let registers = try #require(vcpus[0]["registers"] as? [[String: Any]])
        for number in 0..<20 {
            let register = registers.first { $0["name"] as? String == "x\(number)" }
            #expect(register?["value"] as? String == "0x" + String(number + 100, radix: 16))
        }
        #expect(try folder.names == ["s", "vm.mig"])
    }

    // MARK: Several names

    @Test("Every name of a file finds the same undo file", arguments: ["symbolic", "hard"])
    func names(kind: String) throws {
        if kind == "hard" {
            try FileManager.default.linkItem(atPath: path, toPath: folder / "b.mig")
        } else {
            try FileManager.default.createSymbolicLink(
                atPath: folder / "b.mig", withDestinationPath: "vm.mig")
        }
        for (first, second) in [("vm.mig", "b.mig"), ("b.mig", "vm.mig")] {
            #expect(try mend(folder / first).status == 0)
            let again = try mend(folder / second, "6.1-cortex-a57")
            #expect(again.status == 2 && again.errors.contains("unmend"), "\(again.errors)")
            #expect(try Program.run("unmend", folder / second).status == 0)
            #expect(try folder.data("vm.mig") == original)
            #expect(try folder.data("b.mig") == original)
            #expect(try folder.names == ["b.mig", "vm.mig"])
        }
    }

    @Test("Changes by names in two folders are undone in the right order only")
    func namesInTwoFolders() throws {
        let other = try TemporaryFolder()
        try FileManager.default.linkItem(atPath: path, toPath: other / "b.mig")
        let policy = "vpolicy 1\nname one\nbase safe\noverride MIDR_EL1 0x1\n"
        try folder.make("one", policy)
        try folder.make("two", policy.replacingOccurrences(of: "EL1 0x1", with: "EL1 0x2"))
        func mend(_ file: String, _ policy: String) throws -> Run {
            try Program.run("mend", file, "--policy", folder / policy, "--in-place")
        }
        let first = try mend(path, "one")
        try #require(first.status == 0, "\(first.errors)")
        try #require(try mend(other / "b.mig", "two").status == 0)
        let wrong = try Program.run("unmend", path)
        #expect(wrong.status == 2 && wrong.errors.contains("undo that first"), "\(wrong.errors)")
        #expect(try Program.run("unmend", other / "b.mig").status == 0)
        #expect(try Program.run("unmend", path).status == 0)
        #expect(try folder.data("vm.mig") == original)
    }

    // MARK: The undo file

    @Test(
        "What only has the name of an undo file is refused at once",
        arguments: ["fifo", "link", "folder"])
    func oddUndoFile(kind: String) throws {
        let undo = path + ".undo"
        switch kind {
        case "fifo": try #require(mkfifo(undo, 0o600) == 0)
        case "link":
            try FileManager.default.createSymbolicLink(
                atPath: undo, withDestinationPath: folder / "elsewhere")
        default:
            try FileManager.default.createDirectory(
                atPath: undo, withIntermediateDirectories: false)
        }
        for run in [try mend(path), try Program.run("unmend", path)] {
            #expect(run.status == 2 && run.errors.contains("vm.mig.undo"), "\(run.errors)")
        }
        #expect(try folder.data("vm.mig") == original)
        #expect(try folder.names == ["vm.mig", "vm.mig.undo"])
    }

    @Test("A file that somebody changed since is not overwritten")
    func changedSince() throws {
        try #require(try mend(path).status == 0)
        var changed = try folder.data("vm.mig")
        changed[changed.count - 100] ^= 1
        try folder.make("vm.mig", changed)
        let run = try Program.run("unmend", path)
        #expect(run.status == 2)
        #expect(
            run.errors.contains("changed since") && run.errors.contains("bytes from byte 72 on"))
        #expect(try folder.data("vm.mig") == changed)
        #expect(try folder.names == ["vm.mig", "vm.mig.undo"])
        // As the message says.
        let undo = try folder.data("vm.mig.undo")
        let start = undo[32..<40].reduce(0) { $0 << 8 | Int($1) }
        #expect(changed.prefix(start) + undo[72..<72 + original.count - start] == original)
    }

    // MARK: Outputs that are inputs

    @Test(
        "A file is not replaced by what is made of it", arguments: ["vm.mig", "symbolic", "hard"])
    func overItself(name: String) throws {
        try FileManager.default.createSymbolicLink(
            atPath: folder / "symbolic", withDestinationPath: "vm.mig")
        try FileManager.default.linkItem(atPath: path, toPath: folder / "hard")
        try Program.run("save", "emulated:6.12-neoverse-n1", "-o", folder / "s")
        let before = try folder.names
        let runs = [
            ["mend", path, "--host", older, "--policy", "force"], ["convert", path],
            ["convert", folder / "s", "--into", path], ["save", path],
        ].map { words in try? Program.run(words + ["-o", folder / name]) }
        for run in runs {
            #expect(run?.status == 2)
            #expect(run?.errors.contains("is the same file as") == true, "\(run?.errors ?? "")")
        }
        #expect(runs[0]?.errors.contains("--in-place") == true)
        #expect(try folder.data("vm.mig") == original)
        #expect(try folder.names == before)
    }

    @Test(
        "No output takes the place of what it is made from, or of what undoes a change",
        arguments: [
            [
                "plan", "vm.mig", "--host", "6.1-neoverse-n1", "--qemu", "10.0", "--write-policy",
                "vm.mig",
            ],
            ["plan", "s", "--host", "6.1-neoverse-n1", "--write-policy", "s"],
            ["plan", "s", "--host", "fleet/h.vhost", "--write-policy", "link"],
            [
                "plan", "vm.mig", "--host", "6.1-neoverse-n1", "--qemu", "10.0", "--write-policy",
                "made.undo",
            ],
            [
                "mend", "vm.mig", "--host", "6.1-neoverse-n1", "--dry-run", "--write-policy",
                "vm.mig",
            ],
            [
                "mend", "vm.mig", "--host", "6.1-neoverse-n1", "--in-place", "--write-policy",
                "vm.mig",
            ],
            ["mend", "vm.mig", "--host", "6.1-neoverse-n1", "-o", "new", "--write-policy", "new"],
            [
                "mend", "vm.mig", "--host", "6.1-neoverse-n1", "--policy", "force", "-o",
                "made.undo",
            ],
            [
                "mend", "vm.mig", "--host", "fleet/h.vhost", "--dry-run", "--write-policy",
                "fleet/h.vhost",
            ],
            ["restore", "s", "emulated:fleet/h.vhost", "-o", "fleet/h.vhost"],
            ["restore", "s", "emulated:fleet/h.vhost", "-o", "link"],
            ["save", "emulated:fleet/h.vhost", "-o", "fleet/h.vhost"],
            ["set", "emulated:fleet/h.vhost", "x0=1", "-o", "fleet/h.vhost"],
            ["inject", "emulated:fleet/h.vhost", "serror", "-o", "link"],
            ["matrix", "s", "--hosts", "fleet", "--html", "fleet/h.vhost"],
            [
                "matrix", "emulated:fleet/h.vhost", "--host", "6.1-cortex-a57", "--html", "link",
            ],
        ])
    func overAnInput(words: [String]) throws {
        try FileManager.default.createDirectory(
            atPath: folder / "fleet", withIntermediateDirectories: false)
        try Program.run(
            "host", "--from", "emulated:6.12-neoverse-n1", "-o", folder / "fleet/h.vhost")
        try FileManager.default.createSymbolicLink(
            atPath: folder / "link", withDestinationPath: "fleet/h.vhost")
        try Program.run("save", "emulated:6.12-neoverse-n1", "-o", folder / "s")
        try FileManager.default.copyItem(atPath: path, toPath: folder / "made")
        try Program.run(
            "mend", folder / "made", "--host", older, "--policy", "force", "--in-place")
        let files = ["vm.mig", "s", "fleet/h.vhost", "made.undo", "made"]
        let before = try files.map { try folder.data($0) }
        let run = try Program.run(
            ["-c", "cd '\(folder.path)'; exec \"$0\" \"$@\"", Program.path] + words,
            program: ["/bin/sh"])
        #expect(run.status == 2, "\(words): \(run.text) \(run.errors)")
        #expect(try files.map { try folder.data($0) } == before, "\(words)")
        #expect(!FileManager.default.fileExists(atPath: folder / "new"))
    }

    @Test(
        "What goes to standard output does not go into the file that it is made of",
        arguments: ["save s -o -", "set s x0=1 -o -", "inject s serror -o -", "restore s s -o -"])
    func standardOutputIsAnInput(words: String) throws {
        try Program.run("save", "emulated:6.12-neoverse-n1", "-o", folder / "s")
        let before = try folder.data("s")
        let run = try Program.run(
            ["-c", "cd '\(folder.path)'; exec \"$0\" \(words) >>s", Program.path],
            program: ["/bin/sh"])
        #expect(run.status == 2 && run.errors.contains("is the same file as s"), "\(run.errors)")
        #expect(try folder.data("s") == before)
    }

    @Test(
        "What is printed goes into no file that took a closed stream's place",
        arguments: [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "<&-"])
    func closedStreams(redirection: String) throws {
        let options = "--host \(older) --policy force"
        for command in [
            "mend vm.mig \(options) --in-place", "mend vm.mig --undescribed \(options) --in-place",
            "mend vm.mig \(options) -o o.mig", "set s x0=0x5", "convert vm.mig -o c", "restore s s",
        ] {
            try original.write(to: URL(fileURLWithPath: path))
            try? FileManager.default.removeItem(atPath: folder / "vm.mig.undo")
            try Program.run("save", "emulated:6.12-neoverse-n1", "-o", folder / "s")
            let script = """
                cd '\(folder.path)'; "$0" \(command) \(redirection)
                for f in s o.mig c; do test ! -e $f || "$0" show $f >/dev/null || echo "$f is damaged"; done
                "$0" show vm.mig >/dev/null || echo vm.mig is damaged
                test ! -e vm.mig.undo || "$0" unmend vm.mig
                """
            let run = try Program.run(["-c", script, Program.path], program: ["/bin/sh"])
            #expect(!run.text.contains("damaged"), "\(command) \(redirection): \(run.text)")
            #expect(try folder.data("vm.mig") == original, "\(command) \(redirection)")
        }
    }

    @Test(
        "That a file was changed is said, too, where the report cannot be printed",
        arguments: [
            ["set", "s", "x0=0x5"], ["inject", "s", "serror"], ["restore", "s", "t"],
            ["mend", "vm.mig", "--host", "6.1-neoverse-n1", "--policy", "force", "--in-place"],
            ["mend", "vm.mig", "--host", "6.1-neoverse-n1", "--policy", "force", "-o", "new"],
        ])
    func fullOutputAfterAChange(words: [String]) throws {
        for name in ["s", "t"] {
            try Program.run("save", "emulated:6.12-neoverse-n1", "-o", folder / name)
        }
        let run = try Program.run(
            ["-c", "cd '\(folder.path)'; \"$0\" \"$@\" >/dev/full", Program.path] + words,
            program: ["/bin/sh"])
        #expect(run.status == 2)
        #expect(run.errors.contains("before that"), "\(run.errors)")
    }

    @Test("A mend in place that changes nothing says so")
    func nothingToMend() throws {
        let run = try Program.run(
            "mend", path, "--host", "6.12-neoverse-n1", "--policy", "force", "--in-place")
        #expect(run.status == 0 && run.text.contains("nothing was written"), "\(run.text)")
        #expect(!FileManager.default.fileExists(atPath: path + ".undo"))
    }

    @Test("A snapshot that takes its own place has lost nothing")
    func snapshotOverItself() throws {
        try Program.run("save", "emulated:6.12-neoverse-n1", "-o", folder / "s")
        #expect(try Program.run("set", folder / "s", "x1=5", "-o", folder / "s").status == 0)
        #expect(try Program.run("save", folder / "s", "-o", folder / "s").status == 0)
        #expect(try Program.run("show", folder / "s", "-r", "x1").text.contains("0x5"))
        let run = try Program.run(
            "restore", folder / "s", "emulated:6.12-neoverse-n1", "-o", folder / "s")
        #expect(run.status == 2 && run.errors.contains("is the same file as"))
    }

    // MARK: Permissions

    @Test(.enabled(if: getuid() == 0, "needs root, to give files away"))
    func ownersStay() throws {
        try Program.run("save", "emulated:6.12-neoverse-n1", "-o", folder / "s")
        try #require(chown(folder / "s", 65_534, 65_533) == 0)
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o640], ofItemAtPath: folder / "s")
        for words in [
            ["set", folder / "s", "x1=5"], ["inject", folder / "s", "breakpoint"],
            ["restore", folder / "s", folder / "s"],
        ] {
            #expect(try Program.run(words).status == 0)
            let attributes = try FileManager.default.attributesOfItem(atPath: folder / "s")
            #expect(attributes[.ownerAccountID] as? Int == 65_534)
            #expect(attributes[.groupOwnerAccountID] as? Int == 65_533)
            #expect(try folder.permissions("s") == 0o640)
        }
    }

    @Test("What anybody may see is as the umask says, or as it was")
    func umaskIsKept() throws {
        let run = try shell(
            """
            umask 077
            "$0" host --from emulated:\(older) -o a.vhost
            "$0" baseline \(older) 6.12-neoverse-n1 -o a.vbaseline
            "$0" matrix 6.12-max --host \(older) --html a.html
            umask 022
            "$0" host --from emulated:\(older) -o b.vhost
            "$0" host --from emulated:\(older) -o a.vhost
            "$0" matrix 6.12-max --host \(older) --html a.html
            """)
        for (name, mode) in [
            ("a.vhost", 0o600), ("a.vbaseline", 0o600), ("a.html", 0o600), ("b.vhost", 0o644),
        ] {
            #expect(try folder.permissions(name) == mode, "\(name): \(run.errors)")
        }
    }

    // MARK: Signals and limits

    /// Starts a program that has begun to write a file and waits for more of its input, sends it a signal, and
    /// gives the names that are there afterward.
    private func names(afterSignal signal: Int32) throws -> [String] {
        let pipe = Pipe()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Program.path)
        process.arguments = [
            "mend", "-", "--host", older, "--policy", "force", "-o", folder / "out",
        ]
        process.environment = [:]
        process.standardInput = pipe
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.start()
        try pipe.fileHandleForWriting.write(contentsOf: original.prefix(1000))
        // Before it reads, it tries whether the output can be written, by files that come and go.
        var unread: CInt = 1
        while unread > 0 {
            try #require(process.isRunning)
            _ = ioctl(pipe.fileHandleForWriting.fileDescriptor, UInt(FIONREAD), &unread)
            usleep(1000)
        }
        while try !folder.names.contains(where: { $0.hasPrefix(".vcpusnap-") }) {
            try #require(process.isRunning)
            usleep(1000)
        }
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        #expect(process.terminationReason == .uncaughtSignal)
        #expect(process.terminationStatus == signal)
        return try folder.names
    }

    @Test("A signal leaves nothing behind", arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1])
    func signals(signal: Int32) throws {
        #expect(try names(afterSignal: signal) == ["vm.mig"])
    }

    @Test("What SIGKILL leaves behind the next program removes", arguments: ["save", "unmend"])
    func leftovers(command: String) throws {
        if command == "unmend" { try #require(try mend(path).status == 0) }
        let names = try names(afterSignal: SIGKILL)
        #expect(names.contains { $0.hasPrefix(".vcpusnap-") } && !names.contains("out"))
        let run =
            command == "save"
            ? try Program.run("save", "emulated:\(older)", "-o", folder / "s")
            : try Program.run("unmend", path)
        #expect(run.status == 0)
        #expect(try folder.names == (command == "save" ? ["s", "vm.mig"] : ["vm.mig"]))
    }

    @Test("A file that would be too large is an error, and the old one stays")
    func fileSizeLimit() throws {
        let run = try shell(
            """
            { (ulimit -f 0; exec "$0" mend vm.mig --host \(older) --policy force -o out); echo $?; \
            (ulimit -f 0; exec "$0" mend vm.mig --host \(older) --policy force --in-place); \
            echo $?; } 2>&1 | cat
            """)
        #expect(run.text.contains("EFBIG") && run.text.contains("ulimit -f"), "\(run.text)")
        #expect(run.text.split(separator: "\n").filter { $0 == "2" }.count == 2, "\(run.text)")
        #expect(try folder.names == ["vm.mig"])
        #expect(try folder.data("vm.mig") == original)
    }

    @Test("A parent that ignores SIGCHLD does not make a child's success a failure")
    func childSignal() throws {
        let run = try shell(
            "gzip -c vm.mig > vm.gz; trap '' CHLD; exec \"$0\" convert vm.gz -o s")
        #expect(run.status == 0, "\(run.errors)")
    }

    @Test("What was written is not said to be not replaced")
    func fullStandardOutput() throws {
        let run = try Program.run(
            ["mend", path, "--host", older, "--policy", "force", "-o", folder / "out"],
            standardOutput: "/dev/full")
        #expect(run.status == 2 && run.errors.contains("ENOSPC"))
        #expect(!run.errors.contains("replaced"))
        #expect(try folder.names == ["out", "vm.mig"])
    }
}
