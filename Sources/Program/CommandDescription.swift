internal import ArgumentParser
internal import FoundationEssentials

/// What the argument parser says of the commands and their options, for other programs.
struct CommandDescription: Decodable {
    private var command: Command

    struct Command: Decodable {
        var commandName: String
        var arguments: [Argument]?
        var subcommands: [Command]?
    }

    struct Argument: Decodable {
        struct Name: Decodable {
            var kind: String
            var name: String
        }

        var kind: String
        var isRepeating: Bool
        var names: [Name]?

        /// Whether a word of the command line is this option.
        func has(_ word: String) -> Bool {
            let name = word.prefix { $0 != "=" }
            return (names ?? []).contains { name == ($0.kind == "long" ? "--" : "-") + $0.name }
        }
    }

    /// The command that words begin with; nil for another word.
    static func command(of words: [String]) throws -> Command? {
        do {
            _ = try Vcpusnap.parseAsRoot(["--experimental-dump-help"])
            return nil
        } catch {
            let text = Vcpusnap.fullMessage(for: error)
            let root = try JSONDecoder().decode(Self.self, from: Data(text.utf8)).command
            return root.subcommands?.first { $0.commandName == words.first }
        }
    }
}
