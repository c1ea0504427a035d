package import QEMUStream

/// A libvirt image, with a QEMU stream in it.
package enum LibvirtSaveFile: StreamFileKind {
    /// What error messages call such a file.
    package static let phrase = "an image of \"virsh save\" or \"managedsave\""
    /// The same in short.
    package static let shortPhrase = "an image of virsh save"
    /// Reading and mending, with the options of all streams.
    package static let summary = SourceSummary(
        ofStreamsIn: "libvirt image", "what virsh save or managedsave wrote",
        example: "vcpusnap mend vm.save --host rack1.vhost --policy fleet.vpolicy --in-place")

    /// Whether the file begins with `LibvirtQemudSave` or, for a save that did not finish, `LibvirtQemudPart`.
    package static func recognizes(_ prefix: [UInt8]) -> Bool {
        LibvirtSave.isBeginning(prefix)
    }

    /// The stream behind libvirt's header, decompressed where libvirt compressed it.
    /// - Throws: where the header is damaged, or the stream cannot be decompressed.
    package static func image(
        in input: ImageInput, snapshot: String?
    ) throws(SavedImageError) -> SavedImage {
        try SavedImage(libvirtIn: input)
    }

    /// Also of a file, where the stream is compressed and has to be compressed again.
    /// - Throws: where the header is damaged.
    package static func passing(_ input: ImageInput) throws(SavedImageError) -> PassingImage? {
        let isCompressedFile = try LibvirtSave.isCompressedFile(input)
        guard input.isPipe || isCompressedFile else { return nil }
        return try PassingImage(libvirtIn: input)
    }
}
