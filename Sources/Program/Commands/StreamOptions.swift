internal import ArgumentParser
internal import LinuxSystem
internal import Machines
internal import QEMUStream

/// Which stream of a file is read, and how much of it must be there.
struct StreamOptions: ParsableArguments {
    @Option(
        name: .customLong("snapshot"),
        help: ArgumentHelp(
            "The internal snapshot of a qcow2 image with this name or id (default: the newest).",
            valueName: "name"))
    var internalSnapshot: String?

    @Flag(
        name: .customLong("undescribed"),
        help: """
            The stream was written without a description (-machine suppress-vmdesc=on); without this \
            option a stream that ends at its end mark is taken to be cut off.
            """)
    var isUndescribed = false

    /// As they are typed, with a space before each.
    var text: String {
        (internalSnapshot.map { " --snapshot \(FileName.shown($0))" } ?? "")
            + (isUndescribed ? " --undescribed" : "")
    }

    var options: SourceOptions {
        var options = SourceOptions.commandLine
        options[.internalSnapshot] = internalSnapshot
        options.set(.undescribed, if: isUndescribed)
        return options
    }
}
