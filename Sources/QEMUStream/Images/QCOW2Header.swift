internal import LinuxSystem
internal import TextFormats

/// What the header of a qcow2 image says about its snapshots; all its numbers are big-endian.
///
/// QEMU's `docs/interop/qcow2.txt`.
struct QCOW2Header {
    private static let sizes: [UInt32: Int] = [2: 72, 3: 104]

    let version: UInt32
    let clusterBits: UInt32
    /// Of the virtual disk, in bytes.
    let diskSize: UInt64
    let snapshotCount: Int
    let snapshotsOffset: Int64

    /// The bits of an index into a second level table, which fills one cluster.
    var tableBits: UInt32 { clusterBits - 3 }
    var clusterSize: Int { 1 << clusterBits }

    init(of image: any SeekableBytes) throws(SavedImageError) {
        let bytes = try SavedImageError.reading(try image.readWhatIsThere(at: 0, upTo: 104))
        let version = bytes.count < 8 ? 0 : bytes.bigEndian(at: 4, as: UInt32.self)
        guard bytes.count >= 8, let size = Self.sizes[version] else {
            throw SavedImageError(
                .unsupported, image.name, at: 4,
                "its qcow2 header has version \(version); this program reads 2 and 3")
        }
        guard bytes.count >= size else {
            throw .damaged(image.name, at: Int64(bytes.count), "it ends inside the header")
        }
        try self.init(bytes, version, image.name)
        try check(bytes, image.name)
    }

    private init(_ bytes: [UInt8], _ version: UInt32, _ file: String) throws(SavedImageError) {
        self.version = version
        clusterBits = bytes.bigEndian(at: 20, as: UInt32.self)
        diskSize = bytes.bigEndian(at: 24, as: UInt64.self)
        let count = bytes.bigEndian(at: 60, as: UInt32.self)
        guard count <= SavedImageLimits.snapshots else {
            throw SavedImageError(
                .limitExceeded, file, at: 60,
                "it has \(count) snapshots; at most \(SavedImageLimits.snapshots) are possible")
        }
        snapshotCount = Int(count)
        snapshotsOffset = Int64(clamping: bytes.bigEndian(at: 64, as: UInt64.self))
    }

    private func check(_ bytes: [UInt8], _ file: String) throws(SavedImageError) {
        guard SavedImageLimits.clusterBits ~= clusterBits else {
            throw .damaged(
                file, at: 20, "its clusters have 2^\(clusterBits) bytes; 2^9 to 2^21 are possible")
        }
        guard bytes.bigEndian(at: 32, as: UInt32.self) == 0 else {
            throw .cannotRead(file, at: 32, "it is encrypted")
        }
        if version == 3 { try checkFeatures(bytes.bigEndian(at: 72, as: UInt64.self), file) }
    }

    private func checkFeatures(_ features: UInt64, _ file: String) throws(SavedImageError) {
        if features & 1 << 2 != 0 {
            throw .cannotRead(file, at: 72, "its data is in an external file, beside the image")
        }
        if features & 1 << 4 != 0 {
            throw .cannotRead(file, at: 72, "its clusters have subclusters (extended_l2=on)")
        }
        // Dirty and corrupt images can be read, and how clusters are compressed does not matter.
        let unknown = features & ~0b1_1111
        guard unknown == 0 else {
            throw .cannotRead(
                file, at: 72, "it needs features that are not known here (\(unknown.hex))")
        }
    }
}

extension SavedImageError {
    /// For a qcow2 image that breaks a rule.
    static func damaged(_ file: String, at offset: Int64, _ what: String) -> SavedImageError {
        SavedImageError(
            .malformed, file, at: offset,
            "\(what): the qcow2 image is damaged; see what \"qemu-img check\" says of it")
    }

    /// For a kind of qcow2 image that is not read here.
    static func cannotRead(_ file: String, at offset: Int64, _ what: String) -> SavedImageError {
        SavedImageError(
            .unsupported, file, at: offset,
            "\(what), which this program does not read: load the snapshot in QEMU (\"loadvm\") and "
                + "save the VM with \"migrate file:NAME\"")
    }
}
