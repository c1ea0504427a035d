/// Breaks the lines of a report between words where a terminal would break them inside of one.
struct LineWrapping {
    private let width: Int

    /// Narrower terminals break lines themselves.
    private static let narrowest = 40
    /// What follows a break stands so much further to the right than the line.
    private static let hanging = 4

    /// - Parameter width: in columns; nil for what is no terminal, where lines stay whole for other programs.
    init?(width: Int?) {
        guard let width, width >= Self.narrowest else { return nil }
        self.width = width
    }

    /// A line without its end, in as many as it takes.
    func wrapped(_ line: Substring) -> String {
        guard Self.columns(line) > width else { return String(line) }
        let margin = line.prefix { $0 == " " }
        let indent = String(repeating: " ", count: min(margin.count + Self.hanging, width / 2))
        var (result, column) = (String(margin), margin.count)
        var isStart = true
        for word in Self.words(line.dropFirst(margin.count)) {
            let length = Self.columns(word)
            if !isStart, column + 1 + length > width {
                result += "\n" + indent
                column = indent.count
                isStart = true
            }
            result += isStart ? word : " " + word
            column += isStart ? length : length + 1
            isStart = false
        }
        return result
    }

    /// What is not broken: words, and commands, which somebody may want to copy.
    private static func words(_ text: Substring) -> [Substring] {
        var words: [Substring] = []
        var rest = text
        while !rest.isEmpty {
            let end = rest.hasPrefix(command) ? endOfCommand(rest) : endOfWord(rest)
            words.append(rest[..<end])
            rest = rest[end...].dropFirst()
        }
        return words
    }

    private static let command = "vcpusnap "

    private static func endOfWord(_ text: Substring) -> Substring.Index {
        text.firstIndex(of: " ") ?? text.endIndex
    }

    /// A command is as long as its words are options, files and the like: to the next word after a sign of our own
    /// sentences.
    private static func endOfCommand(_ text: Substring) -> Substring.Index {
        var end = text.startIndex
        while end < text.endIndex {
            let word = text[end...].prefix { $0 != " " }
            end = word.endIndex
            let isLast = word.last.map(",;:".contains) == true
            let next = text[end...].dropFirst()
            if isLast || next.isEmpty || !isWordOfCommand(next) { return end }
            end = next.startIndex
        }
        return end
    }

    /// Whether a command goes on: not with a bracket or a word of prose after it.
    private static func isWordOfCommand(_ text: Substring) -> Bool {
        let word = text.prefix { $0 != " " }
        return word.first != "(" && !prose.contains(String(word))
    }

    private static let prose: Set = [
        "makes", "writes", "says", "restores", "there", "then", "asks", "names",
    ]

    /// How much room a text takes, colors none.
    private static func columns(_ text: some StringProtocol) -> Int {
        var (count, isEscape) = (0, false)
        for character in text {
            if character == "\u{1b}" {
                isEscape = true
            } else if isEscape {
                isEscape = character != "m"
            } else {
                count += 1
            }
        }
        return count
    }
}
