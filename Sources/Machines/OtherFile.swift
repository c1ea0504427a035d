internal import LinuxSystem
internal import QEMUStream
internal import TextFormats

/// What a file should have been that is something else.
public enum ExpectedFile: Hashable, Sendable {
    /// A snapshot of vcpusnap.
    case snapshot
    /// A text of that format.
    case text(TextFile.Kind)

    /// What to do with a file of another program that holds a guest, or to make of it what was expected.
    func adviceForGuests(in file: String) -> String? {
        switch self {
        case .snapshot:
            "; vcpusnap show reads it as it is, and vcpusnap convert makes a snapshot of it"
        case .text(.profile):
            "; vcpusnap host --from \(FileName.word(file)) --kernel RELEASE -o HOST.vhost makes one of its host"
        case .text(.policy), .text(.baseline): nil
        }
    }
}

/// A file that is of another kind than was expected.
///
/// The kinds of source say it of themselves; the formats that are no source stand here.
struct OtherFile {
    /// What it is: `a policy`.
    let name: String
    /// What to do with it or instead, as it follows the rest of a message; may be empty.
    let advice: String

    /// - Parameters:
    ///   - file: what messages call it.
    ///   - bytes: its first ones.
    /// - Returns: nil for what was expected, and for what nothing is known of.
    init?(_ file: String, beginning bytes: [UInt8], insteadOf expected: ExpectedFile) {
        // Nothing at all could be the beginning of anything.
        guard !bytes.isEmpty else { return nil }
        let text = DirectiveScanner.withoutByteOrderMark(bytes)
        let found: String?
        if let kind = SourceKinds.file(beginning: Array(bytes.prefix(ImageInput.prefixSize))) {
            if kind.meets == expected { return nil }
            name = kind.shortPhrase
            found = kind.advice(for: file, insteadOf: expected)
        } else if let format = Self.formats.first(where: { text.starts(with: $0.start) }) {
            if format.meets == expected { return nil }
            name = format.name
            found = format.advice[expected]
        } else if Self.isJSON(bytes) {
            name = "JSON"
            found = nil
        } else {
            return nil
        }
        advice = found ?? Self.usualAdvice[expected] ?? ""
    }

    private static let usualAdvice: [ExpectedFile: String] = [
        .text(.profile): "; vcpusnap host -o HOST.vhost records one",
        .text(.policy): "; Formats/policy-v1.md says how to write one",
        .text(.baseline): "; vcpusnap baseline HOST HOST -o FILE.vbaseline computes one",
    ]

    private struct Format {
        let start: [UInt8]
        let name: String
        var meets: ExpectedFile?
        var advice: [ExpectedFile: String] = [:]
    }

    private static let formats = [
        Format(
            start: Array("vpolicy ".utf8), name: "a policy", meets: .text(.policy),
            advice: [.snapshot: ", which --policy takes"]),
        Format(
            start: Array("vbaseline ".utf8), name: "a baseline", meets: .text(.baseline),
            advice: [.snapshot: ", which --baseline takes"]),
        Format(start: UndoFile.magic, name: "an undo file of mend --in-place"),
    ]

    /// The text format that is no source, and of which these bytes begin a file.
    static func textFormat(beginning bytes: [UInt8]) -> TextFile.Kind? {
        let text = DirectiveScanner.withoutByteOrderMark(bytes)
        let format = formats.first { text.starts(with: $0.start) }
        guard case .text(let kind) = format?.meets else { return nil }
        return kind
    }

    private static func isJSON(_ bytes: [UInt8]) -> Bool {
        let first = bytes.first { !Array(" \n\r\t".utf8).contains($0) }
        return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    }
}
