internal import ArgumentParser
internal import LinuxSystem
internal import Machines
internal import TextFormats

/// The root command.
struct Vcpusnap: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vcpusnap",
        abstract: "Save, restore and compare the complete state of ARM KVM vCPUs.",
        discussion: """
            A SOURCE or TARGET is one of
            \(SourceKinds.helpLines.joined(separator: "\n"))

            WHAT CAN BE DONE WITH EACH
            \(SourceTable.text(of: SourceKinds.all).joined(separator: "\n"))

            EXAMPLES
            \(SourceKinds.examples.map { "  " + $0 }.joined(separator: "\n"))
              vcpusnap restore cpu.vcpusnap emulated:6.1-neoverse-n1
              vcpusnap set cpu.vcpusnap SCTLR_EL1.M=0
              vcpusnap inject cpu.vcpusnap breakpoint
              vcpusnap register SCTLR_EL1 0x603000000013c080

            EXIT CODES
            \(ExitStatus.helpLines.joined(separator: "\n"))
            """,
        version: Version.text,
        subcommands: [Receive.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Saved State",
                subcommands: [
                    Save.self, RestoreCommand.self, Move.self, Show.self, Diff.self, Verify.self,
                    SetCommand.self, Inject.self, ListCommand.self,
                ]),
            CommandGroup(
                name: "Planning",
                subcommands: [
                    PlanCommand.self, Fix.self, Upgrade.self, Matrix.self, BaselineCommand.self,
                    Host.self,
                ]),
            CommandGroup(
                name: "QEMU Stream", subcommands: [Mend.self, Unmend.self, Convert.self]),
            CommandGroup(name: "Reference", subcommands: [RegisterCommand.self]),
        ])

    /// The message for a first word that is no command.
    ///
    /// What is asked about with `help` is a command, too.
    static func unknownCommand(in words: [String]) -> CommandError? {
        let names = configuration.subcommands.map { $0._commandName } + ["help"]
        let asked = words.first == "help" ? words.dropFirst() : words[...]
        guard let word = asked.first, word.first != "-", !names.contains(word) else { return nil }
        let name = FileName.shown(word)
        guard Location(path: word).identity == nil else {
            return CommandError(
                "\(name) is a file, and no command: vcpusnap verify \(FileName.word(word)) says what it is"
            )
        }
        return CommandError(
            "there is no command \(name): vcpusnap --help names them all"
                + NameSuggestion.question(about: word, among: names))
    }
}
