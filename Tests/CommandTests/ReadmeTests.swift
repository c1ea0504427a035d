import Foundation
import TestFiles
import Testing

/// What README shows of the program is what it prints.
///
/// Transcripts that need KVM, a running VM or a file that is not here are left out. A line `...` stands for any
/// lines; times and what depends on them may differ.
@Suite("README's transcripts")
struct ReadmeTests {
    struct Transcript {
        var commands: [(line: String, output: [String])] = []
    }

    /// In the order of README; later ones use the files of earlier ones.
    private static func transcripts() throws -> [Transcript] {
        let readme = Program.project.appendingPathComponent("README.md")
        let blocks = try String(contentsOf: readme, encoding: .utf8).split(separator: "```\n")
        let inside = blocks.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
        return inside.compactMap { Transcript(String($0)) }.filter(\.canBeMade)
    }

    @Test func areTrue() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.copyItem(
            at: URL(fileURLWithPath: Stream.n1), to: URL(fileURLWithPath: folder / "vm.mig"))
        let transcripts = try Self.transcripts()
        #expect(transcripts.map(\.commands.count).reduce(0, +) >= 8)
        for transcript in transcripts {
            let printed = try transcript.make(in: folder)
            try #require(printed.count == transcript.commands.count, "\(printed)")
            for (command, lines) in zip(transcript.commands, printed) {
                #expect(
                    Self.fits(Self.timeless(lines)[...], Self.timeless(command.output)[...]),
                    "$ \(command.line)\n\(lines.joined(separator: "\n"))")
            }
        }
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
    private static func timeless(_ lines: [String]) -> [String] {
        lines.filter { !$0.hasPrefix("  time: ") }.map { line in
            line.replacing(/SHA-256 [0-9a-f]{64}/, with: "SHA-256")
                .replacing(/at byte \d+/, with: "at byte N").replacing(/\d+ bytes/, with: "N bytes")
        }
    }
}

extension ReadmeTests.Transcript {
    /// Nil for what has no command in it.
    init?(_ block: String) {
        for line in block.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
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

    /// Whether it needs no more than there is anywhere.
    var canBeMade: Bool {
        commands.allSatisfy { command in
            !["qmp:", "pid:", "kvm:", "list", "0.snap"].contains { command.line.contains($0) }
        }
    }

    /// What each of its commands prints, in one shell.
    func make(in folder: TemporaryFolder) throws -> [[String]] {
        for (line, output) in commands where line.hasPrefix("cat ") {
            // It is shown there, and nowhere else.
            try folder.make(String(line.dropFirst(4)), output.map { $0 + "\n" }.joined())
        }
        let steps = commands.map {
            "\($0.line)\nstatus=$?; printf '\(Self.mark)\\n'; (exit $status)"
        }
        let script = "exec 2>&1\n" + steps.joined(separator: "\n")
        let run = try Program.shell(script, in: folder)
        return run.text.components(separatedBy: Self.mark + "\n").dropLast().map { text in
            text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(
                String.init)
        }
    }

    private static let mark = "(the next command)"
}
