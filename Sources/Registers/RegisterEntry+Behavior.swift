internal import CFormatData

/// What KVM does with a register that userspace reads and writes.
public struct Behavior: Hashable, Sendable {
    /// The kind of thing KVM does with a write from userspace.
    ///
    /// The raw value is the word used in Formats/registers.
    public enum Class: String, CaseIterable, Hashable, Sendable {
        /// Any value is stored as written; reserved bits are not masked.
        case writable
        /// A write must equal the current value, else `EINVAL`.
        case invariant
        /// Writes succeed and change nothing.
        case writeIgnored
        /// Writes succeed, and some bits are dropped or forced.
        case sanitized = "sanitised"
        /// The value moves by itself between reads.
        case volatile
        /// Reads as zero; only zero may be written.
        case raz
        /// Some values are refused with `EINVAL`.
        case constrained
    }

    /// What writing a SET register and its CLR view means to KVM.
    public enum SetClear: String, CaseIterable, Hashable, Sendable {
        /// Both names assign the same storage.
        case assign
        /// A write to the SET name sets bits, a write to the CLR name clears them.
        case orAndClear
    }

    /// What else KVM does, as a set of switches; those of Formats/registers/behaviour.jsonl.
    public struct Traits: OptionSet, Hashable, Sendable {
        /// One bit for each trait.
        public let rawValue: UInt16

        /// A set from its bits; bits without a name here survive.
        public init(rawValue: UInt16) {
            self.rawValue = rawValue
        }

        // The bits are positions in TRAITS of Scripts/generate-parts/register_tables.py.

        /// Which values are refused follows from `RegisterEntry.idFieldRules`.
        public static let idPolicy = Traits(rawValue: 1 << 0)
        /// Reads as zero and ignores writes on a host without AArch32 at EL0.
        public static let zeroWithoutAArch32 = Traits(rawValue: 1 << 1)
        /// Reads as zero on a vCPU without SVE.
        public static let zeroWithoutSVE = Traits(rawValue: 1 << 2)
        /// With the vCPU feature HAS_EL2, bits that are RES0 or RES1 for the guest are forced once
        /// the VM has run.
        public static let reservedBitsForcedWithEL2 = Traits(rawValue: 1 << 3)
        /// Keeps bit 31 and the bits below PMCR_EL0.N, and drops the rest.
        public static let keepsImplementedCounters = Traits(rawValue: 1 << 4)
        /// PMCR_EL0.N does not change with the vCPU feature HAS_EL2.
        public static let countersFixedWithEL2 = Traits(rawValue: 1 << 5)
        /// A read of a timer's control register computes ISTATUS; without the trait it leaves ISTATUS out.
        public static let statusComputed = Traits(rawValue: 1 << 6)
        /// The vCPUs of a VM have the same features; without the trait only EL1_32BIT must be the same.
        public static let sameFeaturesInVM = Traits(rawValue: 1 << 7)
        /// The levels of a mitigation are compared as numbers, and its bit ENABLED is stored; without the trait there
        /// are two, and nothing is stored.
        public static let levelsInOrder = Traits(rawValue: 1 << 8)
    }

    /// The kind of thing KVM does with a write.
    public var behaviorClass: Class
    /// The bits userspace may change before the first `KVM_RUN`; nil where the class says it all.
    public var mask: UInt64?
    /// The bits kept from a written value, where those are fixed.
    public var keeps: UInt64?
    /// The bits dropped from a written value, where those are fixed.
    public var drops: UInt64?
    /// What must hold for the register to exist; else it is `ENOENT`.
    public var needs: [Condition]
    /// The value after `KVM_ARM_VCPU_INIT`; nil where it depends on the host or the vCPU.
    ///
    /// `unknownReset` where the architecture gives the register no value.
    public var reset: UInt64?
    /// How the pair behaves, for a SET register or CLR view.
    public var setClear: SetClear?
    /// What else KVM does on this kernel.
    public var traits: Traits
    /// The VM capability that makes `mask` writable where the register is otherwise invariant.
    public var capability: String?
    /// Which values are refused or changed, in words, where class and masks do not say it.
    public var rule: String?
    /// What else is worth knowing, in words.
    public var notes: String?

    /// What KVM fills registers with that the architecture gives no value at reset
    /// (`reset_unknown`, `arch/arm64/kvm/sys_regs.h`).
    package static let unknownReset: UInt64 = 0x1de7_ec7e_dbad_c0de

    /// Why a write can be refused, in words; nil for a register that takes every value.
    public var refusalRule: String? {
        switch behaviorClass {
        case .invariant: rule ?? "it accepts only the value it has"
        case .raz: "it reads as zero and accepts only zero"
        case .constrained: rule
        case .writable, .writeIgnored, .sanitized, .volatile: nil
        }
    }
}

extension RegisterEntry {
    /// What a kernel does with the register; nil where that kernel's KVM does not have it, or the
    /// dictionary does not say.
    ///
    /// Kernels older than the oldest that was examined count as that one, unless a change before it is known.
    /// - Parameter kernel: nil for the newest.
    public func behavior(onKernel kernel: KernelVersion?) -> Behavior? {
        change(onKernel: kernel).flatMap(behavior(_:))
    }

