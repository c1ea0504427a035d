internal import ArgumentParser
internal import Transfer

/// How a result is printed.
struct OutputOptions: ParsableArguments {
    @OptionGroup var printing: PrintingOptions

    @Flag(help: "Print the guest's pointer authentication keys instead of hiding them.")
    var showKeys = false

    @Flag(
        name: .shortAndLong,
        help: "Show more: ids, and each register that a policy pardons.")
    var verbose = false

    var values: ValueText { ValueText(showsKeys: showKeys, isVerbose: verbose) }
}
