internal import CLinux

/// Looking into folders.
public enum Folder {
    /// The names in a folder that pass, in alphabetical order, without `.` and `..`.
    /// - Throws: where the folder cannot be opened or read, with the errno.
    public static func names(
        in path: String, where passes: (String) -> Bool = { _ in true }
    ) throws(FileError) -> [String] {
        final class Names {
            var list: [String] = []
        }
        let names = Names()
        // SAFETY: the object outlives the call, which is the only one to use the pointer.
        let result = FileName.withBytes(of: path) { bytes in
            clinux_folder_names(
                bytes,
                { context, name in
                    guard let context else { return }
                    Unmanaged<Names>.fromOpaque(context).takeUnretainedValue().list.append(
                        FileName.string(at: name))
                }, Unmanaged.passUnretained(names).toOpaque())
        }
        _ = try FileError.during(.open, path, try Errno.check(result))
        return names.list.filter(passes).sorted()
    }

    /// The paths that begin so, for a shell that asks: those of folders end with a slash, and those that a shell could
    /// not read in one line are left out.
    public static func completions(of beginning: String) -> [String] {
        let folder = beginning.lastIndex(of: "/").map { String(beginning[...$0]) } ?? ""
        let prefix = beginning.dropFirst(folder.count)
        let names = try? names(in: folder.isEmpty ? "." : folder) { name in
            name.hasPrefix(prefix) && name.hasPrefix(".") == prefix.hasPrefix(".")
                && !name.unicodeScalars.contains { $0.value < 32 }
        }
        return (names ?? []).map { name in
            let path = folder + name
            return (try? Folder.names(in: path)) == nil ? path : path + "/"
        }
    }
}
