internal import ArgumentParser
internal import Machines
internal import QEMUStream

/// Which stream of a file is read, and how much of it must be there.
struct StreamOptions: ParsableArguments {
    @Option(
        name: .customLong("snapshot"),
        help: ArgumentHelp(
            "Of a qcow2 image the internal snapshot with this name or id; else the newest.",
            valueName: "name"))
    var internalSnapshot: String?

    @Flag(
        name: .customLong("undescribed"),
        help: """
            The stream was written without a description (-machine suppress-vmdesc=on); else one that \
            ends with its end mark counts as cut off.
            """)
    var isUndescribed = false

    var options: SourceOptions {
        var options = SourceOptions.commandLine
        options[.internalSnapshot] = internalSnapshot
        options.set(.undescribed, if: isUndescribed)
        return options
    }
}
