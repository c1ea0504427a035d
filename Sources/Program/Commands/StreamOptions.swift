internal import ArgumentParser
internal import Machines
internal import QEMUStream

/// Which stream of a file is read, and how much of it must be there.
struct StreamOptions: ParsableArguments {
    @Option(name: .of(.internalSnapshot), help: ArgumentHelp(of: .internalSnapshot))
    var internalSnapshot: String?

    @Flag(name: .of(.undescribed), help: ArgumentHelp(of: .undescribed))
    var isUndescribed = false

    var options: SourceOptions {
        var options = SourceOptions.commandLine
        options[.internalSnapshot] = internalSnapshot
        options.set(.undescribed, if: isUndescribed)
        return options
    }
}
