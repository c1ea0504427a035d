internal import Registers
internal import VCPUModel

/// Chooses the rule of each register from what the dictionary says of its behavior.
struct WriteRuleSelector {
    let profile: HostProfile
    let host: HostFacts

    func rule(
        for id: RegisterID, _ entry: RegisterEntry?, _ behavior: Behavior?,
        resetValue: RegisterValue
    ) -> WriteRule {
        if let override = profile.overrides[id] { return rule(for: override) }
        if let rule = structuralRule(for: id) { return rule }
        guard let entry, let behavior else { return .any }
        // One that is not zero on the profile's host is not always zero there.
        let zero: WriteRule = resetValue.isZero ? .zero : .unchanged
        if behavior.traits.contains(.zeroWithoutAArch32), !host.hasAArch32AtEL0 { return .ignored }
        if behavior.traits.contains(.zeroWithoutSVE), !host.features.contains(.sve) { return zero }
        if let rule = recordedRule(for: entry) { return rule }
        switch behavior.behaviorClass {
        case .writable, .volatile: return .any
        case .invariant: return invariantRule(behavior)
        case .writeIgnored: return .ignored
        case .raz: return zero
        case .sanitized: return sanitizedRule(for: entry, behavior)
        case .constrained: return constrainedRule(for: entry, behavior, resetValue)
        }
    }

    /// A capability that is enabled on the VM lets the bits of the mask change.
    private func invariantRule(_ behavior: Behavior) -> WriteRule {
        guard let capability = behavior.capability, host.enabled.contains(capability) else {
            return .unchanged
        }
        return .constrained(changing: behavior.mask ?? 0)
    }

    private func rule(for override: BehaviorOverride) -> WriteRule {
        switch override.behaviorClass {
        case .writable, .volatile, .constrained: .any
        case .invariant: .unchanged
        case .writeIgnored: .ignored
        case .raz: .zero
        case .sanitized: .changing(override.mask ?? 0)
        }
    }

    /// The rule of a register whose place among the ids decides it; an id of another size than the
    /// register there has is not that register's.
    private func structuralRule(for id: RegisterID) -> WriteRule? {
        if id == .pstate { return .programState }
        switch id.fixedStorage {
        case .general: return .general
        case .scalable, .predicate: return .scalable
        case .vectorLengths: return .vectorLengths
        default: return EventCounter.isOne(id) ? .eventCounter : nil
        }
    }

    /// The rule that the host's own answer to `KVM_ARM_GET_REG_WRITABLE_MASKS` gives, whatever the
    /// dictionary says of its kernel.
    private func recordedRule(for entry: RegisterEntry) -> WriteRule? {
        if entry.id.isCacheGeometry { return cacheRule(.cacheGeometry) }
        if entry.id == .clidrEL1 { return cacheRule(.cacheLevels) }
        guard entry.isFeatureIDRegister || entry.id == .ctrEL0 else { return nil }
        return profile.writableMasks[entry.id].map { .idFields(mask: $0) }
    }

    /// Whether userspace chooses a guest's caches, which came in one change for CLIDR_EL1 and CCSIDR
    /// (Linux 6.3): the mask of CLIDR_EL1 tells, where the host has one.
    private func cacheRule(_ chosen: WriteRule) -> WriteRule? {
        profile.writableMasks[.clidrEL1].map { $0 == 0 ? .unchanged : chosen }
    }

    private func sanitizedRule(for entry: RegisterEntry, _ behavior: Behavior) -> WriteRule {
        if entry.id == .pmcrEL0 { return .pmuControl }
        if behavior.traits.contains(.keepsImplementedCounters) {
            guard behavior.setClear == .orAndClear else { return .counters(.assign) }
            return .counters(entry.isClearView ? .clear : .set)
        }
        if let keeps = behavior.keeps { return .keeping(keeps) }
        return behavior.drops.map { .keeping(~$0) } ?? .any
    }

    private func constrainedRule(
        for entry: RegisterEntry, _ behavior: Behavior, _ resetValue: RegisterValue
    ) -> WriteRule {
        if behavior.traits.contains(.idPolicy) {
            return .idFields(mask: profile.writableMasks[entry.id] ?? behavior.mask ?? 0)
        }
        if entry.isCheckedOnly {
            return .workaround(inOrder: behavior.traits.contains(.levelsInOrder))
        }
        return switch entry.id.kind.constraint {
        case .bits: .constrained(changing: behavior.mask ?? 0)
        case .cacheGeometry: .cacheGeometry
        case .cacheLevels: .cacheLevels
        case .pmuMachine: .pmuMachine
        case .psciVersion: .psciVersion
        case .services: .services(known: knownServices(entry, resetValue))
        }
    }

    /// The services a host offers.
    ///
    /// Most bitmaps start with all of them; the one that starts empty
    /// takes what the dictionary has a name for (`kvm_arm_set_fw_reg_bmap`, `hypercalls.c`).
    private func knownServices(_ entry: RegisterEntry, _ resetValue: RegisterValue) -> UInt64 {
        guard resetValue.isZero else { return resetValue.lowBits }
        let isEmptyByDefault = entry.id == .vendorHypBmap2
        return isEmptyByDefault ? Self.namedBits(of: entry) : 0
    }

    private static func namedBits(of entry: RegisterEntry) -> UInt64 {
        entry.fields.filter { !$0.isReserved && $0.msb < 64 }.reduce(0) { $0 | $1.mask }
    }
}

extension WriteRuleSelector {
    /// The bits a raw write can change.
    func rawMask(of rule: WriteRule, size: Int) -> UInt64 {
        let all = Self.allBits(size: size)
        switch rule {
        case .keeping(let mask), .changing(let mask), .constrained(let mask): return mask & all
        case .idFields(let mask): return mask
        case .cacheLevels: return CacheLevels.writableMask
        case .pmuControl: return PMUControl.acceptableMask(of: 0, host: host)
        case .counters: return PMUControl(counters: host.counters).counterMask
        case .services(let known): return known
        case .workaround(let inOrder):
            return inOrder ? RegisterField.SMCCCARCHWORKAROUND2.enabled.mask : 0
        case .unchanged, .zero, .ignored: return 0
        case .eventCounter: return EventCounter.mask(idAA64DFR0: host.idAA64DFR0)
        case .any, .cacheGeometry, .pmuMachine, .psciVersion, .programState, .general, .scalable,
            .vectorLengths:
            return all
        }
    }

    /// The bits of a register, of the low 64.
    static func allBits(size: Int) -> UInt64 {
        size >= 8 ? .max : (1 << UInt64(size * 8)) - 1
    }
}

extension WriteRule {
    /// Whether the register has one value for good.
    var isConstant: Bool {
        switch self {
        case .unchanged, .zero, .ignored, .workaround(inOrder: false): true
        case .idFields(let mask): mask == 0
        default: false
        }
    }
}
