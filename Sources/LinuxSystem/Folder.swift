internal import CLinux

/// Looking into folders.
public enum Folder {
    /// The names in a folder that pass, in alphabetical order, without `.` and `..`.
    public static func names(
        in path: String, where passes: (String) -> Bool = { _ in true }
    ) throws(FileError) -> [String] {
        final class Names {
            var list: [String] = []
        }
        let names = Names()
        do throws(Errno) {
            _ = try Errno.check(
                // SAFETY: the object outlives the call, which is the only one to use the pointer.
                FileName.withBytes(of: path) { bytes in
                    clinux_folder_names(
                        bytes,
                        { context, name in
                            guard let context else { return }
                            Unmanaged<Names>.fromOpaque(context).takeUnretainedValue().list.append(
                                FileName.string(at: name))
                        }, Unmanaged.passUnretained(names).toOpaque())
                })
        } catch {
            throw FileError(.open, path, error)
        }
        return names.list.filter(passes).sorted()
    }
}
