import Foundation
import TestFiles
import Testing

/// What holds for reports of all commands: what is told first, what only with `--verbose`, how wide it is, and the exit code.
@Suite("Commands: reports")
struct ReportTests {
    private let folder: TemporaryFolder
    private let host = "6.1-neoverse-n1"
    private let stream = Stream.n1

    init() throws {
        folder = try TemporaryFolder()
    }

    private func guest() throws -> String {
        try Program.run("save", "emulated:6.12-neoverse-n1", "-o", folder / "guest", "-q")
        return folder / "guest"
    }

    // MARK: Width

    /// Words of a text, with spaces and line ends alike.
    private func words(_ text: String) -> [Substring] {
        text.split { $0 == " " || $0 == "\n" }
    }

    @Test(
        "Lines are broken between words, at the width of the terminal", arguments: [60, 80, 132])
    func width(columns: UInt16) throws {
        let guest = try guest()
        for arguments in [
            ["plan", guest, "--host", host], ["plan", guest, "--host", host, "--verbose"],
            ["plan", stream, "--host", host, "--qemu", "10.0"],
            ["restore", guest, "emulated:\(host)", "--dry-run"],
        ] {
            let arguments = arguments + ["--color", "never"]
            let whole = try Program.run(arguments).text
            let shown = try Terminal.run(arguments, columns: columns).text
            #expect(words(shown) == words(whole))
            for line in shown.split(separator: "\n") where line.count > columns {
                let isOneWord = !line.trimmingCharacters(in: .whitespaces).contains(" ")
                #expect(isOneWord || line.contains("vcpusnap "), "\(line)")
            }
        }
    }

    @Test("Colors take no room")
    func colors() throws {
        let guest = try guest()
        let arguments = ["plan", guest, "--host", host]
        let plain = try Terminal.run(arguments + ["--color", "never"], columns: 80).text
        let colored = try Terminal.run(arguments + ["--color", "always"], columns: 80).text
        #expect(colored != plain)
        #expect(colored.replacing(/\u{1b}\[[0-9]+m/, with: "") == plain)
    }

    @Test("A command can be copied from one line")
    func commands() throws {
        let arguments = ["plan", stream, "--host", host, "--qemu", "10.0", "--color", "never"]
        let shown = try Terminal.run(arguments, columns: 60).text
        let command = "vcpusnap mend \(stream) --host \(host) --qemu 10.0 --policy FILE -o MENDED"
        #expect(shown.contains(command))
    }

    @Test("A pipe, and a terminal that does not tell its width, get whole lines")
    func whole() throws {
        let guest = try guest()
        let arguments = ["plan", guest, "--host", host, "--color", "never"]
        #expect(try Terminal.run(arguments).text == Program.run(arguments).text)
        #expect(try Terminal.run(arguments, columns: 20).text == Program.run(arguments).text)
    }

    // MARK: What is told

    @Test("What counts stands before what is pardoned, which is told in short")
    func order() throws {
        let report = try Program.run("plan", try guest(), "--host", host).text
        let pardoned = try #require(report.range(of: "  pardoned by the policy"))
        let lastLoss = try #require(report.range(of: "refused, CLIDR_EL1"))
        #expect(lastLoss.lowerBound < pardoned.lowerBound)
        let rest = report[pardoned.upperBound...]
        #expect(rest.contains("safe: absent CCSIDR3-CCSIDR13"))
        #expect(rest.split(separator: "\n").count == 4)
    }

    @Test("Ids, and each register that is pardoned, are told with --verbose")
    func verbose() throws {
        let guest = try guest()
        for command in [["plan", guest, "--host", host], ["restore", guest, "emulated:\(host)"]] {
            let short = try Program.run(command).text
            let long = try Program.run(command + ["-v"]).text
            #expect(!short.contains("(0x603000000013c028)"))
            #expect(long.contains("ID_AA64DFR0_EL1 (0x603000000013c028)"))
            #expect(!short.contains("has no such cache"))
            #expect(long.contains("has no such cache, so the value is UNKNOWN"))
        }
    }

    @Test("JSON has ids, whatever is asked for")
    func json() throws {
        let guest = try guest()
        let short = try Program.run("plan", guest, "--host", host, "--json").text
        #expect(short.contains("0x603000000013c028"))
        #expect(try Program.run("plan", guest, "--host", host, "--json", "-v").text == short)
    }

    @Test("The last line of a plan is what to type next")
    func next() throws {
        let guest = try guest()
        let refused = try Program.run("plan", guest, "--host", host).text
        #expect(
            refused.hasSuffix(
                "  next: vcpusnap fix \(guest) --host \(host) asks about each thing in the way\n"))
        let possible = try Program.run("plan", guest, "--host", "6.12-neoverse-n1").text
        #expect(possible.hasSuffix("  next: vcpusnap restore \(guest) TARGET there\n"))
    }

    // MARK: Exit codes

    /// The rows of a table of Markdown.
    private func rows(of table: Substring) -> [[String]] {
        table.split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst().map { row in
            row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    @Test("The reference and the help have the same exit codes")
    func meanings() throws {
        let reference = try String(
            contentsOf: ProjectFolder.file("Documentation/reference.md"), encoding: .utf8)
        let start = try #require(reference.range(of: "## Exit codes"))
        let end = try #require(reference.range(of: "What the policy pardons"))
        let help = words(try Program.run("--help").text).joined(separator: " ")
        let rows = rows(of: reference[start.upperBound..<end.lowerBound])
        #expect(rows.count == 4)
        for row in rows {
            #expect(help.contains("\(row[0]) \(row[1])"), "\(row)")
        }
    }

    /// For each command a command line that ends with 0 and one that ends with 1; trouble is 2 for all.
    @Test("Commands end with the codes of the table")
    func codes() throws {
        let guest = try guest()
        try Program.run("save", "emulated:\(host)", "-o", folder / "other", "-q")
        let (same, other) = ("6.12-neoverse-n1", folder / "other")
        let endings: [(done: [String], finding: [String]?)] = [
            (["show", guest], nil), (["verify", guest], nil),
            (["diff", guest, guest], ["diff", guest, other]),
            (["plan", guest, "--host", same], ["plan", guest, "--host", host]),
            (
                ["plan", stream, "--host", same, "--qemu", "10.0", "--policy", "force"],
                ["plan", stream, "--host", host, "--qemu", "10.0"]
            ),
            (["matrix", guest, "--host", same], ["matrix", guest, "--host", host]),
            (
                ["restore", guest, "emulated:\(same)"],
                ["restore", guest, "emulated:\(host)"]
            ),
            (
                ["upgrade", guest, "--host", same, "--to", "6.12"],
                ["upgrade", guest, "--host", same, "--to", "6.1"]
            ),
            (["baseline", "7.3-neoverse-n1", same], ["baseline", same, host]),
            (
                ["mend", stream, "--host", same, "--dry-run", "--policy", "force"],
                ["mend", stream, "--host", host, "--dry-run"]
            ),
            (
                ["set", other, "X0=1", "--dry-run"],
                ["set", "emulated:\(host)", "MIDR_EL1=1"]
            ),
        ]
        for (done, finding) in endings {
            #expect(try Program.run(done).status == 0, "\(done)")
            if let finding { #expect(try Program.run(finding).status == 1, "\(finding)") }
            let trouble = [done[0], folder / "none"] + done.dropFirst(2)
            #expect(try Program.run(trouble).status == 2, "\(trouble)")
        }
    }
}
