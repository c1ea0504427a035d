internal import ArgumentParser

/// Options that take one value and were given more of them.
///
/// The argument parser takes the last one without a word. Which options there are it says itself, in the
/// description that it makes for other programs.
enum RepeatedOptions {
    /// - Throws: an error that has both.
    static func check(_ words: [String]) throws {
        let given = words.prefix { $0 != "--" }.enumerated().filter { isOption($0.element) }
        // The description takes milliseconds to make. The long and the short name of an option begin alike.
        let initials = given.map { $0.element.drop { $0 == "-" }.first }
        guard Set(initials).count < initials.count,
            let command = try CommandDescription.command(of: words)
        else { return }
        for option in command.options where option.takesValue && !option.isRepeating {
            let matching = given.filter { option.has($0.element) }
            guard matching.count > 1 else { continue }
            let both = matching.prefix(2).map {
                text(of: $0.element, before: words.dropFirst($0.offset + 1))
            }
            throw CommandError(
                "\(both[0]) and \(both[1]): only one of them can be meant, give it once")
        }
    }

    private static func isOption(_ word: String) -> Bool {
        word.utf8.first == UInt8(ascii: "-") && word.utf8.count > 1
    }

    /// An option with its value.
    private static func text(of word: String, before rest: ArraySlice<String>) -> String {
        word.contains("=") ? word : ([word] + rest.prefix(1)).joined(separator: " ")
    }
}
