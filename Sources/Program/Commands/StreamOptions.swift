internal import ArgumentParser
internal import LinuxSystem
internal import Machines
internal import Planning
internal import QEMUStream

extension StreamMend {
    /// Mends a stream; errors name its file.
    static func naming<Made>(
        _ file: String, _ mend: () throws(Problem) -> Made
    ) throws -> Made {
        try Result(catching: mend).mapError { CommandError("\(file): \($0)") }.get()
    }
}

/// Which stream of a file is read, and how much of it must be there.
struct StreamOptions: ParsableArguments {
    @Option(name: .of(.internalSnapshot), help: ArgumentHelp(of: .internalSnapshot))
    var internalSnapshot: String?

    @Flag(name: .of(.undescribed), help: ArgumentHelp(of: .undescribed))
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
