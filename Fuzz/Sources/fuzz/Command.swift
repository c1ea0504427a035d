import CFuzz
import Glibc
import Program
import VCPUSnap

/// What became of a command.
struct Outcome: Equatable {
    var code: Int32
    var output: [UInt8]
    var errors: [UInt8]

    var isTrouble: Bool { code == 2 }
}

/// Runs commands of the program in this process, and looks at what every command must keep to.
struct Commands {
    /// What a command may take, of processor time in microseconds and of memory in bytes, for each MB of
    /// what it reads; the sanitizers make a command about six times as slow.
    private static let maximumTime: Int64 = 6_000_000
    private static let maximumMemory = 100 << 20

    /// Bytes of the input.
    let inputSize: Int

    init(_ input: [UInt8]) { inputSize = input.count }

    private var megabytes: Int { max(1, inputSize >> 20) }

    /// - Parameter input: standard input.
    @discardableResult
    func run(_ words: String..., input: [UInt8] = []) -> Outcome { run(words, input: input) }

    @discardableResult
    func run(_ words: [String], input: [UInt8] = []) -> Outcome {
        let text = words.joined(separator: " ")
        let before = Workspace.names
        Workspace.rewind(Workspace.input, input)
        Workspace.rewind(Workspace.output)
        Workspace.rewind(Workspace.errors)
        cfuzz_show_on_crash(Workspace.output, Workspace.errors, Workspace.report, text)
        cfuzz_reset_peak()
        let start = cfuzz_processor_time()
        let code = Plant.act(VcpusnapProgram.exitCode(of: words))
        let time = cfuzz_processor_time() - start
        let peak = cfuzz_peak()
        let outcome = Outcome(
            code: code, output: Workspace.contents(of: Workspace.output),
            errors: Workspace.contents(of: Workspace.errors))
        expect(time <= Self.maximumTime * Int64(megabytes), "\(text): \(time) us of processor time")
        expect(peak <= Self.maximumMemory * megabytes, "\(text): \(peak) bytes of memory")
        check(outcome, text, leftovers: Workspace.names.subtracting(before))
        if Self.asksForJSON(words), code != 2 { checkJSON(outcome.output, text) }
        return outcome
    }

    /// Runs it in both forms; they end alike.
    @discardableResult
    func runInBothForms(_ words: String...) -> Outcome {
        let outcome = run(words)
        let json = run(words + ["--format", "json"])
        expect(
            outcome.code == json.code,
            "\(words) ends with \(outcome.code), and with \(json.code) as JSON")
        return outcome
    }

    private func check(_ outcome: Outcome, _ text: String, leftovers: Set<String>) {
        expect((0...2).contains(outcome.code), "\(text): exit code \(outcome.code)")
        expect(
            outcome.code != 2 || outcome.errors.count + outcome.output.count > 0,
            "\(text): trouble, and not a word")
        expect(
            !leftovers.contains { $0.hasPrefix(".") }, "\(text) left \(leftovers.sorted()) behind")
        guard text.contains(" -o - ") == false else { return }
        for (stream, bytes) in [("output", outcome.output), ("errors", outcome.errors)] {
            if let defect = CleanText.defect(of: bytes) {
                finding("\(text): its \(stream) have \(defect)")
            }
        }
    }

    private static func asksForJSON(_ words: [String]) -> Bool {
        zip(words, words.dropFirst()).contains { $0 == ("--format", "json") }
            && !words.contains { ["help", "--help", "-h", "--version"].contains($0) }
    }

    private func checkJSON(_ bytes: [UInt8], _ text: String) {
        do {
            _ = try JSONValue(parsing: bytes)
        } catch {
            // The parser's own limits are for what QEMU says, and reports can be larger.
            if !error.problem.contains("more than") { finding("\(text): \(error)") }
        }
    }
}

/// Says so and dies unless it is true.
func expect(_ isTrue: Bool, _ text: @autoclosure () -> String) {
    if !isTrue { finding(text()) }
}
