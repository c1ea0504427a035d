package import LinuxSystem
internal import TextFormats

extension QCOW2State {
    /// What to change in the image so that the state is what a patch of it makes.
    ///
    /// Bytes go where the state's clusters are. What has no cluster yet gets one behind the image, with its reference count.
    /// - Throws: `unsupported` where the image or its snapshots do not allow it.
    func changes(for patch: FilePatch) throws(SavedImageError) -> FilePatch {
        guard let first = patch.replacements.first?.range.lowerBound else { return patch }
        if let reason = header.whyReadOnly { throw .cannotChange(name, reason) }
        guard size - first <= Self.longestEnd else {
            throw .cannotChange(
                name, "its vCPUs are more than \(Self.longestEnd) bytes before the state's end")
        }
        let old = try SavedImageError.reading(
            try read(at: first, count: Int(size - first)))
        let new = patch.end(from: first, of: old)
        try checkReach(of: first + Int64(new.count))
        var writer = ClusterChanges(state: self)
        try writer.write(new, over: old, at: start + first)
        let all = writer.replacements + changes(ofSize: size + patch.growth)
        guard let result = FilePatch(unchecked: all) else {
            throw .damaged(
                name, at: snapshot.entryOffset,
                "the tables of its snapshot \(snapshot.shownID) name one cluster twice")
        }
        return result
    }

    /// The first level table is not made longer.
    private func checkReach(of newSize: Int64) throws(SavedImageError) {
        let shift = UInt64(header.clusterBits) + UInt64(header.tableBits)
        let end = (Checked(start) + Checked(newSize)).value
        let room = (Checked(snapshot.tableEntries) << shift).value
        guard let end, let room, end <= room else {
            throw .cannotChange(name, "the tables of its snapshot have no room for a longer state")
        }
    }

    /// The state's size stands in the snapshot's entry, in one or two places.
    private func changes(ofSize newSize: Int64) -> [FilePatch.Replacement] {
        guard newSize != size else { return [] }
        let short = snapshot.entryOffset + 32
        let long = snapshot.entryOffset + 40
        let number = UInt64(newSize)
        // QEMU leaves the short one 0 where the size does not fit, and does not look at it where there is the other.
        let low = number <= UInt64(UInt32.max) ? number : 0
        let own = [FilePatch.Replacement(short..<short + 4, BigEndian.bytes(low, 4))]
        return snapshot.extraSize < 8
            ? own : own + [FilePatch.Replacement(long..<long + 8, BigEndian.bytes(number, 8))]
    }
}

/// Collects the changes of an image.
private struct ClusterChanges {
    let state: QCOW2State
    private var changes: [FilePatch.Replacement] = []
    /// What follows the image: what its last cluster lacks, and clusters that are added.
    private var beyond: [UInt8]
    private var isLonger = false

    init(state: QCOW2State) {
        self.state = state
        let rest = state.image.size % Int64(state.header.clusterSize)
        let missing = rest == 0 ? 0 : state.header.clusterSize - Int(rest)
        beyond = [UInt8](repeating: 0, count: missing)
    }

    private var clusterSize: Int { state.header.clusterSize }

    var replacements: [FilePatch.Replacement] {
        let end = state.image.size
        return isLonger ? changes + [FilePatch.Replacement(end..<end, beyond)] : changes
    }

    /// - Parameter position: where the bytes begin, counted like offsets of the virtual disk.
    mutating func write(
        _ new: [UInt8], over old: [UInt8], at position: Int64
    ) throws(SavedImageError) {
        var done = 0
        while done < new.count {
            let here = position + Int64(done)
            let within = Int(here % Int64(clusterSize))
            let range = done..<min(done + clusterSize - within, new.count)
            done = range.upperBound
            let isSame = range.upperBound <= old.count && new[range] == old[range]
            if isSame { continue }
            let cluster = here / Int64(clusterSize)
            guard let place = try state.place(of: cluster) else {
                try add(cluster, Array(new[range]), at: within)
                continue
            }
            try checkIsOwn(place, "a cluster")
            try put(Array(new[range]), at: place + Int64(within))
        }
    }

