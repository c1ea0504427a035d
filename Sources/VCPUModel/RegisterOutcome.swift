public import LinuxSystem
public import Registers

/// What became of one register that was to be given a value, in a restore, a sync, an edit or a load.
///
/// Each of these reports has its own names for it, and may judge further; what is a loss is the same in all.
public enum RegisterOutcome: Hashable, Sendable {
    /// Written, and reads back as written.
    case taken
    /// Held the value before, so it was not written; still holds it.
    case alreadyEqual
    /// The write was accepted and part of it took; these bits did not.
    case keptButMasked(lost: RegisterValue)
    /// The write was accepted, or not needed, and yet the register holds something else.
    case acceptedThenChanged
    /// The vCPU refused the write, or reading the register.
    case refused(Errno)
    /// The vCPU has no such register.
    case absent
    /// No value was given for it; it keeps its own.
    case untouched
    /// As `untouched`, for a register no vCPU can do without.
    case missing
    /// Taken as far as that means anything: the register moves by itself.
    case volatile
    /// Not written on purpose.
    case skipped(SkipRule)

    /// Whether the vCPU does not hold what it was to hold.
    ///
    /// A policy may pardon that.
    public var isLoss: Bool {
        switch self {
        case .keptButMasked, .acceptedThenChanged, .refused, .absent, .missing: true
        case .taken, .alreadyEqual, .untouched, .volatile, .skipped: false
        }
    }
}

/// Why a register is deliberately not written.
public enum SkipRule: Hashable, Sendable {
    /// PMCNTENCLR_EL0, PMINTENCLR_EL1 and PMOVSCLR_EL0 are second views of their SET registers; on
    /// Linux 6.7 to 6.14 writing one clears what the SET register was given
    /// (`arch/arm64/kvm/sys_regs.c`, `set_pmreg`). QEMU writes them.
    case clearView
    /// The policy leaves it out.
    case policy
    /// It tells of tables in the guest's memory, which is not where the state goes.
    case guestMemory
    /// It is of a higher level than the move (`KVM_PUT_*_STATE`).
    case aboveLevel
    /// The CPU state has no raw access to it, so it was neither read nor written.
    case noRawAccess
    /// The list keeps a value that the CPU state cannot represent: KVM's word counts.
    case keptInList
}

extension RegisterOutcome {
    /// What became of a register that was written, or held the value.
    /// - Parameters:
    ///   - before: what it held before; nil where that could not be read.
    ///   - found: what it holds now.
    public init(
        of id: RegisterID, wanted: RegisterValue, before: RegisterValue?, found: RegisterValue
    ) {
        guard RegisterDictionary.volatileBits(of: id) != .max else {
            self = .volatile
            return
        }
        let lost = found.differingBits(from: wanted, of: id)
        if lost?.isZero == true {
            self = before == wanted ? .alreadyEqual : .taken
        } else if let lost, before != wanted, Self.isMasked(before, found, lost) {
            self = .keptButMasked(lost: lost)
        } else {
            self = .acceptedThenChanged
        }
    }

    /// Whether part of a write took: the register changed, and each bit that is not as written is as
    /// before or zero.
    private static func isMasked(
        _ before: RegisterValue?, _ found: RegisterValue, _ lost: RegisterValue
    ) -> Bool {
        guard found != before else { return false }
        let old = before?.littleEndianBytes ?? found.littleEndianBytes.map { _ in 0 }
        return zip(lost.littleEndianBytes, zip(found.littleEndianBytes, old))
            .allSatisfy { lost, bytes in lost & bytes.0 & ~bytes.1 == 0 }
    }
}

extension RegisterValue {
    /// The bits in which two values of a register differ, but for those that move by themselves; nil when
    /// their sizes differ.
    public func differingBits(from other: RegisterValue, of id: RegisterID) -> RegisterValue? {
        differingBits(from: other)?.withoutMotion(of: id)
    }

    /// The value of a register with the bits that move by themselves as zero.
    public func withoutMotion(of id: RegisterID) -> RegisterValue {
        masked(by: ~RegisterDictionary.volatileBits(of: id))
    }
}
