internal import LinuxSystem
internal import TextFormats

/// What the header of a qcow2 image says about its snapshots; all its numbers are big-endian.
///
/// QEMU's `docs/interop/qcow2.txt`.
public struct QCOW2Header {
    private static let magic: [UInt8] = [0x51, 0x46, 0x49, 0xfb]
    private static let sizes: [UInt32: Int] = [2: 72, 3: 104]

    let version: UInt32
    let clusterBits: UInt32
    /// Of the virtual disk, in bytes.
    let diskSize: UInt64
    let snapshotCount: Int
    let snapshotsOffset: Int64
    /// Where the table of the tables of reference counts begins, and how many clusters it has.
    let countsOffset: Int64
    let countsClusters: UInt32
    /// Of a reference count; nil for a width that is not known here.
    let countBits: Int?
    /// Why nothing may be written into the image; nil where it may.
    let whyReadOnly: String?

    /// The bits of an index into a second level table, which fills one cluster.
    var tableBits: UInt32 { clusterBits - 3 }
    var clusterSize: Int { 1 << clusterBits }

    /// Whether a file that begins with these bytes, `QFI\xfb`, is a qcow2 image.
    public static func isBeginning(_ prefix: [UInt8]) -> Bool { prefix.starts(with: magic) }

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
        countsOffset = Int64(clamping: bytes.bigEndian(at: 48, as: UInt64.self))
        countsClusters = bytes.bigEndian(at: 56, as: UInt32.self)
        // The width is a power of two, whose exponent stands there in version 3.
        let widths: [UInt32: Int] = [3: 8, 4: 16, 5: 32, 6: 64]
        countBits = version == 2 ? 16 : widths[bytes.bigEndian(at: 96, as: UInt32.self)]
        whyReadOnly = version == 2 ? nil : Self.whyReadOnly(bytes)
    }

    private static func whyReadOnly(_ bytes: [UInt8]) -> String? {
        let features = bytes.bigEndian(at: 72, as: UInt64.self)
        if features & 1 << 1 != 0 { return "it is marked as corrupt: see qemu-img check" }
        if features & 1 != 0 {
            return "its reference counts are not up to date: qemu-img check -r all makes them so"
        }
        // Bitmaps and raw external data stay as they are.
        let unknown = bytes.bigEndian(at: 88, as: UInt64.self) & ~0b11
        return unknown == 0
            ? nil : "it has features that a change would make untrue (\(unknown.hex))"
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
