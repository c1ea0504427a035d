import Foundation
import SeededRandom
import TestFiles
import Testing

@testable import SnapshotFormat

/// `Formats/reader.py`, written from the page alone, and this reader: they must say the same of every file.
@Suite("The format's second reader")
struct SecondReaderTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let vectors = FormatVectors("vcpusnap-v1", suffix: ".vcpusnap")

    /// What a reader said of a file.
    private struct Verdict: Equatable {
        var isAccepted: Bool
        /// The SHA-256 of the text, or why it was refused.
        var words: String

        static func == (left: Verdict, right: Verdict) -> Bool {
            left.isAccepted == right.isAccepted && (!left.isAccepted || left.words == right.words)
        }
    }

    @Test("Damaged files: the same verdict, and the same content where both accept")
    func damaged() throws {
        let given = Self.environment["VCPUSNAP_SEED"].flatMap { UInt64($0) }
        let seed = given ?? .random(in: 0 ... .max)
        let count = Self.environment["VCPUSNAP_FILES"].flatMap { Int($0) } ?? 2000
        var generator = SeededGenerator(seed: seed)
        let sources = try Self.sources()
        var rules: [String: Int] = [:]
        for start in stride(from: 0, to: count, by: 1000) {
            let files = (start..<min(start + 1000, count)).map { _ in
                Self.damaged(sources, &generator)
            }
            let others = try Self.secondReader(files)
            try #require(others.count == files.count, "seed \(seed)")
            for (number, (file, other)) in zip(files, others).enumerated() {
                let own = Self.verdict(file)
                #expect(own == other, "seed \(seed), file \(start + number): \(own), \(other)")
                let rule = other.isAccepted ? "accepted" : other.words.prefix { $0 != ":" }
                rules[String(rule), default: 0] += 1
            }
        }
        print("SecondReaderTests: seed \(seed), \(count) files:", rules.sorted { $0.key < $1.key })
        #expect(rules["accepted", default: 0] > count / 20, "seed \(seed)")
    }

    private static func sources() throws -> [[UInt8]] {
        let golden = try Golden.names.map { try Golden.bytes($0) }
        let good = try vectors.good.map { try vectors.good($0) }
        let bad = try vectors.bad.map { try vectors.bad($0) }
        let short = (good + bad).filter { $0.count < 4096 }
        // The golden ones are as likely as all vectors together.
        return short + short.indices.map { golden[$0 % golden.count] }
    }

    private static func damaged(
        _ sources: [[UInt8]], _ generator: inout SeededGenerator
    ) -> [UInt8] {
        var file = sources.randomElement(using: &generator) ?? []
        if Int.random(in: 0..<8, using: &generator) > 0, var parts = TakenApart(file) {
            for _ in 0..<Int.random(in: 1...3, using: &generator) { parts.damage(&generator) }
            file = parts.file(withTotals: Int.random(in: 0..<8, using: &generator) > 0)
        }
        if Int.random(in: 0..<8, using: &generator) == 0 {
            TakenApart.change(&file, &generator)
        }
        return file
    }

    private static func verdict(_ file: [UInt8]) -> Verdict {
        do throws(SnapshotFormatError) {
            let text = SnapshotText.write(try SnapshotReader.decode(file))
            return Verdict(isAccepted: true, words: SnapshotText.sha256(text))
        } catch {
            return Verdict(isAccepted: false, words: "\(error.code): \(error)")
        }
    }

    private static func secondReader(_ files: [[UInt8]]) throws -> [Verdict] {
        let folder = try TemporaryFolder()
        let input = files.flatMap { file -> [UInt8] in
            (0..<4).map { UInt8(truncatingIfNeeded: file.count >> ($0 * 8)) } + file
        }
        try folder.make("input", input)
        try folder.make("output", "")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", ProjectFolder.file("Formats/reader.py").path, "--batch"]
        process.standardInput = FileHandle(forReadingAtPath: folder / "input")
        process.standardOutput = FileHandle(forWritingAtPath: folder / "output")
        try process.run()
        process.waitUntilExit()
        return try folder.text("output").split(separator: "\n").map { line in
            let words = line.split(separator: " ", maxSplits: 1)
            return Verdict(isAccepted: words[0] == "accept", words: String(words[1]))
        }
    }
}
