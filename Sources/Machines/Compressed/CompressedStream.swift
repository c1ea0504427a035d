internal import QEMUStream

/// A compressed file, with a QEMU stream or an image of libvirt in it.
public enum CompressedStream: StreamFileKind {
    public static let phrase = "either compressed by gzip, bzip2, xz, lzop or zstd"
    public static let summary = SourceSummary(
        ofStreamsIn: "compressed stream", "a stream or libvirt image, compressed",
        needs: "the program that decompresses it",
        example: "vcpusnap convert vm.mig.zst -o vm.vcpusnap")

    public static func recognizes(_ prefix: [UInt8]) -> Bool {
        if case .compressed = SavedImage.detect(prefix) { return true }
        return false
    }
}
