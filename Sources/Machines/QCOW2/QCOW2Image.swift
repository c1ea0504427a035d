package import QEMUStream

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
        QCOW2Header.isBeginning(prefix)
    }

    /// Each can have a stream.
    package static var hasInternalSnapshots: Bool { true }

    /// The stream of one of its internal snapshots.
    /// - Throws: where the image is damaged, or has no such snapshot.
    package static func image(
        in input: ImageInput, snapshot: String?
    ) throws(SavedImageError) -> SavedImage {
        try SavedImage(qcow2In: input, snapshot: snapshot)
    }
}

extension Location {
    /// Whether it is a file in which one of several streams is to be chosen (`SourceOption.internalSnapshot`).
    public var hasInternalSnapshots: Bool {
        (fileKind as? any StreamFileKind.Type)?.hasInternalSnapshots == true
    }
}
