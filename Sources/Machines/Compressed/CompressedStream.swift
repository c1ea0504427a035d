package import QEMUStream

/// A compressed file, with a QEMU stream or a libvirt image in it.
package enum CompressedStream: StreamFileKind {
    /// What error messages call such a file: in their list it follows the two kinds that come compressed.
    package static let phrase = "either compressed by gzip, bzip2, xz, lzop or zstd"
    /// What is in it shows only later.
    package static let shortPhrase = "a compressed file"
    /// Reading it, and planning its load by QEMU.
    ///
    /// To mend such a stream, decompress it into a pipe.
    package static let summary = SourceSummary(
        ofStreamsIn: "compressed stream", "a stream or libvirt image, compressed",
        abilities: [.read, .convert, .load],
        needs: "the program that decompresses it",
        example: "vcpusnap convert vm.mig.zst -o vm.vcpusnap")

    /// In the place of a snapshot it may be one, compressed.
    package static func advice(for file: String, insteadOf expected: ExpectedFile) -> String? {
        expected == .snapshot
            ? "; decompress it first" : QEMUStreamFile.advice(for: file, insteadOf: expected)
    }

    /// Whether the file begins with the magic number of a compression that `Compression` lists.
    package static func recognizes(_ prefix: [UInt8]) -> Bool {
        Compression(ofFileBeginning: prefix) != nil
    }

    /// That of the kind that is compressed in it.
    /// - Throws: where it cannot be decompressed, or holds no stream.
    package static func image(
        in input: ImageInput, snapshot: String?
    ) throws(SavedImageError) -> SavedImage {
        guard let compression = Compression(ofFileBeginning: input.prefix) else {
            throw try input.hasNoStream
        }
        return try input.decompressed(by: compression).image(snapshot: snapshot)
            .compressed(by: compression)
    }
}
