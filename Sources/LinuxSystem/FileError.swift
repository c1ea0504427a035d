/// Why a file was not read or written.
public struct FileError: Error, Hashable, Sendable {
    /// What was being done.
    public enum Step: String, Hashable, Sendable {
        case open, read, create, write, synchronize, close, rename, remove
    }

    public var path: String
    public var step: Step
    public var errno: Errno

    public init(_ step: Step, _ path: String, _ errno: Errno) {
        self.step = step
        self.path = path
        self.errno = errno
    }
}

extension FileError: CustomStringConvertible {
    /// What failed, the error number, and what to do about it.
    public var description: String {
        let what = "cannot \(action) \"\(path)\": \(errno)"
        return advice.map { what + ": " + $0 } ?? what
    }

    private var action: String {
        switch step {
        case .open, .read, .write, .close, .remove: step.rawValue
        case .create: "create a file for"
        case .synchronize: "bring to the disk"
        case .rename: "put the finished file in place of"
        }
    }

    /// The operator's next step; nil where the error says all.
    private var advice: String? {
        switch (step, errno) {
        case (.open, .noEntry): "check the name"
        case (.create, .noEntry): "create its directory first"
        case (_, .noEntry): nil
        case (.open, .accessDenied): "ask for read permission, or run as its owner"
        case (_, .accessDenied), (_, .notPermitted):
            "ask for write permission on its directory, or choose another place"
        case (.read, .isDirectory), (.open, .isDirectory): "name a file in it"
        case (_, .isDirectory): "name a file in that directory"
        case (_, .noSpace), (_, .quotaExceeded):
            "nothing was replaced; make room or choose another file system"
        case (_, .readOnlyFileSystem): "choose another file system"
        case (.read, .fileTooLarge): "it is larger than this program reads"
        case (_, .brokenPipe): "the reader went away"
        case (.synchronize, .io), (.write, .io), (.close, .io):
            "the disk may be failing; nothing was replaced"
        default: nil
        }
    }
}
