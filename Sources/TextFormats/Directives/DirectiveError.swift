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

    /// An error at a place of a file; lines and columns count from 1.
    public init(file: String, line: Int, column: Int? = nil, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
    }
}

extension DirectiveError: CustomStringConvertible {
    /// The place and what is wrong there, as messages have it.
    public var description: String {
        let place = column.map { "\(file):\(line):\($0)" } ?? "\(file):\(line)"
        return "\(place): \(message)"
    }
}
