internal import LinuxSystem
internal import Transfer
internal import VCPUModel

/// The SOURCE of a command: a snapshot file, or vCPUs of a host in their reset state.
struct SnapshotSource {
    private let location: Location

    init(_ location: Location) {
        self.location = location
    }

    /// The snapshot, and the registers a host listed but did not let us read.
    /// - Parameter vcpus: how many to make where the source is a host.
    func read(
        vcpus: Int = 1
    ) throws -> (snapshot: Snapshot, unreadable: [RegisterBankError]) {
        guard let host = location.host else {
            return (try SnapshotFile.read(location), [])
        }
        let made = try HostMachine.make(host, vcpus: vcpus)
        try made.initialise()
        return try Self.capture(made.banks, made.provenance.from(location))
    }

    /// Reads all banks into one snapshot.
    static func capture(
        _ banks: [any RegisterBank], _ provenance: Provenance
    ) throws(RegisterBankError) -> (snapshot: Snapshot, unreadable: [RegisterBankError]) {
        var snapshot = Snapshot(provenance: provenance, vcpus: [])
        var unreadable: [RegisterBankError] = []
        for (index, bank) in banks.enumerated() {
            let capture = try Capture(of: bank, index: UInt32(clamping: index))
            snapshot.vcpus.append(capture.state)
            unreadable += capture.unreadable
        }
        return (snapshot, unreadable)
    }
}

extension Provenance {
    /// The same, with the host that was read.
    func from(_ location: Location) -> Provenance {
        var result = self
        result[.source] = location.text
        return result
    }
}
