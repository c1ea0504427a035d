internal import QEMUStream

/// An image of libvirt, with a QEMU stream in it.
public enum LibvirtSaveFile: StreamFileKind {
    public static let phrase = "an image of \"virsh save\" or \"managedsave\""
    public static let summary = SourceSummary(
        ofStreamsIn: "libvirt image", "what virsh save or managedsave wrote",
        example: "vcpusnap mend vm.save --host rack1.vhost --policy fleet.vpolicy --in-place")

    public static func recognizes(_ prefix: [UInt8]) -> Bool {
        SavedImage.detect(prefix) == .libvirt
    }
}
