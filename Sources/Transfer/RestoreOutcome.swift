public import LinuxSystem
public import Registers
public import VCPUModel

/// What became of one register in a restore.
///
/// Every register of the snapshot and of the destination gets exactly one.
public enum RestoreOutcome: Hashable, Sendable {
    /// Written, and reads back as written.
    case restored
    /// Held the value before, so it was not written; still holds it.
    case alreadyEqual
    /// The write was accepted and part of it took; these bits did not.
    case keptButMasked(lost: RegisterValue)
    /// The write was accepted, or not needed, and yet the register holds something else.
    case acceptedThenChanged
    /// The destination refused the write.
    case refused(Errno)
    /// The destination has no such register.
    case absent
    /// Only the destination has it; it keeps its value.
    case notInSnapshot
    /// As `notInSnapshot`, for a register no vCPU can do without.
    case missing
    /// Restored as far as that means anything: the register moves by itself.
    case volatile
    /// Not written on purpose.
    case skipped(SkipRule)

    /// Whether the guest's state was lost: what had to be restored was not.
    ///
    /// A policy may pardon that.
    public var isLoss: Bool {
        switch self {
        case .keptButMasked, .acceptedThenChanged, .refused, .absent, .missing: true
        case .restored, .alreadyEqual, .notInSnapshot, .volatile, .skipped: false
        }
    }

    /// The stable name used in reports and JSON.
    public var name: String {
        switch self {
        case .restored: "restored"
        case .alreadyEqual: "already-equal"
        case .keptButMasked: "kept-but-masked"
        case .acceptedThenChanged: "accepted-then-changed"
        case .refused: "refused"
        case .absent: "absent"
        case .notInSnapshot: "not-in-snapshot"
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

/// Why a register is deliberately not written.
public enum SkipRule: String, Hashable, Sendable {
    /// PMCNTENCLR_EL0, PMINTENCLR_EL1 and PMOVSCLR_EL0 are second views of their SET registers; on
    /// Linux 6.7 to 6.14 writing one clears what the SET register restored
    /// (`arch/arm64/kvm/sys_regs.c`, `set_pmreg`).
    case clearView = "clear-view"
    /// The policy leaves it out.
    case policy
}

/// The account of one register.
public struct RegisterRestore: Hashable, Sendable {
    public var id: RegisterID
    public var outcome: RestoreOutcome
    /// The snapshot's value.
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
        let isSameCase =
            id == other.id && outcome == other.outcome && wanted == other.wanted
            && before == other.before && found == other.found
            && grounds?.action == other.grounds?.action
            && grounds?.context === other.grounds?.context
        return isSameCase || reason == other.reason
    }

    public static func == (left: RegisterRestore, right: RegisterRestore) -> Bool {
        left.id == right.id && left.outcome == right.outcome && left.wanted == right.wanted
            && left.before == right.before && left.found == right.found
            && left.overrides == right.overrides && left.pardon == right.pardon
            && left.hasReason(of: right)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(id)
        hasher.combine(outcome)
        hasher.combine(wanted)
        hasher.combine(found)
    }
}

/// The account of putting one register back after a strict restore failed.
public struct RegisterUndo: Hashable, Sendable {
    public var id: RegisterID
    /// Nil where it held nothing, or that could not be read: it cannot be put back then.
    public var before: RegisterValue?
    public var found: RegisterValue?

    /// Whether the register holds again what it held before the restore.
    public var isUndone: Bool
    /// Why it does not, in words.
    public var reason: String?
}

/// The account of one vCPU.
public struct RestoreReport: Hashable, Sendable {
    public var vcpu: UInt32
    /// In ascending order of id.
    public var registers: [RegisterRestore]
    /// Each register that was written, in that order; nil when nothing had to be undone.
    public var undo: [RegisterUndo]?

    /// The losses that the policy does not pardon.
    public var losses: [RegisterRestore] { registers.filter(\.isLoss) }
    /// The losses that it pardons.
    public var pardoned: [RegisterRestore] { registers.filter { $0.pardon != nil } }
    public var isComplete: Bool { !registers.contains(where: \.isLoss) }

    /// How many registers had each outcome, by `RestoreOutcome.name`.
    public var counts: [String: Int] {
        registers.reduce(into: [:]) { $0[$1.outcome.name, default: 0] += 1 }
    }
}

extension RegisterRestore {
    /// What a policy is asked about; nil when nothing was lost.
    /// - Parameter saved: the snapshot's value.
    public func loss(of saved: RegisterValue) -> PolicyLoss? {
        switch outcome {
        case .absent: PolicyLoss(id, saved: saved, .absent)
        case .refused: PolicyLoss(id, saved: saved, .refused)
        case .missing: PolicyLoss(id, saved: saved, .missing)
        case .keptButMasked(let lost): PolicyLoss(id, saved: saved, .different(lost))
        case .acceptedThenChanged:
            PolicyLoss(id, saved: saved, .different(changedBits ?? saved))
        case .restored, .alreadyEqual, .notInSnapshot, .volatile, .skipped: nil
        }
    }

    /// The bits that are not as wanted, those that move by themselves apart.
    private var changedBits: RegisterValue? {
        guard let wanted, let found else { return nil }
        return wanted.differingBits(from: found)?
            .masked(by: ~RegisterDictionary.volatileBits(of: id))
    }
}