    /// Bytes for a place in the image, whose last cluster need not be whole.
    private mutating func put(_ bytes: [UInt8], at place: Int64) throws(SavedImageError) {
        let end = state.image.size
        guard place + Int64(bytes.count) <= end + Int64(beyond.count) else {
            throw .damaged(
                state.name, at: place,
                "a cluster of its snapshot \(state.snapshot.shownID) is not inside the file")
        }
        let inside = Int(min(max(end - place, 0), Int64(bytes.count)))
        if inside > 0 {
            changes.append(
                FilePatch.Replacement(
                    place..<place + Int64(inside), Array(bytes[..<inside])))
        }
        guard inside < bytes.count else { return }
        let start = Int(place + Int64(inside) - end)
        beyond.replaceSubrange(start..<start + bytes.count - inside, with: bytes[inside...])
        isLonger = true
    }

    private mutating func add(
        _ cluster: Int64, _ bytes: [UInt8], at within: Int
    ) throws(SavedImageError) {
        let place = state.image.size + Int64(beyond.count)
        let entries = Int64(1) << Int64(state.header.tableBits)
        guard let table = try state.table(at: cluster / entries) else {
            throw .cannotChange(state.name, "its snapshot has no table for a longer state")
        }
        try checkIsOwn(table, "a table")
        guard let count = try state.count(of: place / Int64(clusterSize)), count.value == 0 else {
            throw .cannotChange(
                state.name, "its reference counts have no room for another cluster")
        }
        try put(BigEndian.bytes(UInt64(place), 8), at: table + cluster % entries * 8)
        try put(BigEndian.bytes(1, count.width), at: count.place)
        var content = [UInt8](repeating: 0, count: clusterSize)
        content.replaceSubrange(within..<within + bytes.count, with: bytes)
        beyond += content
        isLonger = true
    }

    /// Nothing is changed that belongs to another snapshot or the disk, too.
    private func checkIsOwn(_ place: Int64, _ what: String) throws(SavedImageError) {
        guard try state.count(of: place / Int64(clusterSize))?.value == 1 else {
            throw .cannotChange(
                state.name,
                "\(what) of its snapshot \(state.snapshot.shownID) belongs to another, too")
        }
    }
}

extension QCOW2State {
    /// Where a second level table is; nil for one that is not allocated.
    fileprivate func table(at index: Int64) throws(SavedImageError) -> Int64? {
        guard let position = (Checked(index) * 8 + Checked(snapshot.tableOffset)).value else {
            return nil
        }
        let entry = try piece(at: position, count: 8).bigEndian(at: 0, as: UInt64.self)
        return try placeInFile(entry, namedAt: position)
    }

    /// The reference count of a cluster of the file and where it stands; nil where there is no place for it.
    fileprivate func count(
        of cluster: Int64
    ) throws(SavedImageError) -> (place: Int64, width: Int, value: UInt64)? {
        guard let bits = header.countBits else { return nil }
        let width = bits / 8
        let inBlock = Int64(header.clusterSize / width)
        let index = cluster / inBlock
        let room = Checked(Int64(header.countsClusters)) * Checked(Int64(header.clusterSize / 8))
        guard let room = room.value, index < room,
            let position = (Checked(index) * 8 + Checked(header.countsOffset)).value
        else { return nil }
        let entry = try piece(at: position, count: 8).bigEndian(at: 0, as: UInt64.self)
        guard let block = try placeInFile(entry, namedAt: position) else { return nil }
        let place = block + cluster % inBlock * Int64(width)
        let bytes = try piece(at: place, count: width)
        return (place, width, bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }
}

extension SavedImageError {
    /// For an image that is not as it must be to be changed.
    static func cannotChange(_ file: String, _ why: String) -> SavedImageError {
        SavedImageError(
            .unsupported, file,
            "\(why): load the snapshot in the QEMU that made it, and save the VM with \"migrate file:NAME\""
        )
    }
}

extension SavedImage {
    /// Changes of the stream, as changes of the file that holds it.
    /// - Throws: where the file does not allow them.
    package func changes(for patch: FilePatch) throws(SavedImageError) -> FilePatch {
        guard let state = stream as? QCOW2State else { return patch.moved(by: streamOffset) }
        return try state.changes(for: patch)
    }
}
