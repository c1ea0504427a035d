internal import Synchronization

/// Every kind of source there is: a new one is a folder beside this file, and a line here.
public enum SourceKinds {
    /// This package's.
    public static let own: [any StateSource.Type] = [
        SnapshotFile.self, QEMUStreamFile.self, LibvirtSaveFile.self, CompressedStream.self,
        QCOW2Image.self, HostProfileFile.self, KVMSource.self, EmulatedSource.self,
        ProcessSource.self, QMPSource.self,
    ]

    private static let others = Mutex<[any StateSource.Type]>([])

    /// In the order in which the help lists them.
    public static var all: [any StateSource.Type] { own + others.withLock { $0 } }

    /// Makes the commands know a kind that is not this package's; to be called before the first of them.
    public static func add(_ kind: any StateSource.Type) {
        others.withLock { known in
            if !known.contains(where: { $0 == kind }) { known.append(kind) }
        }
    }

    /// Those that a scheme names.
    public static var named: [any NamedSource.Type] {
        all.compactMap { $0 as? any NamedSource.Type }
    }

    /// Those that are files.
    public static var files: [any StateFileKind.Type] {
        all.compactMap { $0 as? any StateFileKind.Type }
    }
}
