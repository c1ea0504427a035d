internal import CFormatData
public import TextFormats

extension HostProfile {
    private static var files: BuiltInFiles {
        BuiltInFiles(
            count: cformat_host_profile_count(), name: cformat_host_profile_name,
            lineCount: cformat_host_profile_line_count, line: cformat_host_profile_line)
    }

    /// The names of the profiles that are part of this library, in alphabetical order: those of
    /// Formats/hosts.
    public static var builtInNames: [String] { files.names }

    /// A profile that is part of this library; nil when none has the name.
    public static func builtIn(named name: String) throws(DirectiveError) -> HostProfile? {
        guard let text = files.text(named: name) else { return nil }
        return try HostProfile(parsing: text, file: "built-in profile \(name)")
    }
}
