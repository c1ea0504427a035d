internal import QEMUStream

/// A QEMU migration stream and nothing else.
public enum QEMUStreamFile: StreamFileKind {
    public static let phrase = "a QEMU migration stream"
    public static let summary = SourceSummary(
        ofStreamsIn: "QEMU stream", "what QEMU's migrate file: or exec: wrote",
        example: "vcpusnap plan vm.mig --host other.vhost --qemu 10.0")

    public static func recognizes(_ prefix: [UInt8]) -> Bool {
        SavedImage.detect(prefix) == .stream
    }
}
