package import QEMUStream

/// A QEMU migration stream and nothing else.
package enum QEMUStreamFile: StreamFileKind {
    /// What error messages call such a file.
    package static let phrase = "a QEMU migration stream"
    /// Reading and mending, with the options of all streams.
    package static let summary = SourceSummary(
        ofStreamsIn: "QEMU stream", "what QEMU's migrate file: or exec: wrote",
        example: "vcpusnap plan vm.mig --host other.vhost --qemu 10.0")

    /// Whether the file begins with `QEVM` (Formats/qemu-stream.md).
    package static func recognizes(_ prefix: [UInt8]) -> Bool {
        StreamHeader.isBeginning(prefix)
    }

    /// The file itself.
    /// - Throws: where it cannot be read.
    package static func image(
        in input: ImageInput, snapshot: String?
    ) throws(SavedImageError) -> SavedImage {
        try SavedImage(streamIn: input)
    }

    /// Of a pipe: a file can be changed at any place.
    package static func passing(_ input: ImageInput) -> PassingImage? {
        input.isPipe ? PassingImage(streamIn: input) : nil
    }
}
