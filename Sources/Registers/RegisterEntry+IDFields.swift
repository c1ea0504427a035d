internal import CFormatData

/// Which values of one ID register field KVM lets userspace give to a guest.
///
/// Source: `arm64_ftr_bits` in Linux `arch/arm64/kernel/cpufeature.c` and what
/// `arch/arm64/kvm/sys_regs.c` makes of it.
public struct IDFieldRule: Hashable, Sendable {
    /// How a value V compares with the value H that the host offers for the same vCPU features.
    ///
    /// V = H is always safe; a field that is not writable needs it.
    public enum Rule: String, CaseIterable, Hashable, Sendable {
        /// V = H, or the safe value.
        case exact
        /// V ≤ H.
        case lowerSafe
        /// V ≥ H.
        case higherSafe
        /// V = 0, or H ≠ 0 and V ≥ H.
        case higherOrZeroSafe
        /// No comparison with H.
        case any
    }

    /// A deviation from the rule, on some kernels.
    public struct Special: Hashable, Sendable {
        /// What differs from the rule.
        public enum Kind: String, CaseIterable, Hashable, Sendable {
            /// A value is accepted and stored as another one.
            case remapped
            /// Values below some other are refused.
            case minimum
            /// Some values are refused or accepted regardless of the rule.
            case values
            /// The host's own value is accepted and stored as 0.
            case ignoredIfHostValue
            /// Values compare as two's complement.
            case signed
            /// The rule is `higherSafe`.
            case higherSafe
        }

        /// What differs from the rule.
        public var kind: Kind
        /// The deviation in words (`what` of Formats/registers/id-fields.jsonl).
        public var text: String
        /// The first kernel with it; nil when the oldest examined one has it.
        public var since: KernelVersion?
        /// The first kernel without it; nil when the newest has it.
        public var until: KernelVersion?
        /// The values of the field that are remapped or refused; nil where something else decides.
        public var values: ClosedRange<UInt64>?
        /// What is stored in their place, of `remapped`.
        public var stored: UInt64?
        /// The vCPU feature with which it is so; nil where that does not matter.
        public var feature: String?
        /// The value of the field that the host offers where it is so; nil where that does not matter.
        public var offered: UInt64?
        /// Bits of the register on the host's own CPU, and their values where it is so; mostly no bits.
        public var hardware: Bits

        /// Bits of a register that have some value.
        public struct Bits: Hashable, Sendable {
            /// The bits that are compared; 0 where every value matches.
            public var mask: UInt64
            /// What the bits of `mask` must be; zero outside it.
            public var value: UInt64

            /// Whether a value of the register has these bits.
            public func match(_ register: UInt64) -> Bool { register & mask == value }
        }

        /// Whether a kernel refuses a value of the field by it, whatever the host and the vCPU have.
        func refuses(_ value: UInt64, on kernel: KernelVersion) -> Bool {
            [.minimum, .values].contains(kind) && applies(to: kernel)
                && feature == nil && offered == nil && hardware.mask == 0
                && values.map { $0.contains(value) } ?? false
        }

        /// Whether a kernel has it; one that tells no version counts as the newest.
        public func applies(to kernel: KernelVersion?) -> Bool {
            guard let kernel else { return until == nil }
            return KernelVersion.has(kernel, since: since) && until.map { kernel < $0 } ?? true
        }
    }

    /// The ID register.
    public var register: RegisterID
    /// The field's name in the Arm ARM, such as `CSV3`.
    public var field: String
    /// The field's most significant bit, counted from bit 0 of the register.
    public var msb: Int
    /// The field's least significant bit.
    public var lsb: Int
    /// The rule KVM applies to guests.
    public var rule: Rule
    /// The rule the kernel applies to its own CPUs, mostly the same.
    public var hostRule: Rule
    /// Whether values compare as two's complement of the field's width.
    public var isSigned: Bool
    /// The value that is safe on every host, where the rule is `exact`.
    public var safe: UInt64?
    /// Whether the kernel has a rule for the field; one that it does not know reads as 0.
    public var isTracked: Bool
    /// The writable mask covers the field, but KVM accepts only the host's value.
    public var isOnlyAdvertised: Bool
    /// The VM capability that lets userspace choose any value.
    public var capability: String?
    /// The vCPU feature without which KVM shows 0; nil for most.
    public var feature: String?
    /// Which value a guest is offered, in words, where it is not simply the host's.
    public var offered: String?
    /// What deviates from the rule, on all kernels or some; mostly empty.
    public var specials: [Special]

