internal import Emulation
internal import LinuxSystem

/// Host profiles by the name a user gives.
enum ProfileFile {
    /// A built-in profile, else the file of that name; `-` is standard input.
    static func load(_ name: String) throws -> HostProfile {
        if let profile = try HostProfile.builtIn(named: name) { return profile }
        return try HostProfile(parsing: try read(name), file: FileName.shown(name))
    }

    private static func read(_ name: String) throws -> [UInt8] {
        do throws(FileError) {
            guard name != "-" else { return try File.read(.input, limit: HostProfile.Limit.size) }
            return try File.read(name, limit: HostProfile.Limit.size)
        } catch {
            guard error.errno == .noEntry, !name.contains("/") else { throw error }
            throw CommandError(
                "unknown host profile \(FileName.shown(name)): neither a file nor one of the built-in profiles "
                    + HostProfile.builtInNames.joined(separator: ", "))
        }
    }
}
