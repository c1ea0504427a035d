/// Why a file was not read or written.
public struct FileError: Error, Hashable, Sendable {
    /// What was being done.
    public enum Step: String, Hashable, Sendable {
        /// What the names say; `open` includes finding out what the file is, `create` where a new file belongs.
        case open, read, create, write, close, rename, remove
        /// A new file was being written, which was to take the place of the old one.
        case prepare
        /// The new file has taken the place of the old one, and its name was being brought to the disk.
        case settle
        /// The file was being changed in place.
        case change
    }

    /// The path as it was given, or what messages call the object (`standard input`).
    public var path: String
    /// What was being done when it failed.
    public var step: Step
    /// The kernel's error number, or one of this module's for what it finds (`EIO`, `EFBIG`, `ESPIPE`, `EINVAL`).
    public var errno: Errno

    /// An error at a step, on a path, with its error number.
    public init(_ step: Step, _ path: String, _ errno: Errno) {
        self.step = step
        self.path = path
        self.errno = errno
    }

    /// What `work` returns; its error is told with the step and the path.
    /// - Throws: what `work` throws, with the step and the path.
    package static func during<Result: ~Copyable>(
        _ step: Step, _ path: String, _ work: @autoclosure () throws(Errno) -> Result
    ) throws(FileError) -> Result {
        try Errno.translating(try work()) { FileError(step, path, $0) }
    }
}

extension FileError: CustomStringConvertible {
    /// What failed, the error number, and what to do about it.
    public var description: String {
        let what = "cannot \(action) \"\(FileName.shown(path))\": \(errno)"
        return ([what] + [consequence, advice].compactMap(\.self)).joined(separator: ": ")
    }

    private var action: String {
        switch step {
        case .open, .read, .write, .close, .remove, .change: step.rawValue
        case .create: "create a file for"
        case .prepare: "write"
        case .settle: "bring to the disk the name of"
        case .rename: "put the finished file in place of"
        }
    }

    /// What has become of the file, where the error alone does not tell.
    private var consequence: String? {
        switch step {
        case .prepare: "nothing was replaced"
        case .settle: "the new file is in place, but a crash could undo that"
        case .change: "it may be changed in part"
        default: nil
        }
    }

    /// The operator's next step; nil where the error says all.
    private var advice: String? {
        switch (step, errno) {
        case (.open, .noEntry): "check the name"
        case (.create, .noEntry): "create its directory first"
        case (_, .noEntry): nil
        case (.open, .accessDenied), (.open, .notPermitted), (.read, .accessDenied),
            (.read, .notPermitted):
            "ask for read permission, or run as its owner"
        case (.write, .accessDenied), (.write, .notPermitted), (.change, .accessDenied),
            (.change, .notPermitted):
            "ask for write permission, or choose another place"
        case (_, .accessDenied), (_, .notPermitted):
            "ask for write permission on its directory, or choose another place"
        case (.read, .isDirectory), (.open, .isDirectory): "name a file in it"
        case (_, .isDirectory): "name a file in that directory"
        case (.open, .illegalSeek): "it is not a regular file"
        case (.open, .tooManyLinks): "it is a symbolic link, which is not followed here"
        case (_, .noSpace), (_, .quotaExceeded): "make room or choose another file system"
        case (_, .readOnlyFileSystem): "choose another file system"
        case (.read, .fileTooLarge): "it is larger than this program accepts"
        case (_, .fileTooLarge):
            "it would be larger than the limit (ulimit -f) or the file system allows"
        case (_, .brokenPipe): "the reader went away"
        case (_, .io): "the disk may be failing"
        default: nil
        }
    }
}
