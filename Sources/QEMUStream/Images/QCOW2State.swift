internal import LinuxSystem

/// The state of a VM in an internal snapshot: guest clusters behind the end of the virtual disk, found
/// through the snapshot's two levels of tables.
final class QCOW2State: SeekableBytes {
    let image: any SeekableBytes
    let header: QCOW2Header
    let snapshot: QCOW2Snapshot
    /// Where the state begins, counted like offsets of the virtual disk.
    let start: Int64
    /// The second level table that was used last, and its index; empty for one that is not allocated.
    private var table: [UInt8] = []
    private var tableIndex: Int64 = -1
    /// Where that table is in the file.
    private var tablePlace: Int64 = 0

    var name: String { image.name }
    var size: Int64 { snapshot.stateSize }

    init(
        of snapshot: QCOW2Snapshot, in image: any SeekableBytes, _ header: QCOW2Header
    ) throws(SavedImageError) {
        self.image = image
        self.header = header
        self.snapshot = snapshot
        start = try Self.start(of: snapshot, in: image, header)
        // What is read first of any stream; errors have better words here than in read(at:count:).
        _ = try mapped(at: 0, count: Int(min(size, 8)))
        let end = min(size, Self.longestEnd)
        _ = try extents(at: size - end, count: end)
    }

    /// Checks that the first level table is in the file and covers the state, too.
    private static func start(
        of snapshot: QCOW2Snapshot, in image: any SeekableBytes, _ header: QCOW2Header
    ) throws(SavedImageError) -> Int64 {
        // At most 2^32 entries, which is checked here.
        guard let tableSize = (Checked(snapshot.tableEntries) * 8).value,
            tableSize <= SavedImageLimits.firstLevelTable
        else {
            throw SavedImageError(
                .limitExceeded, image.name, at: snapshot.entryOffset,
                "the first level table of its snapshot \(snapshot.shownID) has "
                    + "\(snapshot.tableEntries) entries of 8 bytes; at most "
                    + "\(SavedImageLimits.firstLevelTable) bytes are possible")
        }
        guard
            Range(at: snapshot.tableOffset, count: tableSize, inside: 0..<image.size) != nil
        else {
            throw .damaged(
                image.name, at: snapshot.entryOffset,
                "the tables of its snapshot \(snapshot.shownID) are not inside the file"
            )
        }
        let shift = UInt64(header.clusterBits) + UInt64(header.tableBits)
        let isWhole = snapshot.diskSize & ((1 << shift) - 1) == 0
        let diskEntries = Checked<Int64>(snapshot.diskSize >> shift) + (isWhole ? 0 : 1)
        let room = (Checked(snapshot.tableEntries) - diskEntries) << shift
        guard let start = (diskEntries << shift).value, let room = room.value,
            snapshot.stateSize <= room
        else {
            throw .damaged(
                image.name, at: snapshot.entryOffset,
                "the tables of its snapshot \(snapshot.shownID) do not reach to the end of its state"
            )
        }
        return start
    }

    /// Where the first byte of the state is in the file; nil where it reads as zero.
    var beginning: Int64? {
        get throws(SavedImageError) { try extents(at: 0, count: 1).first?.place }
    }

    func read(at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        if let error = rangeError(at: offset, count: count) { throw error }
        do throws(SavedImageError) {
            return try mapped(at: offset, count: count)
        } catch {
            throw FileError(.read, name, error.errno ?? .io)
        }
    }
}

extension QCOW2State {
    /// Consecutive bytes of the image, or zeros.
    private struct Extent {
        /// Where in the file; nil for zeros.
        var place: Int64?
        var count: Int64
    }

    private func mapped(at offset: Int64, count: Int) throws(SavedImageError) -> [UInt8] {
        let extents = try extents(at: offset, count: Int64(count))
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        for extent in extents {
            if let place = extent.place {
                bytes += try piece(at: place, count: Int(extent.count))
            } else {
                bytes += repeatElement(0, count: Int(extent.count))
            }
        }
        return bytes
    }

