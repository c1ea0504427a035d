internal import ArgumentParser
internal import Planning

/// How a result is printed, by every command that has one.
struct PrintingOptions: ParsableArguments, Printing {
    @Option(help: "How to print the result: text or json.")
    var format = OutputFormat.text

    @OptionGroup var style: StyleOptions

    /// What is asked for by either of the options.
    var isJSON: Bool { form == .json }

    var form: RowFormat { style.json || format == .json ? .json : .text }
}

/// The same of a baseline, which can also be written for what makes the vCPUs.
struct BaselinePrintingOptions: ParsableArguments, Printing {
    /// `--format text|json`, or a `BaselineFormat`.
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, json, vcpusnap, qemu, libvirt, firecracker
    }

    @Option(
        help: """
            How to print the result: text or json; or what to write it for: vcpusnap, qemu, libvirt or \
            firecracker.
            """)
    var format = Format.text

    @OptionGroup var style: StyleOptions

    var form: RowFormat { style.json || format == .json ? .json : .text }

    /// What it is written for; nil for none in particular.
    var document: BaselineFormat? { BaselineFormat(rawValue: format.rawValue) }
}

/// The same of a result that can also be printed as rows of values.
struct RowPrintingOptions: ParsableArguments, Printing {
    @Option(help: "How to print the result: text, json, ndjson (an object on each line) or csv.")
    var format = RowFormat.text

    @OptionGroup var style: StyleOptions

    var form: RowFormat { style.json ? .json : format }
}

/// What is common to all results.
struct StyleOptions: ParsableArguments {
    @Flag(help: "The same as --format json.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "Color in text: auto (on a terminal), always or never.", valueName: "when"))
    var color = ColorChoice.auto

    @Flag(name: .shortAndLong, help: "Print no result; the exit code tells it.")
    var quiet = false
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
