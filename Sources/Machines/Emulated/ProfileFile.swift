public import Emulation
internal import LinuxSystem
internal import QEMUStream
internal import Registers
internal import TextFormats
internal import VCPUModel

/// Host profiles by the name a user gives.
public enum ProfileFile {
    /// A built-in profile, else the file of that name; `-` is standard input.
    /// - Throws: where there is neither, or the file cannot be read or is no profile.
    public static func load(_ name: String) throws(SourceError) -> HostProfile {
        try SourceError.passing { try HostProfile.builtIn(named: name) ?? read(name) }
    }

    private static func read(_ name: String) throws -> HostProfile {
        let file = TextFile(.profile, name)
        guard let bytes = try file.read(limit: HostProfile.Limit.size) else {
            throw SourceError(
                "unknown host profile \(FileName.shown(name)): neither a file nor one of the built-in profiles "
                    + HostProfile.builtInNames.joined(separator: ", ")
                    + NameSuggestion.question(about: name, among: HostProfile.builtInNames))
        }
        return try HostProfile(parsing: bytes, file: file.name)
    }

    /// A profile that is open already, by the name that it was opened by.
    static func parse(_ input: ImageInput, of name: String) throws(SourceError) -> HostProfile {
        let file = TextFile(.profile, name)
        let bytes = try file.read(input, limit: HostProfile.Limit.size)
        return try SourceError.passing { try HostProfile(parsing: bytes, file: file.name) }
    }
}
