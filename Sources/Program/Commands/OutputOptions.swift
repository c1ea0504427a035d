internal import ArgumentParser
internal import Transfer

/// How a result is printed.
struct OutputOptions: ParsableArguments {
    @OptionGroup var printing: PrintingOptions

    @Flag(help: "Print the guest's pointer authentication keys instead of hiding them.")
    var showKeys = false

    @Flag(
        name: .shortAndLong,
        help: "Tell more: ids, and where a policy pardons registers, each of them.")
    var verbose = false

    var values: ValueText { ValueText(showsKeys: showKeys, isVerbose: verbose) }
}
