internal import ArgumentParser

/// How a result is printed, by every command that has one.
struct PrintingOptions: ParsableArguments {
    @Option(help: "How to print the result: text or json.")
    var format = OutputFormat.text

    @Flag(help: "The same as --format json.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "Color in text: auto (on a terminal), always or never.", valueName: "when"))
    var color = ColorChoice.auto

    @Flag(name: .shortAndLong, help: "Print no result; the exit code tells it.")
    var quiet = false

    /// What is asked for by either of the options.
    var isJSON: Bool { json || format == .json }
}

/// `--color auto|always|never`.
enum ColorChoice: String, ExpressibleByArgument, CaseIterable {
    case auto, always, never

    /// How text is printed on standard output.
    var style: TextStyle {
        switch self {
        case .auto: .forStandardOutput()
        case .always: TextStyle(isColored: true)
        case .never: TextStyle(isColored: false)
        }
    }
}
