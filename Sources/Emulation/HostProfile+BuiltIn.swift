internal import CFormatData
public import DirectiveText

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
        guard let index = builtInNames.firstIndex(of: name),
            let bytes = cformat_host_profile_bytes(index)
        else { return nil }
        let text = UnsafeBufferPointer(start: bytes, count: cformat_host_profile_length(index))
        return try HostProfile(parsing: text, file: "built-in profile \(name)")
    }
}
