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
        let policy = try parse(bytes, FileName.shown(name))
        return LoadedPolicy(policy, text: String(decoding: bytes, as: UTF8.self))
    }
}

extension PolicyFile {
    static func parse(_ bytes: [UInt8], _ name: String) throws(SourceError) -> RestorePolicy {
        try SourceError.passing { try RestorePolicy(parsing: bytes, file: name) }
    }

    /// Makes sure that a policy can be written here, and that nothing is lost by it.
    /// - Parameter policy: that the rules are added to. It may be the same file where that is replaced whole, but not
    ///   under a name such as `/dev/fd/3`, by which it would be overwritten from its start.
    /// - Throws: where it cannot be written, or something would be lost.
    package static func checkOutput(
        _ location: Location, keeping others: [Location], addingTo policy: Location
    ) throws(SourceError) {
        let isReplaced = AtomicFile.replaces(try path(location))
        try location.checkOutput(.text, keeping: isReplaced ? others : others + [policy])
        guard !others.contains(location) else {
            throw SourceError("--write-policy needs a file of its own, not \(location.text)")
        }
    }

    /// Writes a policy, but not over one that says something else.
    /// - Parameters:
    ///   - policy: that it has the rules of.
    ///   - read: where that was read, if it is no preset.
    /// - Throws: where another policy is there, and where it cannot be written.
    package static func write(
        _ file: [UInt8], to location: Location, after policy: LoadedPolicy, from read: Location
    ) throws(SourceError) {
        let isOwn = policy.text != nil && read.identity.map { $0 == location.identity } ?? false
        let path = try path(location)
        if !isOwn, let old = try? File.readRegular(path, limit: RestorePolicy.Limit.size),
            old != file
        {
            throw SourceError(
                "\(location.text) already exists with other content, and was not written: give it as --policy too to add "
                    + "to it, or name another file")
        }
        try SourceError.passing {
            try AtomicFile.replace(path, access: isOwn ? .kept : .secret, with: [file])
        }
    }

    private static func path(_ location: Location) throws(SourceError) -> String {
        guard case .path(let path) = try location.place(orElse: "a policy goes to a file") else {
            throw SourceError("--write-policy needs a file: the report goes to standard output")
        }
        return path
    }
}
