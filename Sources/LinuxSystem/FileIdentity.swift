internal import CLinux

/// Which regular file something is, whatever its names.
public struct FileIdentity: Hashable, Sendable {
    private let device: UInt64
    private let inode: UInt64
    /// How many names the file has.
    let links: UInt64

    /// The file that a path leads to; nil when that is not a regular file or does not exist.
    public init?(of path: String) {
        self.init { identity in
            FileName.withBytes(of: path) { clinux_identity_of_path($0, identity) }
        }
    }

    /// The file that a stream is connected to; nil when that is not a regular file or the stream is closed.
    package init?(of stream: StandardStream) {
        self.init { clinux_identity_of_descriptor(stream.rawValue, $0) }
    }

    init?(of file: borrowing FileDescriptor) {
        self.init { identity in file.withNumber { clinux_identity_of_descriptor($0, identity) } }
    }

    private init?(_ look: (UnsafeMutablePointer<clinux_identity>) -> Int32) {
        var identity = clinux_identity()
        guard look(&identity) == Int32(CLINUX_FILE_REGULAR.rawValue) else { return nil }
        device = identity.device
        inode = identity.inode
        links = identity.links
    }

    /// Whether both are the same file, by whichever path.
    public static func == (left: FileIdentity, right: FileIdentity) -> Bool {
        left.device == right.device && left.inode == right.inode
    }

    /// Feeds device and inode to a hasher.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(device)
        hasher.combine(inode)
    }
}
