internal import LinuxSystem
internal import TextFormats
public import Transfer

/// Policies by the name a user gives.
public enum PolicyFile {
    /// A preset, else the file of that name (Formats/policy-v1.md); `-` is standard input.
    /// - Throws: when there is neither, or the file has an error.
    public static func load(_ name: String) throws(SourceError) -> LoadedPolicy {
        if let preset = RestorePolicy.Preset(rawValue: name) { return LoadedPolicy(preset) }
        guard let bytes = try TextFile(.policy, name).read(limit: RestorePolicy.Limit.size) else {
            let presets = RestorePolicy.Preset.allCases.map(\.rawValue)
            throw SourceError(
                "unknown policy \(FileName.shown(name)): neither a file nor one of "
                    + presets.joined(separator: ", ")
                    + NameSuggestion.question(about: name, among: presets))
        }
        let policy = try SourceError.passing {
            try RestorePolicy(parsing: bytes, file: FileName.shown(name))
        }
        return LoadedPolicy(policy, text: String(decoding: bytes, as: UTF8.self))
    }
}
