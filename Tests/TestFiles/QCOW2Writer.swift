/// Makes qcow2 images, as far as internal snapshots need them.
package struct QCOW2Writer {
    package struct Snapshot {
        package var id = "1"
        package var name = "one"
        package var seconds: UInt32 = 1
        /// Clusters that are all zeros are not allocated.
        package var state: [UInt8]
        /// How many bytes of extra data the entry has.
        package var extra = 16
        /// Instead of what the state has.
        package var stateSize: UInt64?
        package var tableEntries: UInt32?
        /// Set in every entry of the second level.
        package var entryBits: UInt64 = 0
        /// Whether clusters with the same bytes are one in the file.
        package var sharesClusters = false

        package init(
            id: String = "1", name: String = "one", seconds: UInt32 = 1, state: [UInt8],
            extra: Int = 16, stateSize: UInt64? = nil, tableEntries: UInt32? = nil,
            entryBits: UInt64 = 0, sharesClusters: Bool = false
        ) {
            self.id = id
            self.name = name
            self.seconds = seconds
            self.state = state
            self.extra = extra
            self.stateSize = stateSize
            self.tableEntries = tableEntries
            self.entryBits = entryBits
            self.sharesClusters = sharesClusters
        }
    }

    package var version: UInt32 = 3
    package var clusterBits: UInt32 = 12
    package var diskSize: UInt64 = 5_000_000
    /// When the snapshots were taken.
    package var oldDiskSize: UInt64 = 5_000_000
    package var encryption: UInt32 = 0
    package var features: UInt64 = 0
    package var snapshotCount: UInt32?
    package var snapshots: [Snapshot]
    /// Whether there are reference counts, of 1 for each cluster.
    package var hasCounts = false

    package init(
        version: UInt32 = 3, clusterBits: UInt32 = 12, diskSize: UInt64 = 5_000_000,
        oldDiskSize: UInt64 = 5_000_000, encryption: UInt32 = 0, features: UInt64 = 0,
        snapshotCount: UInt32? = nil, snapshots: [Snapshot], hasCounts: Bool = false
    ) {
        self.version = version
        self.clusterBits = clusterBits
        self.diskSize = diskSize
        self.oldDiskSize = oldDiskSize
        self.encryption = encryption
        self.features = features
        self.snapshotCount = snapshotCount
        self.snapshots = snapshots
        self.hasCounts = hasCounts
    }

    package func image() -> [UInt8] {
        var file = [UInt8](repeating: 0, count: cluster)
        var table: [UInt8] = []
        for snapshot in snapshots {
            table += [UInt8](repeating: 0, count: (8 - table.count % 8) % 8)
            table += entry(snapshot, into: &file)
        }
        let place = append(table, to: &file)
        file.replaceSubrange(0..<104, with: header(UInt64(place)))
        if hasCounts { appendCounts(to: &file) }
        return file
    }

    /// Two bytes for each cluster, also of the counts themselves and their table.
    private func appendCounts(to file: inout [UInt8]) {
        let inBlock = cluster / 2
        let blocks = (file.count / cluster + 1) / (inBlock - 1) + 1
        let clusters = file.count / cluster + blocks + 1
        let counts = (0..<blocks * inBlock).flatMap { $0 < clusters ? [0, 1] as [UInt8] : [0, 0] }
        let place = append(counts, to: &file)
        let table = (0..<blocks).flatMap { Images.big(UInt64(place + $0 * cluster)) }
        let tablePlace = append(table, to: &file)
        file.replaceSubrange(48..<60, with: Images.big(UInt64(tablePlace)) + Images.big(UInt32(1)))
        file.replaceSubrange(96..<104, with: Images.big(UInt32(4)) + Images.big(UInt32(104)))
    }

    private var cluster: Int { 1 << clusterBits }
    private var entries: Int { cluster / 8 }

    private func header(_ table: UInt64) -> [UInt8] {
        let magic: [UInt8] = [0x51, 0x46, 0x49, 0xfb]
        let count = snapshotCount ?? UInt32(snapshots.count)
        var bytes = magic + Images.big(version) + [UInt8](repeating: 0, count: 12)
        bytes += Images.big(clusterBits) + Images.big(diskSize) + Images.big(encryption)
        bytes += [UInt8](repeating: 0, count: 24) + Images.big(count) + Images.big(table)
        return bytes + Images.big(features) + [UInt8](repeating: 0, count: 24)
    }

    private func entry(_ snapshot: Snapshot, into file: inout [UInt8]) -> [UInt8] {
        let level1 = firstLevel(snapshot, into: &file)
        let place = append(level1.flatMap { Images.big($0) }, to: &file)
        let size = snapshot.stateSize ?? UInt64(snapshot.state.count)
        let small = snapshot.extra < 8 ? UInt32(size) : 0
        var bytes = Images.big(UInt64(place))
        bytes += Images.big(snapshot.tableEntries ?? UInt32(level1.count))
        bytes += Images.big(UInt16(snapshot.id.utf8.count))
        bytes += Images.big(UInt16(snapshot.name.utf8.count))
        bytes += Images.big(snapshot.seconds) + [UInt8](repeating: 0, count: 12)
        bytes += Images.big(small) + Images.big(UInt32(snapshot.extra))
        let extra = Images.big(size) + Images.big(oldDiskSize) + [9, 9, 9, 9, 9, 9, 9, 9]
        return bytes + extra.prefix(snapshot.extra) + snapshot.id.utf8 + snapshot.name.utf8
    }

    private func firstLevel(_ snapshot: Snapshot, into file: inout [UInt8]) -> [UInt64] {
        let covered = cluster * entries
        var shared: [ArraySlice<UInt8>: Int] = [:]
        var level1 = [UInt64](repeating: 0, count: (Int(oldDiskSize) + covered - 1) / covered)
        for part in stride(from: 0, to: snapshot.state.count, by: covered) {
            let bytes = snapshot.state[part..<min(part + covered, snapshot.state.count)]
            let level2 = stride(from: part, to: bytes.endIndex, by: cluster).map { start in
                let data = bytes[start..<min(start + cluster, bytes.endIndex)]
                let place =
                    data.allSatisfy { $0 == 0 }
                    ? 0 : shared[data] ?? append(Array(data), to: &file)
                if snapshot.sharesClusters { shared[data] = place }
                return UInt64(place) | snapshot.entryBits
            }
            let isEmpty = level2.allSatisfy { $0 == 0 }
            level1.append(
                isEmpty ? 0 : UInt64(append(level2.flatMap { Images.big($0) }, to: &file)) | 1 << 63
            )
        }
        return level1
    }

    /// Appends clusters; where they begin.
    private func append(_ bytes: [UInt8], to file: inout [UInt8]) -> Int {
        let place = file.count
        let padding = (cluster - bytes.count % cluster) % cluster
        file += bytes + [UInt8](repeating: 0, count: padding)
        return place
    }
}
