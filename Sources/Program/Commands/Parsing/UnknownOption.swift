internal import ArgumentParser
internal import LinuxSystem
internal import Registers
internal import TextFormats

/// An option that no command line of the command can have.
///
/// The argument parser looks for them last, and says first what else is missing: often the option that was misspelled.
enum UnknownOption {
    /// - Returns: nil where there is none, or the error says so itself.
    static func instead(of error: any Error, in words: [String]) -> CommandError? {
        guard Vcpusnap.exitCode(for: error) != .success,
            !Vcpusnap.message(for: error).contains("nknown option"),
            let command = try? CommandDescription.command(of: words),
            let unknown = words.prefix(while: { $0 != "--" }).first(where: { word in
                word.hasPrefix("--") && !command.options.contains { $0.has(word) }
            })
        else { return nil }
        let option = String(unknown.prefix { $0 != "=" })
        let names = command.options.flatMap(\.names).filter { $0.hasPrefix("--") }
        return CommandError(
            "there is no option \(FileName.shown(option)): vcpusnap help \(command.name) names them all"
                + NameSuggestion.question(about: option, among: names))
    }
}
