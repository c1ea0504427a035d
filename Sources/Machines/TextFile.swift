internal import LinuxSystem
internal import QEMUStream

/// A file in one of this program's text formats.
///
/// If it turns out to be something else, the error says what.
public struct TextFile {
    /// The text format that is expected.
    public enum Kind: String, Sendable {
        /// A host profile (Formats/vhost-v1.md), a policy (Formats/policy-v1.md) or a baseline
        /// (Formats/vbaseline-v1.md).
        case profile, policy, baseline

        /// What messages call such a file.
        fileprivate var name: String {
            switch self {
            case .profile: "a host profile (.vhost)"
            case .policy: "a policy (.vpolicy)"
            case .baseline: "a baseline (.vbaseline)"
            }
        }
    }

    private let kind: Kind
    private let path: String

    /// Names a file, which is opened only when it is read; `-` is standard input.
    public init(_ kind: Kind, _ path: String) {
        self.kind = kind
        self.path = path
    }

    /// What errors call the file.
    public var name: String { isStandardInput ? StandardStream.input.name : FileName.shown(path) }

    private var isStandardInput: Bool { path == "-" }

    /// The whole file.
    /// - Parameter limit: the most bytes that it may have.
    /// - Returns: nil when there is no such file and the name, which has no slash, may be that of something built in.
    /// - Throws: also when it is a file of another kind, or too long.
    public func read(limit: Int) throws(SourceError) -> [UInt8]? {
        try SourceError.passing { try contents(limit: limit) }
    }

    private func contents(limit: Int) throws -> [UInt8]? {
        let input: ImageInput
        do throws(SavedImageError) {
            input = isStandardInput ? try ImageInput(.input) : try ImageInput(opening: path)
        } catch {
            guard error.errno == .noEntry, !path.contains("/") else { throw error }
            return nil
        }
        return try read(input, limit: limit)
    }

    /// The same of a file that is open already.
    func read(_ input: ImageInput, limit: Int) throws(SourceError) -> [UInt8] {
        try check(input.prefix)
        let bytes = try SourceError.passing { try input.beginning(limit, of: name) }
        try check(bytes)
        guard bytes.count <= limit else {
            throw SourceError(FileError(.read, name, .fileTooLarge))
        }
        return bytes
    }

    /// - Throws: where these first bytes say that it is something else.
    private func check(_ bytes: [UInt8]) throws(SourceError) {
        guard let other = OtherFile(name, beginning: bytes, insteadOf: .text(kind)) else { return }
        throw SourceError("\(name) is \(other.name), expected \(kind.name)\(other.advice)")
    }
}
