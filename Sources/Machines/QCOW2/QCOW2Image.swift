internal import QEMUStream

/// A qcow2 image, with QEMU streams in its internal snapshots.
public enum QCOW2Image: StreamFileKind {
    public static let phrase = "a qcow2 image with an internal snapshot"
    public static let summary = SourceSummary(
        ofStreamsIn: "qcow2 image", "a disk image with the state of a VM (savevm)",
        example: "vcpusnap convert disk.qcow2 --snapshot before-upgrade -o vm.vcpusnap")

    public static func recognizes(_ prefix: [UInt8]) -> Bool {
        SavedImage.detect(prefix) == .qcow2
    }
}
