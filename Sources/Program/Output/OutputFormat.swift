internal import ArgumentParser
internal import LinuxSystem

/// `--format text|json`.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}

/// What a command has to say, in both of its forms, written as it is made.
protocol Report {
    /// Lines for people, with colour only where the writer's style has it.
    func write(text output: ReportWriter) throws

    /// One JSON value, of Formats/json-output.md.
    func write(json: JSONWriter) throws
}

extension Report {
    /// Prints the report on stdout in the format asked for.
    func print(as format: OutputFormat) throws {
        try write(
            to: ReportWriter(to: .output, style: TextStyle.forStandardOutput()), as: format)
    }

    /// The same, but on standard error where the command's own output goes to stdout.
    func print(as format: OutputFormat, besides output: Location?) throws {
        guard output == .standardStream else { return try print(as: format) }
        let errors = ReportWriter(to: .error, style: TextStyle(isColoured: false))
        // Nobody is left to tell that standard error cannot be written.
        try? write(to: errors, as: format)
    }

    private func write(to output: ReportWriter, as format: OutputFormat) throws {
        switch format {
        case .text: try write(text: output)
        case .json: try write(json: JSONWriter(output))
        }
        try output.finish()
    }
}

/// A report of little, which is made as a whole.
protocol WholeReport: Report, Encodable {
    /// Lines for people, with colour only where `style` has it.
    func text(_ style: TextStyle) -> String
}

extension WholeReport {
    func write(text output: ReportWriter) { output.write(text(output.style)) }

    func write(json: JSONWriter) throws { try json.encoded(self) }
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

    /// A line for each note on a snapshot.
    func notes(_ notes: [String]?) -> String {
        (notes ?? []).map { "  " + bad("note") + ": \($0)\n" }.joined()
    }

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
