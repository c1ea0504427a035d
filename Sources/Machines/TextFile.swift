internal import LinuxSystem
internal import QEMUStream

/// A file in one of this program's text formats.
///
/// If it turns out to be something else, the error says what.
public struct TextFile {
    /// The text format that is expected.
    public enum Kind: Sendable {
        /// A host profile (Formats/vhost-v1.md) or a policy (Formats/policy-v1.md).
        case profile, policy
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
        if let other = input.kind.map(Other.init) { throw SourceError(message(other)) }
        let bytes = try contents(of: input, limit: limit)
        if let other = Other(text: bytes), other != kind.other {
            throw SourceError(message(other))
        }
        guard bytes.count <= limit else { throw FileError(.read, name, .fileTooLarge) }
        return bytes
    }

    /// What there is, or one byte more than the limit.
    private func contents(of input: ImageInput, limit: Int) throws(FileError) -> [UInt8] {
        var bytes: [UInt8] = []
        do throws(Errno) {
            while bytes.count <= limit {
                let next = try input.read(upTo: limit + 1 - bytes.count)
                if next.isEmpty { break }
                bytes += next
            }
        } catch {
            throw FileError(.read, name, error)
        }
        return bytes
    }

    private func message(_ other: Other) -> String {
        let wanted = kind == .profile ? "a host profile (.vhost)" : "a policy (.vpolicy)"
        return "\(name) is \(other.rawValue), expected \(wanted)\(advice(other))"
    }

    private func advice(_ other: Other) -> String {
        switch (kind, other) {
        case (.profile, .snapshot):
            "; vcpusnap host --from \(name) -o HOST.vhost makes one of its host"
        case (.profile, .stream), (.profile, .libvirt), (.profile, .qcow2), (.profile, .compressed):
            "; vcpusnap host --from \(name) --kernel RELEASE -o HOST.vhost makes one of its host"
        case (.profile, .baseline): "; name the profiles that it was made of"
        case (.profile, _): "; vcpusnap host -o HOST.vhost records one"
        case (.policy, .profile): "; profiles are given with --host"
        case (.policy, _): "; Formats/policy-v1.md says how to write one"
        }
    }
}

extension TextFile.Kind {
    fileprivate var other: Other { self == .profile ? .profile : .policy }
}

/// What a file can be.
private enum Other: String {
    case snapshot = "a snapshot"
    case stream = "a QEMU migration stream"
    case libvirt = "an image of virsh save"
    case compressed = "a compressed file"
    case qcow2 = "a qcow2 image"
    case profile = "a host profile"
    case policy = "a policy"
    case baseline = "a baseline"
    case undo = "an undo file of mend --in-place"
    case json = "JSON"

    init(_ kind: SavedImage.Kind) {
        self =
            switch kind {
            case .snapshot: .snapshot
            case .stream: .stream
            case .libvirt: .libvirt
            case .compressed: .compressed
            case .qcow2: .qcow2
            }
    }

    /// By the first line of a text; nil for one that nothing else has.
    init?(text: [UInt8]) {
        let firsts: [(String, Other)] = [
            ("vhost ", .profile), ("vpolicy ", .policy), ("vbaseline ", .baseline),
        ]
        if let found = firsts.first(where: { text.starts(with: Array($0.0.utf8)) }) {
            self = found.1
        } else if text.starts(with: UndoFile.magic) {
            self = .undo
        } else if [UInt8(ascii: "{"), UInt8(ascii: "[")].contains(
            text.first { $0 != 0x20 && $0 != 0x0a && $0 != 0x0d && $0 != 0x09 })
        {
            self = .json
        } else {
            return nil
        }
    }
}
