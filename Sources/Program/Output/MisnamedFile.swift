internal import Emulation
internal import LinuxSystem
internal import Machines
internal import QEMUStream

/// A word that was taken for the name of a file, and was probably meant as another SOURCE or TARGET.
struct MisnamedFile {
    private let path: String
    private let errno: Errno

    /// - Returns: nil for an error that has another reason.
    init?(_ error: any Error) {
        switch (error as? SourceError)?.cause ?? error {
        case let error as FileError where error.step == .open:
            (path, errno) = (error.path, error.errno)
        case let error as SavedImageError:
            guard let errno = error.errno else { return nil }
            (path, self.errno) = (error.file, errno)
        default: return nil
        }
    }

    /// What to give instead, as the end of a message; nil where nothing is known.
    var advice: String? {
        switch errno {
        case .noEntry where HostProfile.builtInNames.contains(path):
            "; the emulated host of that name is emulated:\(path)"
        // That is what open(2) says of a socket.
        case .noDeviceOrAddress:
            "; if it is the socket of QEMU's monitor, give qmp:\(FileName.shown(path))"
        default: nil
        }
    }
}