    /// Whether userspace may change the field on a kernel, before the first run of any vCPU.
    public func isWritable(onKernel kernel: KernelVersion) -> Bool {
        guard !isOnlyAdvertised, let entry = RegisterDictionary.entry(for: register) else {
            return false
        }
        return entry.writableMask(onKernel: kernel) & mask == mask
    }

    /// Whether some kernel accepts the host's own value of the field and ignores it.
    public var isIgnoredIfHostValue: Bool {
        specials.contains { $0.kind == .ignoredIfHostValue }
    }

    /// Whether a kernel, or the newest where that is nil, accepts the host's own value of the field and ignores it.
    public func isIgnoredIfHostValue(onKernel kernel: KernelVersion?) -> Bool {
        has(.ignoredIfHostValue, on: kernel)
    }

    /// The field's bits in the register.
    public var mask: UInt64 { RegisterField.ones(msb - lsb + 1) << UInt64(lsb) }

    /// The field's bits of a value of the register, shifted down to bit 0.
    public func extract(from bits: UInt64) -> UInt64 {
        (bits & mask) >> UInt64(lsb)
    }

    /// Whether KVM accepts `value` for a writable field where the host offers `host`.
    ///
    /// Both are field values, shifted down to bit 0. Of `specials` only those that change the
    /// comparison are considered.
    /// - Parameter kernel: the one that compares; nil for the newest.
    public func accepts(
        _ value: UInt64, host: UInt64, kernel: KernelVersion? = nil
    ) -> Bool {
        if value == host { return true }
        let isSigned = isSigned || has(.signed, on: kernel)
        let (new, own) = (comparable(value, isSigned), comparable(host, isSigned))
        switch has(.higherSafe, on: kernel) ? .higherSafe : rule {
        case .exact: return value == safe
        case .lowerSafe: return new <= own
        case .higherSafe: return new >= own
        case .higherOrZeroSafe: return value == 0 || host != 0 && new >= own
        case .any: return true
        }
    }

    /// Whether a kernel lets userspace change the field from the host's value to the wanted one, both of which are
    /// values of the register.
    package func takes(_ wanted: UInt64, on host: UInt64, kernel: KernelVersion) -> Bool {
        let value = extract(from: wanted)
        return isWritable(onKernel: kernel)
            && accepts(value, host: extract(from: host), kernel: kernel)
            && !specials.contains { $0.refuses(value, on: kernel) }
    }

    /// The value of the field with which a guest of one host fits another that has a kernel, or one that is not known;
    /// nil where the guest's kernel lets no one choose such a one.
    ///
    /// That is what the other host has, else one that is safe everywhere.
    /// - Parameters:
    ///   - own: the register on the guest's host.
    ///   - host: the register on the other one.
    package func common(
        _ own: UInt64, onKernel kernel: KernelVersion, _ host: UInt64,
        onKernel other: KernelVersion?
    ) -> UInt64? {
        let offered = extract(from: host)
        return ([offered] + [safe].compactMap(\.self) + [0]).first { value in
            takes(replacing(in: own, with: value), on: own, kernel: kernel)
                && (value == offered
                    || other.map { takes(replacing(in: host, with: value), on: host, kernel: $0) }
                        ?? false)
        }
    }

    /// A value of the register with another value of the field.
    package func replacing(in bits: UInt64, with value: UInt64) -> UInt64 {
        bits & ~mask | value << UInt64(lsb) & mask
    }

    private func has(_ kind: Special.Kind, on kernel: KernelVersion?) -> Bool {
        specials.contains { $0.kind == kind && $0.applies(to: kernel) }
    }

    /// A field value in an order-preserving form: for a signed field its sign bit is inverted.
    private func comparable(_ value: UInt64, _ isSigned: Bool) -> UInt64 {
        isSigned ? value ^ (1 << UInt64(msb - lsb)) : value
    }
}

extension RegisterEntry {
    /// The rules of an ID register's fields, most significant first; empty for other registers.
    public var idFieldRules: [IDFieldRule] {
        Tables.run(row.id_fields, row.id_field_count).map {
            IDFieldRule(Tables.idFields[$0], of: id)
        }
    }

