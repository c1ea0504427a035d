public import QEMUStream

/// A compressed file, with a QEMU stream or an image of libvirt in it.
public enum CompressedStream: StreamFileKind {
    /// What error messages call such a file: in their list it follows the two kinds that come compressed.
    public static let phrase = "either compressed by gzip, bzip2, xz, lzop or zstd"
    /// What is in it shows only later.
    public static let shortPhrase = "a compressed file"
    /// Reading it, and planning its load by QEMU.
    ///
    /// To mend such a stream, decompress it into a pipe.
    public static let summary = SourceSummary(
        ofStreamsIn: "compressed stream", "a stream or libvirt image, compressed",
        abilities: [.read, .stream],
        needs: "the program that decompresses it",
        example: "vcpusnap convert vm.mig.zst -o vm.vcpusnap")

    /// In the place of a snapshot it may be one, compressed.
    public static func advice(for file: String, insteadOf expected: ExpectedFile) -> String? {
        expected == .snapshot
            ? "; decompress it first" : QEMUStreamFile.advice(for: file, insteadOf: expected)
    }

    /// Whether the file begins with the magic number of a compression that `Compression` lists.
    public static func recognizes(_ prefix: [UInt8]) -> Bool {
        Compression(ofFileBeginning: prefix) != nil
    }

    /// That of the kind that is compressed in it.
    public static func image(
        in input: ImageInput, snapshot: String?
    ) throws(SavedImageError) -> SavedImage {
        guard let compression = Compression(ofFileBeginning: input.prefix) else {
            throw try input.hasNoStream
        }
        return try input.decompressed(by: compression).image(snapshot: snapshot)
            .compressed(by: compression)
    }
}