    /// Where part of the state is.
    ///
    /// No cluster stands for two positions, so that they cannot have more bytes than the file. A small file
    /// would else stand for a state of any length.
    private func extents(
        at offset: Int64, count: Int64
    ) throws(SavedImageError) -> [Extent] {
        var result: [Extent] = []
        var done: Int64 = 0
        var inFile: Int64 = 0
        while done < count {
            let extent = try extent(at: start + offset + done, upTo: count - done)
            result.append(extent)
            done += extent.count
            guard let place = extent.place else { continue }
            guard Range(at: place, count: extent.count, inside: 0..<image.size) != nil else {
                throw notInside(image.size)
            }
            inFile += extent.count
            guard inFile <= image.size else {
                throw .damaged(
                    name, at: snapshot.tableOffset,
                    "the tables of its snapshot \(snapshot.shownID) name one cluster for several "
                        + "parts of the state")
            }
        }
        return result
    }

    /// What belongs to `position`, with what follows it in the file, too.
    private func extent(
        at position: Int64, upTo count: Int64
    ) throws(SavedImageError) -> Extent {
        let size = Int64(header.clusterSize)
        let within = position % size
        let first = try place(of: position / size)
        var extent = Extent(place: first.map { $0 + within }, count: min(size - within, count))
        while extent.count < count {
            let next = try place(of: (position + extent.count) / size)
            guard next == extent.place.map({ $0 + extent.count }) else { break }
            extent.count = min(extent.count + size, count)
        }
        return extent
    }

    /// Where a cluster is in the file; nil when it reads as zeros.
    func place(of cluster: Int64) throws(SavedImageError) -> Int64? {
        let entries = Int64(1) << Int64(header.tableBits)
        try loadTable(cluster / entries)
        guard !table.isEmpty else { return nil }
        let offset = cluster % entries * 8
        let entry = table.bigEndian(at: Int(offset), as: UInt64.self)
        guard entry & Self.isCompressed == 0 else {
            throw .cannotRead(
                name, at: tablePlace + offset,
                "the state of its snapshot \(snapshot.shownID) is compressed")
        }
        // Such a cluster can have a place, too, which is only reserved.
        if header.version > 2, entry & Self.isZero != 0 { return nil }
        return try placeInFile(entry, namedAt: tablePlace + offset)
    }

    private func loadTable(_ index: Int64) throws(SavedImageError) {
        guard index != tableIndex else { return }
        guard let position = (Checked(index) * 8 + Checked(snapshot.tableOffset)).value else {
            throw .damaged(
                name, at: snapshot.entryOffset, "its snapshot \(snapshot.shownID) is too large")
        }
        let entry = try piece(at: position, count: 8)
        let place = try placeInFile(entry.bigEndian(at: 0, as: UInt64.self), namedAt: position)
        table = if let place { try piece(at: place, count: header.clusterSize) } else { [] }
        tablePlace = place ?? 0
        tableIndex = index
    }

    /// Where the cluster begins that an entry of either level, which stands at `position`, names; nil for none.
    func placeInFile(
        _ entry: UInt64, namedAt position: Int64
    ) throws(SavedImageError) -> Int64? {
        let place = Int64(entry & Self.offsetMask)
        guard place % Int64(header.clusterSize) == 0 else {
            throw .damaged(
                name, at: position,
                "a table of its snapshot \(snapshot.shownID) names byte \(place), where no "
                    + "cluster begins")
        }
        guard place < image.size else { throw notInside(position) }
        return place == 0 ? nil : place
    }

    func piece(at place: Int64, count: Int) throws(SavedImageError) -> [UInt8] {
        guard Range(at: place, count: count, inside: 0..<image.size) != nil else {
            throw notInside(image.size)
        }
        return try SavedImageError.reading(try image.read(at: place, count: count))
    }

    /// - Parameter offset: of the entry that names the cluster, or where the file ends inside it.
    private func notInside(_ offset: Int64) -> SavedImageError {
        .damaged(
            name, at: offset,
            "a cluster of its snapshot \(snapshot.shownID) is not inside the file")
    }

    /// What is read of a stream at most, from its end: its devices and their description.
    static let longestEnd: Int64 = 64 << 20
    private static let isCompressed: UInt64 = 1 << 62
    private static let isZero: UInt64 = 1
    /// Bits 9 to 55 of an entry.
    static let offsetMask: UInt64 = 0x00ff_ffff_ffff_fe00
}
