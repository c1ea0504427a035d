internal import ArgumentParser
internal import TextFormats

/// What the argument parser says of a command and its options, for other programs.
struct CommandDescription {
    struct Option {
        /// With their dashes.
        let names: [String]
        let takesValue: Bool
        let isRepeating: Bool

        /// Whether a word of the command line is this option.
        func has(_ word: String) -> Bool { names.contains(String(word.prefix { $0 != "=" })) }
    }

    let name: String
    let options: [Option]

    private init(_ command: JSONValue) {
        name = command["commandName"]?.string ?? ""
        options = (command["arguments"]?.array ?? []).map { option in
            let names = (option["names"]?.array ?? []).map { name in
                (name["kind"]?.string == "long" ? "--" : "-") + (name["name"]?.string ?? "")
            }
            return Option(
                names: names, takesValue: option["kind"]?.string == "option",
                isRepeating: option["isRepeating"]?.bool == true)
        }
    }

    /// The command that words begin with; nil for another word.
    static func command(of words: [String]) throws -> CommandDescription? {
        guard let name = words.first else { return nil }
        do {
            _ = try Vcpusnap.parseAsRoot([name, "--experimental-dump-help"])
            return nil
        } catch {
            let text = Array(Vcpusnap.fullMessage(for: error).utf8)
            let command = (try? JSONValue(parsing: text))?["command"].map(Self.init)
            return command?.name == name ? command : nil
        }
    }
}
