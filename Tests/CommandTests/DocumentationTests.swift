import Foundation
import TestFiles
import Testing

/// What README and the pages of Documentation show of the program is what it prints, and what they name is there.
@Suite("README and Documentation")
struct DocumentationTests {
    private static let pages =
        ["README.md"]
        + ((try? FileManager.default.contentsOfDirectory(atPath: file("Documentation").path)) ?? [])
        .sorted().map { "Documentation/\($0)" }

    private static func file(_ path: String) -> URL { ProjectFolder.file(path) }

    private func text(_ page: String) throws -> String {
        try String(contentsOf: Self.file(page), encoding: .utf8)
    }

    @Test("Transcripts are what is printed", arguments: pages)
    func transcripts(page: String) throws {
        let folder = try TemporaryFolder()
        try FileManager.default.copyItem(
            at: URL(fileURLWithPath: Stream.n1), to: URL(fileURLWithPath: folder / "vm.mig"))
        try FileManager.default.copyItem(
            at: Self.file("Formats/vectors/firecracker/10.0.0-F-2.vmstate"),
            to: URL(fileURLWithPath: folder / "vm.vmstate"))
        for transcript in Transcript.all(in: try text(page)) {
            guard !transcript.isLeftOut else {
                // No other reason will do.
                #expect(transcript.needsMore, "\(transcript.commands)")
                continue
            }
            let printed = try transcript.make(in: folder)
            try #require(printed.count == transcript.commands.count, "\(printed)")
            for (command, lines) in zip(transcript.commands, printed) {
                #expect(
                    Transcript.fits(lines, shown: command.output),
                    "$ \(command.line)\n\(lines.joined(separator: "\n"))")
            }
        }
    }

    @Test("There are transcripts that are run")
    func thereAreSome() throws {
        let readme = Transcript.all(in: try text("README.md")).filter { !$0.isLeftOut }
        #expect(readme.flatMap(\.commands).count >= 7)
        let all = try Self.pages.flatMap { Transcript.all(in: try text($0)) }.filter {
            !$0.isLeftOut
        }
        #expect(all.flatMap(\.commands).count >= 20)
    }

    @Test("README is short, and fits beside another window")
    func readmeIsShort() throws {
        let lines = try text("README.md").split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count <= 151)
        #expect(lines.filter { $0.count > 100 } == [])
    }

    @Test("Files that are named are there", arguments: pages + ["CONTRIBUTING.md", "SECURITY.md"])
    func namedFiles(page: String) throws {
        let text = try text(page)
        let links = text.matches(of: /\]\((?!https?:)([^)#]+)(#[^)]*)?\)/).map { match in
            Self.file(page).deletingLastPathComponent().appendingPathComponent(String(match.1))
        }
        let folders = "Benchmarks|Documentation|Formats|Fuzz|Scripts|Sources|Tests"
        let paths = try Regex(
            "`((?:\(folders))/[A-Za-z0-9_./+-]+)", as: (Substring, Substring).self)
        let named = text.matches(of: paths).map { Self.file(String($0.1)) }
        for file in links + named {
            #expect(FileManager.default.fileExists(atPath: file.path), "\(file.path)")
        }
    }
}

/// A block of a page that shows commands and what they print.
private struct Transcript {
    var commands: [(line: String, output: [String])] = []
    /// It stands under the comment that says that tests cannot run it.
    var isLeftOut: Bool

    private static let leftOut = "<!-- needs KVM or a running VM -->"

    /// In the order of the page; later ones use the files of earlier ones.
    static func all(in page: String) -> [Transcript] {
        var (found, block, before) = ([Transcript](), [Substring]?.none, Substring())
        for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
            if !line.hasPrefix("```") {
                if block != nil { block?.append(line) } else if !line.isEmpty { before = line }
            } else if let lines = block {
                if let transcript = Transcript(lines, isLeftOut: before == leftOut) {
                    found.append(transcript)
                }
                (block, before) = (nil, "")
            } else {
                block = []
            }
        }
        return found
    }

    /// Nil for what has no command in it.
    private init?(_ block: [Substring], isLeftOut: Bool) {
        self.isLeftOut = isLeftOut
        for line in block {
            if line.hasPrefix("$ ") {
                commands.append((String(line.dropFirst(2)), []))
            } else if commands.isEmpty {
                return nil
            } else {
                commands[commands.count - 1].output.append(String(line))
            }
        }
        if commands.isEmpty { return nil }
    }

    /// Whether it needs more than there is anywhere.
    var needsMore: Bool {
        commands.contains { command in
            ["qmp:", "pid:", "kvm:", "vcpusnap list"].contains { command.line.contains($0) }
        }
    }

    /// What each of its commands prints, in one shell.
    func make(in folder: TemporaryFolder) throws -> [[String]] {
        for (line, output) in commands where line.hasPrefix("cat ") {
            // Where it is not there yet, the page shows what its reader writes.
            let name = String(line.dropFirst(4))
            if !FileManager.default.fileExists(atPath: folder / name) {
                try folder.make(name, output.map { $0 + "\n" }.joined())
            }
        }
        let steps = commands.map {
            "\($0.line)\nstatus=$?; printf '\(Self.mark)\\n'; (exit $status)"
        }
        let script = "export PATH; exec 2>&1\n" + steps.joined(separator: "\n")
        let run = try Program.shell(script, in: folder)
        return run.text.components(separatedBy: Self.mark + "\n").dropLast().map { text in
            text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(
                String.init)
        }
    }

    private static let mark = "(the next command)"

    /// Whether the lines are those that are shown, but for times.
    static func fits(_ lines: [String], shown: [String]) -> Bool {
        fits(timeless(lines)[...], timeless(shown)[...])
    }

    /// Whether the lines are those that are shown, in which `...` stands for any.
    private static func fits(_ lines: ArraySlice<String>, _ shown: ArraySlice<String>) -> Bool {
        guard let first = shown.first else { return lines.isEmpty }
        if first.trimmingCharacters(in: .whitespaces) == "..." {
            return lines.indices.contains { fits(lines[$0...], shown.dropFirst()) }
                || shown.count == 1
        }
        guard let line = lines.first, line == first else { return false }
        return fits(lines.dropFirst(), shown.dropFirst())
    }

    /// What is made in one second does not differ in it; the digest, and how far a time is compressed, go with the
    /// times.
    ///
    /// Spaces at the ends of lines are not shown.
    private static func timeless(_ lines: [String]) -> [String] {
        lines.filter { !$0.hasPrefix("  time: ") }.map { line in
            line.replacing(/SHA-256 [0-9a-f]{64}/, with: "SHA-256")
                .replacing(/at byte \d+/, with: "at byte N").replacing(/\d+ bytes/, with: "N bytes")
                .replacing(/[ ]+$/, with: "")
        }
    }
}
