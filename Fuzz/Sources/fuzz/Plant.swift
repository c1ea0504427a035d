import CFuzz
import Glibc

/// Faults that FUZZ_PLANT puts behind every command: `Fuzz/run --prove` looks whether each of them is found.
enum Plant: String, CaseIterable {
    case trap, overrun, leak, time, memory, text, json, silence
    case exitCode = "exit-code"
    case leftover

    private static let chosen = getenv("FUZZ_PLANT").flatMap {
        Plant(rawValue: String(cString: $0))
    }

    /// - Returns: the exit code of the command that was run before.
    static func act(_ code: Int32) -> Int32 {
        switch chosen {
        case nil: break
        case .trap: fatalError("planted")
        case .overrun: cfuzz_lose_memory(1)
        case .leak: cfuzz_lose_memory(0)
        case .time: spin()
        case .memory: cfuzz_take_memory(101 << 20)
        case .text: put("\u{1b}[2J")
        case .json: put("{")
        case .silence:
            Workspace.rewind(Workspace.output)
            Workspace.rewind(Workspace.errors)
            return 2
        case .exitCode: return 3
        case .leftover: Workspace.write([], to: ".left-\(Workspace.names.count)")
        }
        return code
    }

    private static func put(_ text: String) { Workspace.put(Array(text.utf8), Workspace.output) }

    private static func spin() {
        let end = cfuzz_processor_time() + 6_100_000
        while cfuzz_processor_time() < end {}
    }
}
