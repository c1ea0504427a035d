internal import CFormatData
public import TextFormats
internal import VCPUModel

extension HostProfile {
    /// The names of the profiles that are part of this library, in alphabetical order: those of
    /// Formats/hosts.
    public static var builtInNames: [String] {
        (0..<cformat_host_profile_count()).compactMap {
            cformat_host_profile_name($0).map { String(cString: $0) }
        }
    }

    /// A profile that is part of this library; nil when none has the name.
    public static func builtIn(named name: String) throws(DirectiveError) -> HostProfile? {
        guard let index = builtInNames.firstIndex(of: name) else { return nil }
        return try HostProfile(parsing: text(index), file: "built-in profile \(name)")
    }

    /// The profiles of this library whose CPU has this MIDR_EL1.
    public static func builtIn(ofCPU midr: UInt64) throws(DirectiveError) -> [HostProfile] {
        let line = Array("midr \(RegisterValue(midr))\n".utf8)
        var profiles: [HostProfile] = []
        for (index, name) in builtInNames.enumerated() {
            // The line stands among the first: "Canonical form" of Formats/vhost-v1.md.
            let text = text(index)
            guard text.prefix(512).split(separator: line[line.count - 1]).contains(line.dropLast())
            else { continue }
            profiles.append(try HostProfile(parsing: text, file: "built-in profile \(name)"))
        }
        return profiles
    }

    private static func text(_ index: Int) -> [UInt8] {
        var text: [UInt8] = []
        for line in 0..<cformat_host_profile_line_count(index) {
            var length = 0
            guard let start = cformat_host_profile_line(index, line, &length) else { break }
            // SAFETY: the table's line has `length` bytes and is never changed.
            UnsafeRawBufferPointer(start: start, count: length).withMemoryRebound(to: UInt8.self) {
                text += $0
            }
        }
        return text
    }
}
