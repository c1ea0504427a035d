import Foundation
import TestFiles
import Testing

/// Another machine as a host: the system's ssh is a script here, which runs on this one what it is to run there.
@Suite("Commands: ssh:HOST")
struct SSHCommandTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for name in ["bin", "there"] {
            try FileManager.default.createDirectory(
                atPath: folder / name, withIntermediateDirectories: false)
        }
        // Words before --, the host behind it, and the command in a shell of the user's.
        try script(
            "bin/ssh",
            """
            cd "${0%/*}/.."; printf '%s\\n' "$@" >words; echo >>connections
            while [ "$1" != -- ]; do shift; done
            cd there && PATH="$PWD:$PATH" exec sh -c "$3"
            """)
        try folder.make(
            "there.vhost", try profile("6.12-neoverse-n1"))
        // There is no KVM on this machine.
        try script(
            "there/vcpusnap",
            "[ \"$1 $2 $3\" = 'host -o -' ] && exec cat ../there.vhost; exec \(Program.path) \"$@\""
        )
        let saved = try Program.run("save", "emulated:6.12-neoverse-n1", "-o", folder / "cpu")
        try #require(saved.status == 0)
    }

    private func profile(_ name: String) throws -> String {
        try String(
            contentsOf: ProjectFolder.file("Formats/hosts/\(name).vhost"), encoding: .utf8)
    }

    private func script(_ name: String, _ text: String) throws {
        try folder.make(name, "#!/bin/sh\n\(text)\n")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o755], ofItemAtPath: folder / name)
    }

    private func vcpusnap(_ words: String) throws -> Run {
        try Program.shell("export PATH=$PWD/bin:$PATH; vcpusnap \(words)", in: folder)
    }

    /// What is there beside the program.
    private var arrived: [String] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: folder / "there").filter {
                $0 != "vcpusnap"
            }.sorted()
        }
    }

    // MARK: A host

    @Test("It is planned as its recorded profile is, under its own name")
    func plan() throws {
        let there = try vcpusnap("plan cpu --host ssh:me@rack1")
        let here = try vcpusnap("plan cpu --host there.vhost")
        #expect(there.status == 0 && there.errors.isEmpty, "\(there)")
        let moved = here.text.replacing("6.12-neoverse-n1", with: "rack1")
            .replacing("restore cpu TARGET there", with: "move cpu ssh:me@rack1 TARGET")
        #expect(there.text == moved)
        let words = try folder.text("words").split(separator: "\n").map(String.init)
        #expect(words.contains("BatchMode=yes") && words.contains("-T"))
        #expect(
            words.suffix(3) == ["--", "me@rack1", "vcpusnap --version && vcpusnap host -o -"])
        for command in [
            "matrix cpu --host ssh:rack1 --host ssh://rack2:22", "baseline ssh:rack1 ssh:rack2",
            "plan cpu --host ssh:rack1 ssh:rack2", "matrix ssh:rack1 --host ssh:rack2",
        ] {
            let run = try vcpusnap(command)
            #expect(run.status == 0 && run.text.contains("rack2"), "\(command): \(run)")
        }
    }

    @Test("Where somebody sits at a terminal, ssh may ask")
    func terminal() throws {
        let run = try Terminal.run(
            ["plan", folder / "cpu", "--host", "ssh:rack1"],
            environment: ["TERM": "xterm", "PATH": folder / "bin:/usr/bin:/bin"])
        #expect(run.status == 0, "\(run.text)")
        #expect(try !folder.text("words").contains("BatchMode"))
    }

    @Test(
        "A name is no option and no command",
        arguments: [
            "ssh:", "ssh:-oProxyCommand=x", "ssh:me@-x", "ssh:@x", "ssh:a b", "ssh:$(id)",
            "ssh://", "ssh:a;b", "ssh:--", "ssh:a'b", "ssh:a\\`b",
        ])
    func names(name: String) throws {
        let run = try vcpusnap("plan cpu --host \"\(name)\"")
        expectTrouble(run, "names no host")
        #expect(try !folder.names.contains("words"))
    }

    @Test("What is not vcpusnap in this version is refused")
    func versions() throws {
        for (script, message) in [
            ("echo vcpusnap 0.0.9; exit 2", "has vcpusnap 0.0.9, and this is vcpusnap "),
            ("echo Welcome", "found \"Welcome\": the start-up files"),
            ("echo; exec \(Program.path) \"$@\"", "found \"\""),
            ("printf '\\033[31mred\\n'", "\\u{1b}[31mred"),
            ("exit 2", "ended with status 2"), ("exit 127", "has no vcpusnap on the PATH"),
            ("kill -9 $$", "ended with status 137"),
            ("exec \(Program.path) \"$@\" </dev/null", "host"),
        ] {
            try self.script("there/vcpusnap", script)
            expectTrouble(try vcpusnap("plan cpu --host ssh:rack1"), "ssh:rack1", message)
        }
        try FileManager.default.removeItem(atPath: folder / "there/vcpusnap")
        try self.script(
            "bin/ssh", "echo \"$(printf 'evil\\033]0;x\\a')\" >&2; exit 255")
        let run = try vcpusnap("plan cpu --host ssh:rack1")
        expectTrouble(run, "cannot connect, or lost the connection: evil\\u{1b}]0;x")
        #expect(!run.errors.contains("\u{1b}"))
        try FileManager.default.removeItem(atPath: folder / "bin/ssh")
        expectTrouble(
            try Program.shell(
                "ln -s ${0%/*}/vcpusnap bin; export PATH=$PWD/bin; vcpusnap plan cpu --host ssh:rack1",
                in: folder), "no program ssh on the PATH")
    }

    @Test("Output without an end, a profile with an error, and words of others")
    func foreignText() throws {
        try script("there/vcpusnap", "\(Program.path) --version; exec cat /dev/zero")
        expectTrouble(try vcpusnap("plan cpu --host ssh:rack1"), "prints more than any vcpusnap")
        try script("there/vcpusnap", "\(Program.path) --version; printf 'vhost 1\\n\\033\\n'")
        let run = try vcpusnap("plan cpu --host ssh:rack1")
        expectTrouble(run, "ssh:rack1:")
        #expect(!run.errors.contains("\u{1b}"))
        try script(
            "there/vcpusnap",
            """
            echo 'Authorized use only' >&2; printf 'vcpusnap: careful\\033[1m\\n' >&2
            [ "$1" = --version ] && exec \(Program.path) --version; cat ../there.vhost
            """)
        let warned = try vcpusnap("plan cpu --host ssh:rack1")
        #expect(warned.status == 0)
        #expect(warned.errors.contains("vcpusnap: ssh:rack1: careful\\u{1b}[1m\n"), "\(warned)")
        #expect(!warned.errors.contains("Authorized"))
    }

    // MARK: Moves

    @Test("A restore there reports here, with its exit code")
    func move() throws {
        for format in ["text", "json"] {
            let there = try vcpusnap(
                "move cpu ssh:rack1 emulated:6.12-neoverse-n1 --format \(format)")
            let here = try vcpusnap(
                "restore cpu emulated:6.12-neoverse-n1 --strict --format \(format)")
            #expect(there.status == 0 && there.errors.isEmpty, "\(there)")
            #expect(there.text == here.text)
        }
        // Its profile promised what the host does not keep.
        let lossy = try vcpusnap("move cpu ssh:rack1 emulated:6.1-neoverse-n1")
        #expect(lossy.status == 1 && lossy.text.contains("emulated:6.1-neoverse-n1"), "\(lossy)")
        let here = try vcpusnap("restore cpu emulated:6.1-neoverse-n1 --strict").text
        // What to type next is told to who typed the restore.
        let report = here.split(separator: "\n").filter { !$0.contains("next: ") }
        #expect(lossy.text == report.joined(separator: "\n") + "\n")
    }

    @Test("Nothing is sent where the plan says no")
    func refusedMove() throws {
        try folder.make("there.vhost", try profile("6.1-neoverse-n1"))
        let run = try vcpusnap("move cpu ssh:rack1 new")
        #expect(run.status == 1 && run.text.contains("rack1: no"), "\(run)")
        #expect(run.errors.contains("nothing was sent to ssh:rack1"))
        #expect(try arrived.isEmpty)
        let forced = try vcpusnap("move cpu ssh:rack1 new --policy force")
        #expect(forced.status == 0, "\(forced)")
        #expect(try arrived == ["new"])
    }

    @Test("A policy goes along, whatever it is called")
    func policies() throws {
        let rules = "vpolicy 1\nbase force\n# it's `id` $(id)\n"
        try folder.make("own 'one'.vpolicy", rules)
        let words = "emulated:6.1-neoverse-n1 --policy \"own 'one'.vpolicy\""
        let run = try vcpusnap("move cpu ssh:rack1 \(words)")
        #expect(run.status == 0, "\(run)")
        #expect(run.text == (try vcpusnap("restore cpu \(words) --strict")).text)
    }

    @Test("A file is new there, whole, and its owner's alone")
    func moveToFile() throws {
        let run = try vcpusnap("move cpu ssh:rack1 'a new; file'")
        #expect(run.status == 0 && run.text.contains("written"), "\(run)")
        // A password is asked for once.
        #expect(try folder.text("connections") == "\n")
        #expect(try arrived == ["a new; file"])
        #expect(try folder.permissions("there/a new; file") == 0o600)
        let difference = try vcpusnap("diff cpu 'there/a new; file'")
        #expect(difference.status == 0, "\(difference)")
        let again = try vcpusnap("move cpu ssh:rack1 'a new; file'")
        expectTrouble(again, "already exists")
        expectTrouble(try vcpusnap("move cpu ssh:rack1 -"), "TARGET")
        expectTrouble(try vcpusnap("move cpu rack1 x"), "no ssh:HOST")
        expectTrouble(try vcpusnap("move cpu ssh:rack1 qmp:/x"), "no way to write registers")
        expectTrouble(try vcpusnap("receive </dev/null"), "no order")
    }

    @Test("A report is shown as text, whatever is in it")
    func hostileReport() throws {
        try script(
            "there/vcpusnap",
            """
            [ "$1" = --version ] && exec \(Program.path) --version
            cat >/dev/null; printf 'done\\033]0;x\\a\\n'; exit 1
            """)
        let run = try vcpusnap("move cpu ssh:rack1 new --host there.vhost")
        #expect(run.status == 1 && run.text == "done\\u{1b}]0;x\\u{7}\n", "\(run)")
    }

    // MARK: Connections that are lost

    /// The order as it is sent.
    private func order() throws -> Data {
        try script(
            "bin/ssh",
            """
            while [ "$1" != -- ]; do shift; done
            \(Program.path) --version; cat >order; exit 255
            """)
        _ = try vcpusnap("move cpu ssh:rack1 new --host there.vhost")
        return try folder.data("order")
    }

    @Test("What does not arrive whole is not done")
    func cutOrders() throws {
        let order = try order()
        let places = [0, 1, 15, 16, 17, 20] + stride(from: 30, to: order.count, by: 97)
        for count in places + [order.count - 2, order.count - 1] {
            try folder.make("cut", order.prefix(count))
            let run = try Program.shell("cd there; vcpusnap receive <../cut", in: folder)
            expectTrouble(run, "order")
            #expect(try arrived.isEmpty, "\(count)")
        }
        try folder.make("long", order + Data("x".utf8))
        expectTrouble(
            try Program.shell("cd there; vcpusnap receive <../long", in: folder), "order")
        #expect(try arrived.isEmpty)
        var damaged = order
        damaged[order.count - 20] ^= 1
        try folder.make("damaged", damaged)
        expectTrouble(
            try Program.shell("cd there; vcpusnap receive <../damaged", in: folder), "arrived")
        #expect(try arrived.isEmpty)
        try folder.make("whole", order)
        #expect(
            try Program.shell("cd there; vcpusnap receive <../whole", in: folder).status == 0)
        #expect(try arrived == ["new"])
    }

    @Test("Another version gets no order, and nothing waits for one")
    func otherVersion() throws {
        try script("there/vcpusnap", "echo vcpusnap 0.0.9; cat >got")
        let run = try vcpusnap("move cpu ssh:rack1 new --host there.vhost")
        expectTrouble(run, "has vcpusnap 0.0.9, and this is vcpusnap ")
        #expect(!run.errors.contains("check there"))
        #expect(try folder.data("there/got").isEmpty)
    }

    @Test("A connection that is lost later leaves a whole file, and says where to look")
    func lostAnswer() throws {
        try script(
            "bin/ssh",
            """
            while [ "$1" != -- ]; do shift; done
            cd there && PATH="$PWD:$PATH" sh -c "$3" | { read line; echo "$line"; cat >/dev/null; }
            exit 255
            """)
        let run = try vcpusnap("move cpu ssh:rack1 new --host there.vhost")
        expectTrouble(run, "lost the connection", "may have been carried out anyway: check there")
        #expect(try vcpusnap("diff cpu there/new").status == 0)
    }
}
