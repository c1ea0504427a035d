public import Registers
public import VCPUModel

extension RegisterOutcome {
    /// The stable name used in the reports and JSON of restores.
    public var name: String {
        switch self {
        case .taken: "restored"
        case .alreadyEqual: "already-equal"
        case .keptButMasked: "kept-but-masked"
        case .acceptedThenChanged: "accepted-then-changed"
        case .refused: "refused"
        case .absent: "absent"
        case .untouched: "not-in-snapshot"
        case .missing: "missing"
        case .volatile: "volatile"
        case .skipped: "skipped"
        }
    }

    /// Every name, in the order reports list them: losses first.
    public static let names = [
        "refused", "absent", "missing", "kept-but-masked", "accepted-then-changed", "skipped",
        "volatile",
        "not-in-snapshot", "restored", "already-equal",
    ]
}

/// The account of one register.
public struct RegisterRestore: Hashable, Sendable {
    /// The register, of the snapshot or only of the destination.
    public var id: RegisterID
    /// What became of it.
    public var outcome: RegisterOutcome
    /// The value to restore: the snapshot's, or what the policy's overrides make of it; nil for a register that only
    /// the destination has.
    public var wanted: RegisterValue?
    /// What the destination held before anything was written to it.
    public var before: RegisterValue?
    /// What the destination held at the end.
    public var found: RegisterValue?
    /// What its reason follows from; nil for what only the destination has.
    var grounds: RestoreReasons.Grounds?
    /// The rules of the policy that replaced the snapshot's value by `wanted`.
    public var overrides: [PolicyRule] = []
    /// Why the policy does not count the loss; nil when it does, and when there is none.
    public var pardon: Pardon?

    /// Whether the guest's state was lost and the policy does not pardon it.
    public var isLoss: Bool { outcome.isLoss && pardon == nil }

    /// Why, in words, which are made each time; nil where the outcome says it all.
    public var reason: String? { RestoreReasons.reason(of: self) }

    /// Whether another register has the same reason; the words are made only where nothing else tells.
    public func hasReason(of other: RegisterRestore) -> Bool {
        hasFacts(of: other) && hasGrounds(of: other) || reason == other.reason
    }

    /// Whether the same became of the same register, for the same reason.
    public static func == (left: RegisterRestore, right: RegisterRestore) -> Bool {
        left.hasFacts(of: right) && left.overrides == right.overrides
            && left.pardon == right.pardon
            && (left.hasGrounds(of: right) || left.reason == right.reason)
    }

    private func hasFacts(of other: RegisterRestore) -> Bool {
        id == other.id && outcome == other.outcome && wanted == other.wanted
            && before == other.before && found == other.found
    }

    private func hasGrounds(of other: RegisterRestore) -> Bool {
        grounds?.action == other.grounds?.action && grounds?.context === other.grounds?.context
    }

    /// Feeds what the register was and became to a hasher.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(id)
        hasher.combine(outcome)
        hasher.combine(wanted)
        hasher.combine(found)
    }
}

/// The account of putting one register back after a strict restore failed.
public struct RegisterUndo: Hashable, Sendable {
    /// The register.
    public var id: RegisterID
    /// Nil where it held nothing, or that could not be read: it cannot be put back then.
    public var before: RegisterValue?
    /// What it holds after the undo; nil where that could not be read.
    public var found: RegisterValue?

    /// Whether the register holds again what it held before the restore.
    public var isUndone: Bool
    /// Why it does not, in words.
    public var reason: String?
}

/// The account of one unit.
public struct RestoreReport: Hashable, Sendable {
    /// Which unit of the snapshot.
    public var unit: UnitID
    /// In ascending order of id.
    public var registers: [RegisterRestore]
    /// Each register that was written, in that order; nil when nothing had to be undone.
    public var undo: [RegisterUndo]?

    /// The losses that the policy does not pardon.
    public var losses: [RegisterRestore] { registers.filter(\.isLoss) }
    /// The losses that it pardons.
    public var pardoned: [RegisterRestore] { registers.filter { $0.pardon != nil } }
    /// Whether nothing was lost but what the policy pardons.
    public var isComplete: Bool { !registers.contains(where: \.isLoss) }

    /// How many registers had each outcome, by `RegisterOutcome.name`.
    public var counts: [String: Int] {
        registers.reduce(into: [:]) { $0[$1.outcome.name, default: 0] += 1 }
    }
}

extension RegisterRestore {
    /// What a policy is asked about; nil when nothing was lost.
    /// - Parameter saved: the snapshot's value.
    public func loss(of saved: RegisterValue) -> PolicyLoss? {
        PolicyLoss(id, saved: saved, outcome, wanted: wanted, found: found)
    }
}
