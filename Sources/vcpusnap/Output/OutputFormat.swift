internal import ArgumentParser
internal import FoundationEssentials

/// `--format text|json`.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}

/// What a command has to say, in both of its forms.
protocol Report: Encodable {
    /// Lines for people, with colour only where `style` has it.
    func text(_ style: TextStyle) -> String
}

extension Report {
    /// Prints the report on stdout in the format asked for.
    func print(as format: OutputFormat) throws {
        switch format {
        case .text: try StandardOutput.write(text(TextStyle.forStandardOutput()))
        case .json: try StandardOutput.write(json())
        }
    }

    /// The same, but on standard error where the command's own output goes to stdout.
    func print(as format: OutputFormat, besides output: Location?) throws {
        guard output == .standardStream else { return try print(as: format) }
        switch format {
        case .text: StandardError.write(text(TextStyle(isColoured: false)))
        case .json: StandardError.write(try json())
        }
    }

    /// The JSON of Formats/json-output.md: keys sorted, two spaces of indentation, one final newline.
    private func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    }
}

/// Colours, or none.
struct TextStyle {
    var isColoured: Bool

    /// Colour only on a terminal, and never when NO_COLOR is set (https://no-color.org).
    static func forStandardOutput() -> TextStyle {
        TextStyle(isColoured: StandardOutput.isTerminal && !StandardOutput.refusesColour)
    }

    func bold(_ text: String) -> String { wrap(text, "1") }
    func good(_ text: String) -> String { wrap(text, "32") }
    func bad(_ text: String) -> String { wrap(text, "31") }
    func faint(_ text: String) -> String { wrap(text, "2") }

    private func wrap(_ text: String, _ code: String) -> String {
        isColoured ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
    }
}

extension String {
    /// The string with spaces after it up to `width` characters.
    func padded(to width: Int) -> String {
        count >= width ? self : self + String(repeating: " ", count: width - count)
    }
}
