public import QEMUStream

/// An image of libvirt, with a QEMU stream in it.
public enum LibvirtSaveFile: StreamFileKind {
    /// What error messages call such a file.
    public static let phrase = "an image of \"virsh save\" or \"managedsave\""
    /// The same in short.
    public static let shortPhrase = "an image of virsh save"
    /// Reading and mending, with the options of all streams.
    public static let summary = SourceSummary(
        ofStreamsIn: "libvirt image", "what virsh save or managedsave wrote",
        example: "vcpusnap mend vm.save --host rack1.vhost --policy fleet.vpolicy --in-place")

    /// Whether the file begins with `LibvirtQemudSave` or, for a save that did not finish, `LibvirtQemudPart`.
    public static func recognizes(_ prefix: [UInt8]) -> Bool {
        LibvirtSave.isBeginning(prefix)
    }

    /// The stream behind libvirt's header, decompressed where libvirt compressed it.
    public static func image(
        in input: ImageInput, snapshot: String?
    ) throws(SavedImageError) -> SavedImage {
        try SavedImage(libvirtIn: input)
    }

    /// Also of a file, where the stream is compressed and has to be compressed again.
    public static func passing(_ input: ImageInput) throws(SavedImageError) -> PassingImage? {
        let isCompressedFile = try LibvirtSave.isCompressedFile(input)
        guard input.isPipe || isCompressedFile else { return nil }
        return try PassingImage(libvirtIn: input)
    }
}
