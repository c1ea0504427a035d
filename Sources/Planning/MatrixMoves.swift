public import Emulation
public import Registers
public import Transfer
internal import VCPUModel

/// The moves of a matrix by their kinds.
///
/// A fleet of hundreds has few kinds of hosts: guests and hosts that are the same but for their names have the same
/// plan.
public struct MatrixMoves: Sendable {
    /// Of a move; the numbers are those of the first guest and the first host of the kind.
    public struct Kind: Hashable, Sendable {
        fileprivate var guest: Int
        fileprivate var host: Int
    }

    /// What plans call the host: some reasons name it, and would be of one host only.
    private static let hostName = "the destination"

    private let guests: [MoveMatrix.Source]
    private let profiles: [HostProfile]
    private let policy: RestorePolicy
    private let guestKinds: [Int]
    private let hostKinds: [Int]

    /// Finds the kinds; nothing is planned yet.
    public init(of guests: [MoveMatrix.Source], on profiles: [HostProfile], policy: RestorePolicy) {
        self.guests = guests
        self.profiles = profiles.map(Self.withoutName)
        self.policy = policy
        guestKinds = Self.kinds(of: guests.map { Self.withoutOrigin($0.snapshot) })
        hostKinds = Self.kinds(of: self.profiles)
    }

    /// The kind of the move of a guest to a host, by their numbers in the matrix.
    public func kind(ofGuest guest: Int, host: Int) -> Kind {
        Kind(guest: guestKinds[guest], host: hostKinds[host])
    }

    /// The plan of the moves of a kind, made now.
    /// - Throws: when the guest has no vCPU.
    public func plan(_ kind: Kind) throws(RestoreError) -> MovePlan {
        try MovePlan(of: guests[kind.guest].snapshot, on: profiles[kind.host], policy: policy)
    }

    /// What keeps guests from moving: for each guest, and in that for each host, the causes of what is lost and not
    /// pardoned.
    /// - Parameter matrix: that of the same guests and hosts.
    /// - Throws: when a guest has no vCPU.
    public func causes(in matrix: MoveMatrix) throws(RestoreError) -> [[[Cause]]] {
        var known: [Kind: [Cause]] = [:]
        return try matrix.cells.enumerated().map { (guest, cells) throws(RestoreError) in
            try cells.enumerated().map { (host, cell) throws(RestoreError) in
                let kind = kind(ofGuest: guest, host: host)
                guard cell.lossCount > 0 else { return [] }
                if let causes = known[kind] { return causes }
                let causes = LossSum(of: try plan(kind)).causes.sorted()
                known[kind] = causes
                return causes
            }
        }
    }

    /// Whether a move brings a guest to another implementation of the architecture.
    public func isToOtherCPU(guest: Int, host: Int) -> Bool {
        guests[guest].snapshot.isOfOtherImplementation(than: profiles[host])
    }

    /// For each element the number of the first that equals it.
    private static func kinds(of elements: [some Hashable]) -> [Int] {
        var first: [AnyHashable: Int] = [:]
        return elements.enumerated().map { number, element in
            if let known = first[element] { return known }
            first[element] = number
            return number
        }
    }

    private static func withoutName(_ profile: HostProfile) -> HostProfile {
        var profile = profile
        profile.name = hostName
        profile.extensions = []
        return profile
    }

    /// Without what says only when and how it was read.
    private static func withoutOrigin(_ snapshot: Snapshot) -> Snapshot {
        var snapshot = snapshot
        for key in [Provenance.Key.tool, .time, .source] { snapshot.provenance[key] = nil }
        return snapshot
    }
}

/// What the losses of a move come to, over all of its units.
public struct LossSum: Sendable {
    /// The registers whose loss counts.
    public private(set) var lost: Set<RegisterID> = []
    /// Those whose loss the policy pardons on some unit.
    public private(set) var pardoned: Set<RegisterID> = []
    /// Why what counts is lost.
    public private(set) var causes: Set<Cause> = []

    /// Nothing is lost.
    public init() {}

    /// What all units of a plan lose.
    public init(of plan: MovePlan) {
        for unit in plan.units { add(unit) }
    }

    /// Adds what one unit loses.
    public mutating func add(_ unit: UnitPlan) {
        for loss in unit.losses {
            if loss.restore.isLoss {
                lost.insert(loss.restore.id)
                causes.insert(loss.cause)
            } else {
                pardoned.insert(loss.restore.id)
            }
        }
    }
}
