internal import CLinux

/// Looking into folders.
public enum Folder {
    /// The names in a folder, in alphabetical order, without `.` and `..`.
    public static func names(in path: String) throws(FileError) -> [String] {
        final class Names {
            var list: [String] = []
        }
        let names = Names()
        do throws(Errno) {
            _ = try Errno.check(
                // SAFETY: the object outlives the call, which is the only one to use the pointer.
                clinux_folder_names(
                    path,
                    { context, name in
                        guard let context else { return }
                        Unmanaged<Names>.fromOpaque(context).takeUnretainedValue().list.append(
                            String(cString: name))
                    }, Unmanaged.passUnretained(names).toOpaque()))
        } catch {
            throw FileError(.open, path, error)
        }
        return names.list.sorted()
    }
}
