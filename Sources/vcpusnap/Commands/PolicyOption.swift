internal import ArgumentParser
internal import Policy

/// `--policy`: which losses count.
struct PolicyOption: ParsableArguments {
    @Option(
        name: .customLong("policy"),
        help: ArgumentHelp(
            "Which losses count: exact, safe (the default), force, or a .vpolicy file.",
            valueName: "policy"))
    var text = RestorePolicy.Preset.safe.rawValue

    func load() throws -> RestorePolicy {
        if let preset = RestorePolicy.Preset(rawValue: text) { return RestorePolicy(preset) }
        guard let bytes = try TextFile(.policy, text).read(limit: RestorePolicy.Limit.size) else {
            let presets = RestorePolicy.Preset.allCases.map(\.rawValue).joined(separator: ", ")
            throw CommandError("unknown policy \(text): neither a file nor one of \(presets)")
        }
        return try RestorePolicy(parsing: bytes, file: text)
    }
}
