/// Terms and what they mean, as a help text lists them: the meanings stand one below the other.
package enum TermTable {
    /// Lines with two spaces before each; a line end in a meaning is where the next line begins.
    package static func lines(_ rows: [(term: String, meaning: String)]) -> [String] {
        let width = (rows.map(\.term.count).max() ?? 0) + 2
        return rows.flatMap { term, meaning in
            meaning.split(separator: "\n").enumerated().map { number, line in
                "  " + padded(number == 0 ? term : "", to: width) + line
            }
        }
    }

    /// The words of a text in lines of at most 60 characters.
    package static func broken(_ text: String) -> String {
        text.split(separator: " ").reduce(into: [String]()) { lines, word in
            if let last = lines.last, last.count + word.count < 60 {
                lines[lines.count - 1] += " " + word
            } else {
                lines.append(String(word))
            }
        }.joined(separator: "\n")
    }

    /// The text with spaces behind it, up to so many characters.
    package static func padded(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
