internal import LinuxSystem

/// An internal snapshot of a qcow2 image.
package struct QCOW2Snapshot: Hashable, Sendable {
    /// Unique in the image: `1`, `2`.
    package let id: String
    /// As given to `savevm`.
    package let name: String
    /// When it was taken: seconds since 1970-01-01T00:00:00Z, and nanoseconds.
    package let seconds: UInt32
    /// The nanoseconds on top of `seconds`, as the file has them.
    package let nanoseconds: UInt32
    /// How many bytes the VM's state has; 0 for a snapshot of the disk alone.
    package let stateSize: Int64

    /// Where its entry begins in the file, and how much extra data it has.
    let entryOffset: Int64
    let extraSize: UInt32
    /// Where the first level table is in the file, and how many entries it has.
    let tableOffset: Int64
    let tableEntries: Int64
    /// Of the virtual disk when the snapshot was taken, in bytes: the state begins behind it.
    let diskSize: UInt64
}

extension QCOW2Snapshot {
    /// For messages.
    var shownID: String { Shown.text(id.utf8) }

    /// Reads the table of snapshots.
    static func all(
        of image: any SeekableBytes, _ header: QCOW2Header
    ) throws(SavedImageError) -> [QCOW2Snapshot] {
        var reader = TableReader(
            image: image, start: header.snapshotsOffset, position: header.snapshotsOffset)
        var snapshots: [QCOW2Snapshot] = []
        for _ in 0..<header.snapshotCount {
            snapshots.append(try QCOW2Snapshot(from: &reader, header))
        }
        return snapshots
    }

    private static let fixedSize = 40

    private init(from reader: inout TableReader, _ header: QCOW2Header) throws(SavedImageError) {
        try reader.align()
        entryOffset = reader.position
        let fixed = try reader.take(Self.fixedSize)
        extraSize = fixed.bigEndian(at: 36, as: UInt32.self)
        let extra = try reader.take(Int(min(extraSize, 16)))
        try reader.skip(Checked(extraSize) - Checked(extra.count))
        tableOffset = Int64(clamping: fixed.bigEndian(at: 0, as: UInt64.self))
        tableEntries = Int64(fixed.bigEndian(at: 8, as: UInt32.self))
        seconds = fixed.bigEndian(at: 16, as: UInt32.self)
        nanoseconds = fixed.bigEndian(at: 20, as: UInt32.self)
        // The 32-bit size counts only where there is no larger one.
        let size =
            extra.count >= 8
            ? extra.bigEndian(at: 0, as: UInt64.self)
            : UInt64(fixed.bigEndian(at: 32, as: UInt32.self))
        stateSize = Int64(clamping: size)
        diskSize = extra.count >= 16 ? extra.bigEndian(at: 8, as: UInt64.self) : header.diskSize
        id = try reader.text(Int(fixed.bigEndian(at: 12, as: UInt16.self)))
        name = try reader.text(Int(fixed.bigEndian(at: 14, as: UInt16.self)))
    }

    /// Reads the entries, which have different sizes, one after the other.
    private struct TableReader {
        let image: any SeekableBytes
        let start: Int64
        var position: Int64

        mutating func align() throws(SavedImageError) {
            try skip(Checked((8 - position % 8) % 8))
        }

        mutating func skip(_ count: Checked<Int64>) throws(SavedImageError) {
            guard let end = (Checked(position) + count).value, end <= image.size else {
                throw .damaged(
                    image.name, at: position, "its snapshot table does not end inside the file"
                )
            }
            let size = (Checked(end) - Checked(start)).value ?? .max
            guard size <= SavedImageLimits.snapshotTable else {
                throw SavedImageError(
                    .limitExceeded, image.name, at: position,
                    "its snapshot table has more than \(SavedImageLimits.snapshotTable) bytes")
            }
            position = end
        }

        mutating func take(_ count: Int) throws(SavedImageError) -> [UInt8] {
            let place = position
            try skip(Checked(count))
            return try SavedImageError.reading(try image.read(at: place, count: count))
        }

        mutating func text(_ count: Int) throws(SavedImageError) -> String {
            String(decoding: try take(count), as: UTF8.self)
        }
    }
}

extension QCOW2Snapshot {
    /// The snapshot of that id or name, or else the newest one, that has the state of a VM.
    static func choose(
        _ wanted: String?, of snapshots: [QCOW2Snapshot], in file: String
    ) throws(SavedImageError) -> QCOW2Snapshot {
        let withState = snapshots.filter { $0.stateSize > 0 }
        let chosen =
            if let wanted {
                // As QEMU looks: an id comes before a name.
                withState.first { $0.id == wanted } ?? withState.first { $0.name == wanted }
            } else {
                withState.max { ($0.seconds, $0.nanoseconds) < ($1.seconds, $1.nanoseconds) }
            }
        guard let chosen else { throw noSuchSnapshot(wanted, snapshots, file) }
        return chosen
    }

    private static func noSuchSnapshot(
        _ wanted: String?, _ snapshots: [QCOW2Snapshot], _ file: String
    ) -> SavedImageError {
        let named = wanted.map { " with the id or name \"\(Shown.text($0.utf8))\"" } ?? ""
        let there = snapshots.prefix(20).map { snapshot in
            let state = snapshot.stateSize > 0 ? "" : " (the disk alone)"
            return "\(snapshot.shownID) \"\(Shown.text(snapshot.name.utf8))\"\(state)"
        }
        let more = snapshots.count > 20 ? ", and \(snapshots.count - 20) more" : ""
        let list =
            there.isEmpty
            ? "it has no internal snapshots: make one with QEMU's \"savevm\", or \"virsh "
                + "snapshot-create\" while the VM runs"
            : "it has \(there.joined(separator: ", "))\(more)"
        return SavedImageError(
            .noSuchSnapshot, file,
            "this qcow2 image has no internal snapshot\(named) with the state of a VM; \(list)")
    }
}
