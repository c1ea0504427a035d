internal import LinuxSystem
internal import QEMUStream

/// A qcow2 image, with QEMU streams in its internal snapshots.
package enum QCOW2Image: StreamFileKind {
    /// What error messages call such a file.
    package static let phrase = "a qcow2 image with an internal snapshot"
    /// What there is in it shows only later.
    package static let shortPhrase = "a qcow2 image"
    /// Reading and mending, with the options of all streams.
    package static let summary = SourceSummary(
        ofStreamsIn: "qcow2 image", "a disk image with the state of a VM (savevm)",
        example: "vcpusnap convert disk.qcow2 --snapshot before-upgrade -o vm.vcpusnap")

    /// Whether the file begins with `QFI\xfb` (Formats/saved-images.md).
    package static func recognizes(_ prefix: [UInt8]) -> Bool {
        SavedImage.detect(prefix) == .qcow2
    }
}

extension Location {
    /// Whether it is a file that begins like a qcow2 image.
    public var isQCOW2Image: Bool {
        guard case .file(let path) = self else { return false }
        return QCOW2Image.recognizes(
            File.beginning(of: path, count: SavedImage.prefixSize) ?? [])
    }
}
