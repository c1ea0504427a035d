internal import ArgumentParser
internal import Transfer

/// How a result is printed.
struct OutputOptions: ParsableArguments {
    @Option(help: "How to print the result: text or json.")
    var format = OutputFormat.text

    @Flag(help: "Print the guest's pointer authentication keys instead of hiding them.")
    var showKeys = false

    var values: ValueText { ValueText(showsKeys: showKeys) }
}
