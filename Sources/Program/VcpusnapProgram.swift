internal import ArgumentParser
internal import LinuxSystem
internal import Machines
internal import TextFormats

/// The program: runs a command line and turns its end into an exit code (see `ExitStatus`).
public enum VcpusnapProgram {
    /// Runs the command line that the program was started with, and ends it.
    public static func main() -> Never {
        ProgramStart.setUp()
        TemporaryFiles.removeOnSignals()
        ExitStatus.leave(with: run(ProgramArguments.words()))
    }

    /// Runs a command line, and goes on: for who runs several in a process.
    /// - Parameter arguments: without the program's name.
    /// - Returns: the exit code: 0 done, 1 done with a finding, 2 trouble.
    public static func exitCode(of arguments: [String]) -> Int32 {
        run(arguments).rawValue
    }

    private static func run(_ arguments: [String]) -> ExitStatus {
        guard !arguments.isEmpty else {
            StandardError.write(
                PrintableText(lines: Vcpusnap.helpMessage()) + "\nvcpusnap: name a command\n")
            return .trouble
        }
        if let unknown = Vcpusnap.unknownCommand(in: arguments)
            ?? CompletionScript.unknownShell(in: arguments)
        {
            StandardError.write("vcpusnap: \(unknown)\n")
            return .trouble
        }
        do {
            var command = try Vcpusnap.parseAsRoot(arguments)
            do {
                try RepeatedOptions.check(arguments)
                try command.run()
                return .success
            } catch let status as ExitStatus {
                return status
            } catch {
                guard Vcpusnap.exitCode(for: error) != .success else {
                    return report(ParserMessage(error))
                }
                StandardError.write("vcpusnap: \(error)\(MisnamedFile(error)?.advice ?? "")\n")
                return .trouble
            }
        } catch {
            let said = ParserMessage(error)
            if let unknown = UnknownOption.instead(of: said, in: arguments) {
                StandardError.write("vcpusnap: \(unknown)\n")
                return .trouble
            }
            return report(said, isScript: CompletionScript.isAsked(by: arguments))
        }
    }

    /// Help and version are results and go to stdout; bad usage is trouble.
    private static func report(_ said: ParserMessage, isScript: Bool = false) -> ExitStatus {
        guard said.isResult else {
            StandardError.write(said.printable + "\n")
            return .trouble
        }
        do throws(FileError) {
            let text = isScript ? CompletionScript.completed(said.text) : said.text
            try StandardOutput.write(PrintableText(lines: text) + "\n")
            return .success
        } catch {
            StandardError.write("vcpusnap: \(error)\n")
            return .trouble
        }
    }
}

/// The exit codes of every command, as diff(1) has them.
enum ExitStatus: Int32, Error {
    /// The job was done: everything restored, no difference, file sound.
    case success = 0
    /// Done, with a finding: a register was lost, the two sides differ.
    case finding = 1
    /// Not done: bad usage, unreadable or damaged file, no KVM, full disk.
    case trouble = 2

    /// What each code of a command's end means; the same for all commands.
    private static let meanings: [(term: String, meaning: String)] = [
        (
            "\(ExitStatus.success.rawValue)",
            "done: all restored, no difference, sound, can be moved"
        ),
        (
            "\(ExitStatus.finding.rawValue)",
            "done, with a finding that no policy pardons: a loss, a difference, or a refused edit"
        ),
        (
            "\(ExitStatus.trouble.rawValue)",
            "trouble: bad usage, an unreadable or damaged file, no KVM, a full disk"
        ),
        ("128 + N", "ended by signal N, as shells report it: 141 if nobody reads the output"),
    ]

    /// The same as the help lists them.
    static var helpLines: [String] {
        TermTable.lines(meanings.map { ($0.term, TermTable.broken($0.meaning)) })
    }

    /// Throws the status unless it is success, which ends a command with it.
    func check() throws {
        if self != .success { throw self }
    }

    static func leave(with status: ExitStatus) -> Never {
        Vcpusnap.exit(withError: ExitCode(status.rawValue))
    }
}

/// A failure of a command, in a sentence that names the thing and the next step.
struct CommandError: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) {
        self.description = description
    }
}
