import Foundation
import TestFiles
import Testing

/// Command lines, and what the program printed and how it ended, as they were recorded.
///
/// Whatever changes in them is meant, or a fault. A file of `Runs` is read from top to bottom in one folder:
///
///     < NAME PATH      a copy of that file of this repository, or of the files of that folder
///     $ LINE           a line for the shell, with vcpusnap on its path
///       TEXT           a line of standard output, two spaces before it
///     ! TEXT           a line of standard error
///     = STATUS         the exit code, if it is not 0
///
/// VCPUSNAP_RECORD=1 in the environment writes what the program does now into the files.
@Suite("Recorded runs")
struct RecordedRunTests {
    @Test(arguments: RecordedRuns.names)
    func areAsTheyWere(name: String) throws {
        var runs = try RecordedRuns(named: name)
        let recorded = runs.parts
        try runs.make()
        if ProcessInfo.processInfo.environment["VCPUSNAP_RECORD"] == "1" { return try runs.write() }
        for (part, now) in zip(recorded, runs.parts) where part != now {
            Issue.record("\(name):\n\(part.text)is now\n\(now.text)")
        }
    }

    /// The file says what is tried, and it is not to become less unnoticed.
    @Test func areMany() throws {
        let count = try RecordedRuns.names.map { try RecordedRuns(named: $0).count }.reduce(0, +)
        #expect(count >= 300)
    }
}

/// What stands in a file of `Runs`.
struct RecordedRuns {
    enum Part: Equatable {
        case comment(String)
        case input(name: String, path: String)
        case run(line: String, output: [String])
    }

    private(set) var parts: [Part]
    private let file: URL

    private static let folder = Program.project.appendingPathComponent("Tests/CommandTests/Runs")

    static var names: [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.filter { $0.hasSuffix(".txt") }.sorted()
    }

    init(named name: String) throws {
        file = Self.folder.appendingPathComponent(name)
        parts = []
        for line in try String(contentsOf: file, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false
        ).dropLast() {
            add(String(line))
        }
    }

    private mutating func add(_ line: String) {
        if line.hasPrefix("$ ") {
            parts.append(.run(line: String(line.dropFirst(2)), output: []))
        } else if line.hasPrefix("< ") {
            let words = line.split(separator: " ").map(String.init)
            parts.append(.input(name: words[1], path: words[2]))
        } else if let mark = line.first, "!= ".contains(mark),
            case .run(let command, let output)? = parts.last
        {
            parts[parts.count - 1] = .run(line: command, output: output + [line])
        } else {
            parts.append(.comment(line))
        }
    }

    var count: Int {
        parts.count { part in
            if case .run = part { true } else { false }
        }
    }
}

extension RecordedRuns.Part {
    var text: String {
        switch self {
        case .comment(let line): "\(line)\n"
        case .input(let name, let path): "< \(name) \(path)\n"
        case .run(let line, let output): (["$ " + line] + output).map { $0 + "\n" }.joined()
        }
    }
}

extension RecordedRuns {
    func write() throws {
        try parts.map(\.text).joined().write(to: file, atomically: true, encoding: .utf8)
    }

    /// Does everything again, and keeps what comes of it.
    mutating func make() throws {
        let folder = try TemporaryFolder()
        for place in parts.indices {
            switch parts[place] {
            case .comment: continue
            case .input(let name, let path): try Self.copy(path, to: name, in: folder)
            case .run(let line, _):
                parts[place] = .run(line: line, output: try Self.output(of: line, in: folder))
            }
        }
    }

    private static func copy(_ path: String, to name: String, in folder: TemporaryFolder) throws {
        try FileManager.default.copyItem(
            at: Program.project.appendingPathComponent(path),
            to: URL(fileURLWithPath: folder / name))
    }

    private static func output(of line: String, in folder: TemporaryFolder) throws -> [String] {
        let run = try Program.shell(line, in: folder)
        return lines(run.output, "  ") + lines(Data(run.errors.utf8), "! ")
            + (run.status == 0 ? [] : ["= \(run.status)"])
    }

    /// Of many lines only the first, and what the others come to.
    private static func lines(_ output: Data, _ mark: String) -> [String] {
        guard !output.isEmpty else { return [] }
        let text = withoutTimes(String(decoding: output, as: UTF8.self))
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" { lines.removeLast() } else { lines[lines.count - 1] += "\\" }
        // What the help says is to be read where it changes.
        let maximumLines =
            lines.contains { $0.contains("USAGE: vcpusnap") } ? lines.count : maximumLines
        let rest = lines.dropFirst(maximumLines)
        let end = rest.isEmpty ? [] : ["... \(rest.count) lines more, \(sum(of: rest))"]
        return (lines.prefix(maximumLines) + end).map { mark + $0 }
    }

    private static let maximumLines = 60

    /// Snapshots have the second in which they were made, which two of them may share.
    private static func withoutTimes(_ text: String) -> String {
        text.replacing(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/, with: "TIME")
            .replacing("  time: TIME -> TIME\n", with: "")
    }

    /// FNV-1a, of 64 bits.
    private static func sum(of lines: some Sequence<String>) -> String {
        let sum = lines.joined(separator: "\n").utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01b3
        }
        return "0x" + String(sum, radix: 16)
    }
}
