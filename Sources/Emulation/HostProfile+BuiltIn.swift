internal import CFormatData
internal import Registers
internal import Synchronization
public import TextFormats
internal import VCPUModel

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
    /// - Throws: never for the profiles of a release, which its tests parse.
    public static func builtIn(named name: String) throws(DirectiveError) -> HostProfile? {
        guard let text = files.text(named: name) else { return nil }
        return try HostProfile(parsing: text, file: "built-in profile \(name)")
    }

    /// The profiles of this library whose CPU has this MIDR_EL1, which are parsed once.
    /// - Throws: never for the profiles of a release, which its tests parse.
    public static func builtIn(ofCPU midr: UInt64) throws(DirectiveError) -> [HostProfile] {
        if let known = parsed.withLock({ $0[midr] }) { return known }
        let line = Array("midr \(RegisterValue(midr))\n".utf8)
        var profiles: [HostProfile] = []
        for name in builtInNames {
            // The line stands among the first: "Canonical form" of Formats/vhost-v1.md.
            guard let text = files.text(named: name),
                text.prefix(512).split(separator: line[line.count - 1]).contains(line.dropLast())
            else { continue }
            profiles.append(try HostProfile(parsing: text, file: "built-in profile \(name)"))
        }
        parsed.withLock { $0[midr] = profiles }
        return profiles
    }

    private static let parsed = Mutex([UInt64: [HostProfile]]())
}
