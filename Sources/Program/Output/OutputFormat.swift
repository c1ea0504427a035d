internal import ArgumentParser
internal import LinuxSystem
internal import Machines
internal import Reports

/// `--format text|json`.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}

/// `--format text|json|ndjson|csv`.
enum RowFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json, ndjson, csv
}

/// What was asked for about how a result is printed.
protocol Printing {
    var form: RowFormat { get }
    var style: StyleOptions { get }
}

/// What a command has to say, in both of its forms, written as it is made.
protocol Report {
    /// Lines for people, with color only where the writer's style has it.
    func write(text output: ReportWriter) throws

    /// The object of Formats/json-output.md.
    var json: JSONObject { get }

    /// The same as rows; none where the command does not offer it.
    var rows: ReportRows { get }

    /// What the command ends with when it is printed.
    var status: ExitStatus { get }
}

extension Report {
    var status: ExitStatus { .success }
    var rows: ReportRows { ReportRows(keys: [], values: []) }

    /// Prints the report as it is asked for.
    /// - Parameters:
    ///   - output: where the command's own output went; the report is on standard error where that is stdout.
    ///   - change: what is to be said where it cannot be printed, of a command that has changed something by
    ///     then; nil for nothing.
    /// - Throws: its status, if that is another than success.
    func print(
        as printing: some Printing, besides output: Location? = nil, after change: String? = nil
    ) throws {
        if output == .standardStream {
            // Nobody is left to tell that standard error cannot be written.
            try? write(.error, TextStyle(isColored: false), printing, written: nil)
        } else {
            do {
                let written = change == nil ? nil : output.flatMap { $0.isNowFile ? $0 : nil }
                try write(.output, printing.style.color.style, printing, written: written)
            } catch let error as FileError {
                throw change.map { CommandError("\(error); \($0)") } ?? error
            }
        }
        try status.check()
    }

    private func write(
        _ stream: StandardStream, _ style: TextStyle, _ printing: some Printing,
        written file: Location?
    ) throws {
        guard !printing.style.quiet else { return }
        let output = ReportWriter(to: stream, style: style, width: stream.terminalWidth)
        switch printing.form {
        case .json: try (JSONObject.ofThisVersion + json).write(to: JSONWriter(output.write(data:)))
        case .ndjson: try rows.write(lines: output)
        case .csv: rows.write(csv: output)
        case .text:
            try write(text: output)
            if let file { output.write(file.writtenLine()) }
        }
        try output.finish()
    }
}

/// A report of little, which is made as a whole.
protocol WholeReport: Report {
    /// Lines for people, with color only where `style` has it.
    func text(_ style: TextStyle) -> PrintableText
}

extension WholeReport {
    func write(text output: ReportWriter) { output.write(text(output.style)) }
}

/// Colors, or none.
struct TextStyle {
    var isColored: Bool

    /// Color only on a terminal that understands it, and never when NO_COLOR is set (https://no-color.org); into a
    /// pipe or file where CLICOLOR_FORCE is set and not 0 (https://bixense.com/clicolors).
    static func forStandardOutput() -> TextStyle {
        let force = HostIdentity.environment("CLICOLOR_FORCE") ?? ""
        let isForced = !["", "0"].contains(force) && !StandardStream.refusesColors
        return TextStyle(isColored: isForced || StandardStream.output.obeysControls)
    }

    func bold(_ text: PrintableText) -> PrintableText { wrap(text, 1) }
    func good(_ text: PrintableText) -> PrintableText { wrap(text, 32) }
    func bad(_ text: PrintableText) -> PrintableText { wrap(text, 31) }
    func faint(_ text: PrintableText) -> PrintableText { wrap(text, 2) }

    /// A line for each note on a snapshot.
    func notes(_ notes: [String]?) -> PrintableText {
        (notes ?? []).map { note -> PrintableText in "  \(bad("note")): \(note)\n" }.joined()
    }

    private func wrap(_ text: PrintableText, _ code: Int) -> PrintableText {
        isColored ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
    }
}
