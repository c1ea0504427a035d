internal import Synchronization

/// Every kind of source there is: a new one is a folder beside this file, and a line here.
public enum SourceKinds {
    /// The kinds that are part of this package.
    public static let own: [any StateSource.Type] = [
        SnapshotFile.self, QEMUStreamFile.self, LibvirtSaveFile.self, CompressedStream.self,
        QCOW2Image.self, HostProfileFile.self, KVMSource.self, EmulatedSource.self,
        ProcessSource.self, QMPSource.self, LibvirtSource.self, SSHHost.self,
        FirecrackerStateFile.self, LibkrunFile.self, CloudHypervisorFile.self, CrosvmFile.self,
        AnalyzedStreamFile.self, RegisterDumpFile.self,
    ]

    /// The kind that results are written as; a file that is to be changed and of no kind that is known is opened as one,
    /// too, so that its reader says what it is instead.
    public static var ofResults: SnapshotFile.Type { SnapshotFile.self }

    private static let others = Mutex<[any StateSource.Type]>([])

    /// All kinds, in the order in which the help lists them.
    public static var all: [any StateSource.Type] { own + others.withLock { $0 } }

    /// Makes a kind from outside this package known to the commands.
    ///
    /// Call it before the first command runs.
    /// - Returns: false where another kind has its scheme: it is not added.
    @discardableResult
    public static func add(_ kind: any StateSource.Type) -> Bool {
        let scheme = (kind as? any NamedSource.Type)?.scheme
        guard !named.contains(where: { $0.scheme == scheme && $0 != kind }) else { return false }
        others.withLock { known in
            if !known.contains(where: { $0 == kind }) { known.append(kind) }
        }
        return true
    }

    /// The kinds that are named by a scheme.
    public static var named: [any NamedSource.Type] {
        all.compactMap { $0 as? any NamedSource.Type }
    }

    /// How those that are named by a scheme and have an ability are written, for a message: `kvm:, emulated:NAME, `.
    static func schemes(thatCan ability: SourceAbilities) -> String {
        let able = named.filter { $0.summary.abilities.contains(ability) }
        return able.map { "\($0.summary.grammar), " }.joined()
    }

    /// The kinds that are files.
    public static var files: [any StateFileKind.Type] {
        all.compactMap { $0 as? any StateFileKind.Type }
    }

    /// `a snapshot of vcpusnap, a QEMU migration stream, or a host profile`.
    static func phrases(of kinds: [any StateFileKind.Type]) -> String {
        let phrases = kinds.map { $0.phrase }
        return phrases.dropLast().joined(separator: ", ") + ", or \(phrases.last ?? "")"
    }

    /// The kind of a file that begins with these bytes, at most `ImageInput.prefixSize`; nil for what is known of no
    /// kind.
    public static func file(beginning prefix: [UInt8]) -> (any StateFileKind.Type)? {
        files.first { $0.recognizes(prefix) }
    }
}
