internal import ArgumentParser
internal import Machines

/// `--snapshot`, of commands with one source that may be a qcow2 image.
struct ImageOption: ParsableArguments {
    @Option(name: .of(.internalSnapshot), help: ArgumentHelp(of: .internalSnapshot))
    var internalSnapshot: String?

    /// What the source is told.
    func options(for source: Location) throws -> SourceOptions {
        try ImageOptions.options(for: [source], [internalSnapshot].compactMap(\.self))[0]
    }
}

/// The same, of commands with several sources.
struct ImageOptions: ParsableArguments {
    @Option(
        name: .of(.internalSnapshot),
        help: ArgumentHelp(
            """
            The internal snapshot of a qcow2 image with this name or id (default: the newest); \
            one for all such sources, or one for each.
            """, valueName: "name"))
    var internalSnapshots: [String] = []

    /// What each source is told.
    func options(for sources: [Location]) throws -> [SourceOptions] {
        try Self.options(for: sources, internalSnapshots)
    }

    fileprivate static func options(
        for sources: [Location], _ internalSnapshots: [String]
    ) throws -> [SourceOptions] {
        let images = sources.count { $0.hasInternalSnapshots }
        guard internalSnapshots.isEmpty || images > 0 else {
            throw CommandError(
                "--snapshot is about qcow2 images, and none of the sources is one: leave it out")
        }
        guard internalSnapshots.count < 2 || internalSnapshots.count == images else {
            throw CommandError(
                "--snapshot is given \(internalSnapshots.count) times, and the sources have "
                    + "\(images.of("qcow2 image")): give it once, or once for each")
        }
        var names = internalSnapshots[...]
        return sources.map { source in
            var options = SourceOptions.commandLine
            guard source.hasInternalSnapshots else { return options }
            options[.internalSnapshot] = names.count > 1 ? names.popFirst() : names.first
            return options
        }
    }
}
