internal import ArgumentParser
internal import LinuxSystem
internal import Registers
internal import TextFormats

/// An option that no command line of the command can have.
///
/// The argument parser looks for them last, and says first what else is missing: often the option that was misspelled.
enum UnknownOption {
    /// - Returns: nil where there is none, or the parser says so itself.
    static func instead(of said: ParserMessage, in words: [String]) -> CommandError? {
        let options = words.prefix { $0 != "--" }.filter { $0.hasPrefix("--") }
        guard !said.isResult, !options.isEmpty, !said.sentence.contains("nknown option"),
            let command = try? CommandDescription.command(of: words),
            let unknown = options.first(where: { word in
                !command.options.contains { $0.has(word) }
            })
        else { return nil }
        let option = String(unknown.prefix { $0 != "=" })
        let names = command.options.flatMap(\.names).filter { $0.hasPrefix("--") }
        return CommandError(
            "there is no option \(FileName.shown(option)): vcpusnap help \(command.name) names them all"
                + NameSuggestion.question(about: option, among: names))
    }
}
