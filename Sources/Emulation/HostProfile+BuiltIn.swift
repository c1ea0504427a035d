internal import CFormatData
public import TextFormats

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
