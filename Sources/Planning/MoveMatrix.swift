internal import Dispatch
public import Emulation
internal import Synchronization
internal import TextFormats
public import Transfer
public import VCPUModel

/// Who can move where: the verdicts of many guests on many hosts.
public struct MoveMatrix: Sendable {
    /// One guest on one host.
    public struct Cell: Hashable, Sendable {
        /// Whether the guest can go there, as `MovePlan` decides it.
        public var verdict: MovePlan.Verdict
        /// How many registers are lost and not pardoned, each counted once however many vCPUs lose it.
        public var lossCount: Int
    }

    /// A guest whose vCPUs move.
    public struct Source: Sendable {
        /// What the matrix calls the guest.
        public var name: String
        /// All vCPUs of the guest, and their provenance, which has the kernel and the counter's frequency.
        public var snapshot: Snapshot

        /// A guest with the name that the matrix is to call it by.
        public init(name: String, snapshot: Snapshot) {
            self.name = name
            self.snapshot = snapshot
        }

        /// The guests, each with a name of its own.
        package static func distinct(_ guests: [Source]) -> [Source] {
            zip(guests, guests.map(\.name).madeDistinct()).map {
                Source(name: $1, snapshot: $0.snapshot)
            }
        }
    }

    /// The guests' names, in the order of the rows.
    public let sources: [String]
    /// The profiles' names, in the order of the columns.
    public let hosts: [String]
    /// A row for each source, in it a cell for each host.
    public let cells: [[Cell]]

    /// Plans every source on every host, on all CPUs of this machine; no plan is kept.
    /// - Parameter progress: called with how many pairs are done, from any thread.
    /// - Throws: when a source has no vCPU.
    public init(
        of sources: [Source], on profiles: [HostProfile], policy: RestorePolicy,
        progress: @Sendable (Int) -> Void = { _ in }
    ) throws(RestoreError) {
        self.sources = sources.map(\.name)
        hosts = profiles.map(\.name)
        let columns = try Self.columns(of: sources, on: profiles, policy, progress)
        cells = sources.indices.map { row in columns.map { $0[row] } }
    }

    /// A host's column is the work of one thread: its register tables are made once and then dropped.
    private static func columns(
        of sources: [Source], on profiles: [HostProfile], _ policy: RestorePolicy,
        _ progress: @Sendable (Int) -> Void
    ) throws(RestoreError) -> [[Cell]] {
        let done = Atomic(0)
        let columns = Mutex(
            [Result<[Cell], RestoreError>](repeating: .success([]), count: profiles.count))
        DispatchQueue.concurrentPerform(iterations: profiles.count) { number in
            let column = Result { () throws(RestoreError) in
                try Self.column(of: sources, on: profiles[number], policy) {
                    progress(done.wrappingAdd(1, ordering: .relaxed).newValue)
                }
            }
            columns.withLock { $0[number] = column }
        }
        return try columns.withLock { $0 }.map { (column) throws(RestoreError) in
            try column.get()
        }
    }

    private static func column(
        of sources: [Source], on profile: HostProfile, _ policy: RestorePolicy,
        _ progress: () -> Void
    ) throws(RestoreError) -> [Cell] {
        let host = EmulatedHost(profile)
        return try sources.map { (source) throws(RestoreError) in
            let cell = try MovePlan.cell(of: source.snapshot, on: host, policy: policy)
            progress()
            return cell
        }
    }
}