    /// The fields of an ID register's value that a host cannot take.
    ///
    /// Those are the ones its kernel does not let anyone change and the ones that promise what the host
    /// does not have; every field that differs, where the rules explain nothing.
    /// - Parameters:
    ///   - host: the register's value on a fresh vCPU of the host.
    ///   - kernel: the host's; nil where it is not known.
    public func unacceptableFields(
        of wanted: UInt64, on host: UInt64, kernel: KernelVersion?
    ) -> [IDFieldRule] {
        let different = idFieldRules.filter { $0.extract(from: wanted) != $0.extract(from: host) }
        let unacceptable = different.filter { rule in
            kernel.map { !rule.takes(wanted, on: host, kernel: $0) } ?? true
        }
        return unacceptable.isEmpty ? different : unacceptable
    }

    /// Whether a kernel that lets userspace choose the register's value takes this one, on a host whose fresh vCPU has
    /// another; false where the kernel fixes the register.
    ///
    /// For a register without field rules, all that is known is that its value can be chosen.
    public func takes(_ wanted: UInt64, on host: UInt64, kernel: KernelVersion) -> Bool {
        guard let behavior = behavior(onKernel: kernel), behavior.behaviorClass == .constrained
        else { return false }
        guard behavior.traits.contains(.idPolicy) else { return true }
        let different = idFieldRules.filter { $0.extract(from: wanted) != $0.extract(from: host) }
        let covered = different.reduce(0) { $0 | $1.mask }
        return (wanted ^ host) & ~covered == 0
            && different.allSatisfy { $0.takes(wanted, on: host, kernel: kernel) }
    }

    /// The bits userspace may change on a kernel before the first run of any vCPU; 0 for a register
    /// that is no ID register or is fixed.
    ///
    /// For MIDR_EL1, REVIDR_EL1 and AIDR_EL1 that also takes `KVM_CAP_ARM_WRITABLE_IMP_ID_REGS`.
    public func writableMask(onKernel kernel: KernelVersion) -> UInt64 {
        guard isFeatureIDRegister || isImplementationID else { return 0 }
        return behavior(onKernel: kernel)?.mask ?? 0
    }
}

extension IDFieldRule {
    fileprivate init(_ row: cformat_id_field, of register: RegisterID) {
        self.register = register
        field = Tables.string(row.field)
        msb = Int(row.msb)
        lsb = Int(row.lsb)
        // Numbers are positions of the cases (RULES and SPECIALS of the generator).
        rule = Rule.allCases[Int(row.rule)]
        hostRule = Rule.allCases[Int(row.host_rule)]
        isSigned = row.switches & 1 != 0
        safe = row.switches & 2 != 0 ? row.safe : nil
        isTracked = row.switches & 4 == 0
        isOnlyAdvertised = row.switches & 8 != 0
        capability = Tables.optionalString(row.capability)
        feature = Tables.optionalString(row.feature)
        offered = Tables.optionalString(row.offered)
        specials = Tables.run(row.specials, row.special_count).map { Special(Tables.specials[$0]) }
    }
}

extension IDFieldRule.Special {
    fileprivate init(_ row: cformat_special) {
        kind = Kind.allCases[Int(row.kind)]
        text = Tables.string(row.text)
        since = KernelVersion(packed: row.from)
        until = KernelVersion(packed: row.until)
        values = row.first <= row.last ? UInt64(row.first)...UInt64(row.last) : nil
        stored = Self.value(row.stored)
        feature = Tables.optionalString(row.feature)
        offered = Self.value(row.offered)
        hardware = Bits(mask: row.hardware_mask, value: row.hardware_value)
    }

    private static func value(_ number: UInt8) -> UInt64? {
        number == UInt8(CFORMAT_NO_VALUE) ? nil : UInt64(number)
    }
}

extension IDFieldRule {
    /// The fields that KVM shows as 0 without a vCPU feature, by the feature's name.
    public static let byFeature: [String: [IDFieldRule]] = Dictionary(
        grouping: RegisterDictionary.all.flatMap(\.idFieldRules).filter { $0.feature != nil }
    ) { $0.feature ?? "" }
}
