internal import CLinux

extension AtomicFile {
    /// How a path can be written.
    enum Target: Equatable {
        /// It is, or will be, a regular file.
        case replaceable(RealPath)
        /// It is a pipe, a device, or a name for a descriptor of some process.
        case direct

        init(_ path: String) throws(FileError) {
            let directory = try Self.realDirectory(of: path)
            if Self.namesDescriptorsOrDevices(directory) {
                self = .direct
                return
            }
            switch clinux_kind_of_path(path) {
            case Int32(CLINUX_FILE_REGULAR.rawValue):
                self = .replaceable(RealPath(try Self.realPath(path, path)))
            case Int32(CLINUX_FILE_DIRECTORY.rawValue):
                throw FileError(.write, path, .isDirectory)
            case Int32(CLINUX_FILE_OTHER.rawValue): self = .direct
            case -Errno.noEntry.rawValue:
                let name = Self.split(path).name
                guard !name.isEmpty else { throw FileError(.create, path, .noEntry) }
                self = .replaceable(RealPath(directory: directory, name: name))
            case let failure: throw FileError(.create, path, Errno(rawValue: -failure))
            }
        }

        /// Links such as `/dev/stdout` may lead to a regular file, but replacing that file would
        /// leave its writer with the old one.
        private static func namesDescriptorsOrDevices(_ directory: String) -> Bool {
            directory == "/dev" || directory == "/proc" || directory.hasPrefix("/proc/")
        }

        private static func realDirectory(of path: String) throws(FileError) -> String {
            try realPath(split(path).directory, path)
        }

        private static func realPath(_ path: String, _ named: String) throws(FileError) -> String {
            var resolved: UnsafeMutablePointer<CChar>?
            let result = clinux_real_path(path, &resolved)
            defer { clinux_free(resolved) }
            guard result >= 0, let resolved else {
                throw FileError(.create, named, Errno(rawValue: -result))
            }
            return String(cString: resolved)
        }

        fileprivate static func split(_ path: String) -> (directory: String, name: String) {
            guard let slash = path.lastIndex(of: "/") else { return (".", path) }
            let directory = slash == path.startIndex ? "/" : String(path[..<slash])
            return (directory, String(path[path.index(after: slash)...]))
        }
    }

    /// The path of a regular file, without links.
    struct RealPath: Equatable {
        let directory: String
        let name: String

        init(directory: String, name: String) {
            self.directory = directory
            self.name = name
        }

        init(_ path: String) {
            (directory, name) = Target.split(path)
        }

        var path: String { directory == "/" ? "/" + name : directory + "/" + name }
    }
}
