/// What is wrong with a text file of directives, and where.
public struct DirectiveError: Error, Hashable, Sendable {
    /// What the file is called: its path, or `built-in profile NAME`.
    public var file: String
    /// The line, from 1; for something that is missing, the last line.
    public var line: Int
    /// The byte in the line, from 1; nil when the whole line, or the file, is meant.
    public var column: Int?
    /// What was expected and what was found.
    public var message: String
    /// What to do about it, the same for all files of a format; may be empty.
    public var nextStep: String

    /// An error at a place of a file; lines and columns count from 1.
    public init(
        file: String, line: Int, column: Int? = nil, message: String, nextStep: String = ""
    ) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
        self.nextStep = nextStep
    }
}

extension DirectiveError: CustomStringConvertible {
    /// The place, what is wrong there and what to do, as messages have it.
    public var description: String {
        let place = column.map { "\(file):\(line):\($0)" } ?? "\(file):\(line)"
        guard !nextStep.isEmpty else { return "\(place): \(message)" }
        return "\(place): \(message)\(message.hasSuffix("?") ? "" : ";") \(nextStep)"
    }
}