    /// The traits of the register on a kernel; none where that kernel's KVM does not have it.
    /// - Parameter kernel: nil for the newest.
    public func traits(onKernel kernel: KernelVersion?) -> Behavior.Traits {
        Behavior.Traits(rawValue: change(onKernel: kernel)?.traits ?? 0)
    }

    private func change(onKernel kernel: KernelVersion?) -> cformat_behavior? {
        guard let kernel else { return history.last { $0.until == 0 } }
        return history.last { $0.applies(to: kernel) } ?? history.first(where: \.standsForOlder)
    }

    /// Why a kernel refuses values of the register, in words, with what a newer one does otherwise; nil where
    /// nothing is known to be refused.
    /// - Parameter kernel: nil for the newest.
    public func refusalRule(onKernel kernel: KernelVersion?) -> String? {
        guard let rule = behavior(onKernel: kernel)?.refusalRule else { return nil }
        guard let capability, let since = capability.since else { return rule }
        return rule + " (\(capability.name): Linux \(since) or newer)"
    }

    /// The capability that, enabled on a VM, makes the register writable on kernels that have it; nil for most.
    public var capability: KVMCapability? {
        newestBehavior?.capability.flatMap(KVMCapability.named)
    }

    /// What there must be for the newest examined kernel to have it.
    public var newestNeeds: [Condition] {
        guard let change = change(onKernel: nil),
            Behavior.Class(number: change.behavior_class) != nil
        else { return [] }
        return needs(of: change)
    }

    private func needs(of change: cformat_behavior) -> [Condition] {
        Tables.run(change.conditions, change.condition_count).map {
            Condition(Tables.conditions[$0])
        }
    }

    /// What the newest examined kernel does with it; nil where that has no such register.
    public var newestBehavior: Behavior? { behavior(onKernel: nil) }

    /// Each change over the kernels, oldest first.
    ///
    /// A change with `until` is a backport to one stable series: it holds from `from` until that
    /// version and not in the series after it. `behavior` is nil where KVM does not have the register.
    public var behaviorHistory: [(from: KernelVersion, until: KernelVersion?, behavior: Behavior?)]
    {
        history.compactMap { row in
            KernelVersion(packed: row.from).map {
                ($0, KernelVersion(packed: row.until), behavior(row))
            }
        }
    }

    /// The first kernel known to list the register; nil for one that was there before the oldest
    /// examined kernel, and for one KVM does not have.
    public var listedSince: KernelVersion? { KernelVersion(packed: row.listed_since) }

    /// The first kernel on which userspace chooses the value of a register that older ones fix; nil for
    /// every other register.
    public var chosenSince: KernelVersion? {
        let changes = behaviorHistory
        guard changes.first?.behavior?.behaviorClass == .invariant else { return nil }
        return changes.first { $0.behavior?.behaviorClass == .constrained }?.from
    }

    /// The newest examined kernel before `listedSince`; it does not list the register.
    public var absentIn: KernelVersion? { KernelVersion(packed: row.absent_in) }

    /// What a device of a fresh VM has in it, of state that is an attribute; nil where that depends on the host or the VM.
    package var deviceReset: UInt64? { row.has_reset != 0 ? row.reset : nil }

    /// The bits of a write that a device keeps, of state that is an attribute.
    package var storedBits: UInt64 { row.stores }

    private var history: Slice<Table<cformat_behavior>> {
        Tables.behaviors[Tables.run(row.behaviors, row.behavior_count)]
    }

    private func behavior(_ change: cformat_behavior) -> Behavior? {
        guard let behaviorClass = Behavior.Class(number: change.behavior_class) else { return nil }
        return Behavior(
            behaviorClass: behaviorClass,
            mask: change.present & 1 != 0 ? change.mask : nil,
            keeps: change.present & 2 != 0 ? change.keeps : nil,
            drops: change.present & 4 != 0 ? change.drops : nil,
            needs: needs(of: change),
            reset: row.has_reset != 0 ? row.reset : nil,
            setClear: .init(number: change.set_clear),
            traits: Behavior.Traits(rawValue: change.traits),
            capability: Tables.optionalString(change.capability),
            rule: Tables.optionalString(change.rule),
            notes: notes)
    }
}

extension cformat_behavior {
    /// Whether it is so on kernels that nobody examined, too.
    fileprivate var standsForOlder: Bool { from <= cformat_oldest_kernel }

    fileprivate func applies(to kernel: KernelVersion) -> Bool {
        guard let from = KernelVersion(packed: from), from <= kernel else { return false }
        return KernelVersion(packed: until).map { kernel < $0 } ?? true
    }
}

extension CaseIterable where AllCases == [Self] {
    /// CLASSES and SET_CLEAR of the generator have a word for nil first, then the cases in order.
    fileprivate init?(number: UInt8) {
        guard number > 0 else { return nil }
        self = Self.allCases[Int(number) - 1]
    }
}
