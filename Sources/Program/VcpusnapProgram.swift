internal import ArgumentParser
internal import LinuxSystem
internal import Machines
internal import Registers
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
            ?? Vcpusnap.unknownShell(in: arguments)
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
                guard Vcpusnap.exitCode(for: error) != .success else { return report(error) }
                StandardError.write("vcpusnap: \(error)\(MisnamedFile(error)?.advice ?? "")\n")
                return .trouble
            }
        } catch {
            if let unknown = UnknownOption.instead(of: error, in: arguments) {
                StandardError.write("vcpusnap: \(unknown)\n")
                return .trouble
            }
            return report(error)
        }
    }

    /// Help and version are results and go to stdout; bad usage is trouble.
    private static func report(_ error: any Error) -> ExitStatus {
        let message = message(of: error) + "\n"
        guard Vcpusnap.exitCode(for: error) == .success else {
            StandardError.write(message)
            return .trouble
        }
        do throws(FileError) {
            try StandardOutput.write(message)
            return .success
        } catch {
            StandardError.write("vcpusnap: \(error)\n")
            return .trouble
        }
    }
}

extension VcpusnapProgram {
    /// What the argument parser says, of which the sentence after `Error: ` quotes the command line.
    private static func message(of error: any Error) -> PrintableText {
        let all = Vcpusnap.fullMessage(for: error)
        let sentence = Vcpusnap.message(for: error)
        let start = "Error: " + sentence
        guard all.utf8.starts(with: start.utf8) else { return PrintableText(lines: all) }
        let rest = all.utf8.dropFirst(start.utf8.count)
        return "Error: \(sentence)" + PrintableText(lines: String(decoding: rest, as: UTF8.self))
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

/// The root command.
struct Vcpusnap: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vcpusnap",
        abstract: "Save, restore and compare the complete state of ARM KVM vCPUs.",
        discussion: """
            A SOURCE or TARGET is one of
            \(SourceKinds.helpLines.joined(separator: "\n"))

            WHAT CAN BE DONE WITH EACH
            \(SourceTable.text.joined(separator: "\n"))

            EXAMPLES
            \(SourceKinds.examples.map { "  " + $0 }.joined(separator: "\n"))
              vcpusnap restore cpu.vcpusnap emulated:6.1-neoverse-n1
              vcpusnap set cpu.vcpusnap SCTLR_EL1.M=0
              vcpusnap inject cpu.vcpusnap breakpoint
              vcpusnap register SCTLR_EL1 0x603000000013c080

            EXIT CODES
              0  done: all restored, same, sound
              1  done, with a finding: a register could not be restored, the sides differ
              2  trouble: bad usage, unreadable or damaged file, no KVM, full disk
              128 + N  ended by signal N, as a shell reports it: 141 if whatever read the
                       output went away
            """,
        version: Version.text,
        subcommands: [
            Save.self, RestoreCommand.self, PlanCommand.self, BaselineCommand.self, Diff.self,
            Show.self, Convert.self, Mend.self, Unmend.self, SetCommand.self, Inject.self,
            Upgrade.self, Matrix.self, ListCommand.self, Verify.self, Host.self,
            RegisterCommand.self,
        ])

    /// The message for a first word that is no command.
    ///
    /// What is asked about with `help` is a command, too.
    static func unknownCommand(in words: [String]) -> CommandError? {
        let names = configuration.subcommands.map { $0._commandName } + ["help"]
        let asked = words.first == "help" ? words.dropFirst() : words[...]
        guard let word = asked.first, word.first != "-", !names.contains(word) else { return nil }
        return CommandError(
            "there is no command \(FileName.shown(word)): vcpusnap --help names them all"
                + NameSuggestion.question(about: word, among: names))
    }

    /// The message for a shell that has no completion script here.
    static func unknownShell(in words: [String]) -> CommandError? {
        let option = "--generate-completion-script"
        guard let word = words.first, word.hasPrefix(option) else { return nil }
        let shell =
            word == option ? words.dropFirst().first : String(word.dropFirst(option.count + 1))
        let known = CompletionShell.allCases.map(\.rawValue)
        guard let shell, !known.contains(shell) else { return nil }
        return CommandError(
            "there is no completion script for \(FileName.shown(shell)): give one of "
                + known.joined(separator: ", "))
    }
}
