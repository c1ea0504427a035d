internal import ArgumentParser

/// `--snapshot NAME`.
struct InternalSnapshotOption: ParsableArguments {
    @Option(
        name: .customLong("snapshot"),
        help: ArgumentHelp(
            "Of a qcow2 image the internal snapshot with this name or id; else the newest.",
            valueName: "name"))
    var name: String?
}
