/// The most that is accepted (`Formats/saved-images.md`, section "Limits").
package enum SavedImageLimits {
    /// Bytes of the domain XML in a libvirt image.
    package static let domainXML = 8 << 20
    /// Compressed files inside compressed files.
    package static let compressions = 2
    /// Bytes that may come out of decompressing for each byte that goes in.
    package static let expansion = 256
    /// Bytes that may come out beside them.
    package static let freeExpansion: Int64 = 64 << 20
    /// Snapshots in a qcow2 image, as in QEMU.
    package static let snapshots = 65536
    /// Bytes of a qcow2 image's snapshot table, as in QEMU.
    package static let snapshotTable: Int64 = 64 << 20
    /// Bytes of a snapshot's first level table, as in QEMU.
    package static let firstLevelTable: Int64 = 32 << 20
    /// The bits of an offset inside a cluster, as in QEMU: 512 bytes to 2 MiB.
    static let clusterBits: ClosedRange<UInt32> = 9...21
}
