import Foundation
import TestFiles
import Testing

/// What a baseline's file is given to.
@Suite("Commands: --baseline")
struct BaselineUseTests {
    private let folder: TemporaryFolder
    private let hosts = ["6.12-neoverse-n1", "6.12-neoverse-v1"]
    private let file: String

    init() throws {
        folder = try TemporaryFolder()
        file = folder / "n.vbaseline"
        #expect(try Program.run(["baseline"] + hosts + ["-o", file]).status == 1)
    }

    @Test("Guests that are started with it lose what its obstacles say, and no more")
    func started() throws {
        let obstacles = try folder.text("n.vbaseline").split(separator: "\n")
            .filter { $0.hasPrefix("obstacle ") }.map { $0.split(separator: " ")[1] }
        for host in hosts {
            let plan = try Program.run("plan", host, "--baseline", file, "--json")
            #expect(plan.status == 1, "\(plan.errors)")
            let lost = try Set(
                (plan.json()["hosts"] as? [[String: Any]] ?? [])
                    .flatMap { $0["vcpus"] as? [[String: Any]] ?? [] }
                    .flatMap { $0["causes"] as? [[String: Any]] ?? [] }
                    .flatMap { $0["losses"] as? [[String: Any]] ?? [] }
                    .compactMap { $0["register"] as? [String: Any] }
                    .filter { $0["pardon"] == nil }.compactMap { $0["name"] as? String })
            #expect(!lost.isEmpty && lost.isSubset(of: obstacles.map(String.init)), "\(lost)")
        }
        let matrix = try Program.run(
            ["matrix"] + hosts + ["--host"] + hosts + ["--baseline", file, "--format", "csv"])
        #expect(matrix.text.contains("6.12-neoverse-n1,6.12-neoverse-n1,yes,0,\r\n"), "\(matrix)")
    }

    @Test("Its hosts are built in, or lie beside it")
    func hostsBeside() throws {
        try folder.make("r.vbaseline", "vbaseline 1\nhost rack1\nhost 6.12-neoverse-n1\n")
        let missing = try Program.run("plan", hosts[0], "--baseline", folder / "r.vbaseline")
        expectTrouble(missing, "is for rack1", "rack1.vhost is not there", "--hosts DIR")
        let profile = try String(
            contentsOf: ProjectFolder.file("Formats/hosts/6.12-neoverse-n1.vhost"), encoding: .utf8)
        try folder.make(
            "rack1.vhost", profile.replacing("name 6.12-neoverse-n1", with: "name rack1"))
        let run = try Program.run("plan", hosts[0], "--baseline", folder / "r.vbaseline")
        #expect(run.text.contains("on rack1") && run.text.contains("on 6.12-neoverse-n1"), "\(run)")
    }

    @Test("A guest that was started otherwise is told, and a host that refuses it")
    func others() throws {
        let guest = folder / "cpu"
        #expect(try Program.run("save", "emulated:\(hosts[1])", "-o", guest).status == 0)
        expectTrouble(
            try Program.run("plan", guest, "--baseline", file), "was not started with",
            "holds another value in ")
        expectTrouble(
            try Program.run("plan", "6.1-cortex-a57", "--baseline", file), "refuses",
            "compute a baseline")
        expectTrouble(
            try Program.run("plan", Stream.n1, "--baseline", file, "--qemu", "10.0"),
            "--baseline is about restores")
    }

    @Test("One without its last line is read, with a word, and is not sound")
    func withoutEnd() throws {
        let words = ["plan", hosts[0], "--baseline", file]
        let whole = try Program.run(words)
        #expect(whole.errors.isEmpty)
        try folder.make("n.vbaseline", folder.text("n.vbaseline").replacing("\nend\n", with: "\n"))
        let run = try Program.run(words)
        #expect(run.text == whole.text)
        #expect(run.errors.contains("n.vbaseline: its last line is not end"), "\(run.errors)")
        let check = try Program.run("verify", file)
        #expect(check.status == 2 && check.text.contains("damaged"), "\(check)")
    }

    @Test(
        "A damaged one is refused by its line",
        arguments: [
            ("vbaseline 2\n", ":1:"), ("vbaseline 1\nhost\n", ":2:"),
            ("vbaseline 1\nregister X 0x0\n", ":2:"),
            (
                "vbaseline 1\nregister ID_AA64PFR0_EL1 0x603000000013c020 0x1ffffffffffffffff\n",
                ":2:"
            ),
            ("vbaseline 1\nfeature NONE\n", ":2:"), ("vbaseline 1\nhost a\nhost a\n", ":3:"),
            ("vbaseline 1\nhost a\nend\nhost b\n", ":4:"), ("vbaseline 1\nend now\n", ":2:"),
            ("vbaseline 1\nend\n", "at least one host"),
            ("vpolicy 1\n", "is a policy"), ("", ":1:"),
        ])
    func damaged(text: String, place: String) throws {
        try folder.make("d.vbaseline", text)
        expectTrouble(
            try Program.run(
                "plan", hosts[0], "--baseline", folder / "d.vbaseline", "--host", hosts[0]),
            "d.vbaseline", place)
    }
}
