internal import LinuxSystem

/// Answers to questions, from standard input: of a person, or of what is piped in.
struct Answers {
    private let input: ByteStream
    private let isTyped = StandardStream.input.isTerminal
    private var rest: [UInt8] = []

    init() throws(FileError) { input = try ByteStream(.input) }

    /// How often an answer may be neither yes nor no, and how long it may be: more than that says nothing.
    private static let maximumTries = 3
    private static let longest = 1 << 10

    /// Whether the next answer is yes; nothing else is: not an empty line, not the end of the input.
    mutating func isYes(to question: PrintableText) throws(FileError) -> Bool {
        for _ in 0..<Self.maximumTries {
            StandardError.write(question)
            guard let line = try line() else {
                StandardError.write("\n")
                return false
            }
            // What is typed on a terminal is seen there.
            if !isTyped { StandardError.write("\(line)\n") }
            switch line.trimmed.lowercased() {
            case "y", "yes": return true
            case "", "n", "no": return false
            default: StandardError.write("Answer yes or no.\n")
            }
        }
        return false
    }

    /// Nil at the end, and for a line that is no answer.
    private mutating func line() throws(FileError) -> String? {
        while true {
            if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                defer { rest.removeFirst(end + 1) }
                return String(decoding: rest[..<end], as: UTF8.self)
            }
            guard rest.count <= Self.longest else { return nil }
            let more = try FileError.during(
                .read, StandardStream.input.name, try input.read(upTo: Self.longest))
            guard !more.isEmpty else { return nil }
            rest += more
        }
    }
}

extension String {
    /// Without the spaces at its ends, and the carriage return of a line.
    fileprivate var trimmed: Substring {
        let blanks: Set<Character> = [" ", "\t", "\r"]
        let start = drop { blanks.contains($0) }
        return start.lastIndex { !blanks.contains($0) }.map { start[...$0] } ?? ""
    }
}
