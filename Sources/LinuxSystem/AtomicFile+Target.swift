internal import CLinux

extension AtomicFile {
    /// How a path can be written.
    enum Target: Equatable {
        /// It is, or will be, a regular file.
        case replaceable(RealPath)
        /// It is a pipe, a device, or a name for a descriptor of some process.
        case direct

        init(_ path: String) throws(FileError) {
            self = try Self.find(path, linksLeft: Self.maximumLinks, named: path)
        }

        private static func find(
            _ path: String, linksLeft: Int, named: String
        ) throws(FileError) -> Target {
            let real = RealPath(
                directory: try RealPath.directory(of: path, for: .create, named: named),
                name: RealPath(path).name)
            if namesDescriptorsOrDevices(real.directory) { return .direct }
            switch FileName.withBytes(of: path, clinux_kind_of_path) {
            case Int32(CLINUX_FILE_REGULAR.rawValue):
                return .replaceable(RealPath(try RealPath.of(path, for: .create, named: named)))
            case Int32(CLINUX_FILE_DIRECTORY.rawValue): throw FileError(.write, named, .isDirectory)
            case Int32(CLINUX_FILE_OTHER.rawValue): return .direct
            case -Errno.noEntry.rawValue:
                guard !real.name.isEmpty else { throw FileError(.create, named, .noEntry) }
                guard let target = real.linkTarget else { return .replaceable(real) }
                guard linksLeft > 0 else { throw FileError(.create, named, .tooManyLinks) }
                return try find(target, linksLeft: linksLeft - 1, named: named)
            case let failure: throw FileError(.create, named, Errno(rawValue: -failure))
            }
        }

        /// As many as the kernel follows.
        private static let maximumLinks = 40

        /// Links such as `/dev/stdout` may lead to a regular file, but replacing that file would
        /// leave its writer with the old one.
        private static func namesDescriptorsOrDevices(_ directory: String) -> Bool {
            directory == "/dev" || directory == "/proc"
                || directory.utf8.starts(with: "/proc/".utf8)
        }
    }
}

/// The path of a file, without links.
struct RealPath: Equatable {
    let directory: String
    let name: String

    var path: String { directory == "/" ? "/" + name : directory + "/" + name }

    /// Where a symbolic link of this name leads, which may be nowhere; nil for anything else.
    var linkTarget: String? {
        guard let target = FileName.target(ofLink: path), let first = target.first else {
            return nil
        }
        let text = FileName.string(of: target)
        return first == UInt8(ascii: "/") ? text : directory + "/" + text
    }

    /// The path of something that is there.
    /// - Parameter named: what errors call it; the path where it is nil.
    static func of(
        _ path: String, for step: FileError.Step, named: String? = nil
    ) throws(FileError) -> String {
        var resolved: UnsafeMutablePointer<CChar>?
        let result = FileName.withBytes(of: path) { clinux_real_path($0, &resolved) }
        defer { clinux_free(resolved) }
        guard result >= 0, let resolved else {
            throw FileError(step, named ?? path, Errno(rawValue: -result))
        }
        return FileName.string(at: resolved)
    }

    /// The path of the directory of something that need not be there.
    static func directory(
        of path: String, for step: FileError.Step, named: String? = nil
    ) throws(FileError) -> String {
        try of(RealPath(path).directory, for: step, named: named ?? path)
    }
}

extension RealPath {
    /// The parts of a path as it stands.
    ///
    /// By bytes: a character of a string may be a slash and an accent together.
    init(_ path: String) {
        let bytes = path.utf8
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else {
            self.init(directory: ".", name: path)
            return
        }
        let directory = slash == bytes.startIndex ? "/" : String(path[..<slash])
        self.init(directory: directory, name: String(path[bytes.index(after: slash)...]))
    }
}
