internal import Registers
internal import VCPUModel

extension RegisterTable {
    /// The registers a vCPU with these features has on the profile's host.
    init(_ profile: HostProfile, features: VCPUFeatures) {
        var builder = RegisterTableBuilder(profile, features: features)
        builder.addAll()
        self = builder.table
    }
}

private struct RegisterTableBuilder {
    private let profile: HostProfile
    private let host: HostFacts
    private let featureNames: Set<String>
    private var definitions: [RegisterDefinition] = []
    private var slots: [RegisterID: Int] = [:]

    init(_ profile: HostProfile, features: VCPUFeatures) {
        self.profile = profile
        host = HostFacts(profile, features: features)
        featureNames = Set(features.names)
    }

    var table: RegisterTable {
        RegisterTable(definitions: definitions, systemCount: slots.count, host: host)
    }

    mutating func addAll() {
        if let recorded = profile.recordedRegisters(of: host.features) {
            for (id, value) in recorded where id.architecture != .vcpu { add(id, value) }
            return
        }
        var candidates = profile.registers.filter { $0.0.architecture != .vcpu }
        if profile.registers.contains(.z(0)), !profile.registers.contains(.v(0)) {
            // The profile was recorded with SVE; without it the vCPU has V registers instead.
            candidates += (0..<32).map {
                (.v($0), RegisterValue.zero(size: 16) ?? RegisterValue(0))
            }
        }
        for (id, value) in candidates.sorted(by: { $0.0 < $1.0 }) { add(id, value) }
    }

    private mutating func add(_ id: RegisterID, _ recorded: RegisterValue) {
        let entry = RegisterDictionary.entry(for: id)
        let behaviour = entry.flatMap(host.behaviour(of:))
        let needs = behaviour?.needs ?? []
        guard needs.allSatisfy(holdsForFeatures) else { return }
        let resets = ResetRules(profile, host: host)
        let resetValue = resets.value(of: id, behaviour, recorded: recorded)
        let rules = WriteRuleChoice(profile, host: host)
        let rule = rules.rule(for: id, entry, behaviour, resetValue: resetValue)
        let mask = rules.rawMask(of: rule, size: id.size ?? 8)
        definitions.append(
            RegisterDefinition(
                id: id, storage: storage(of: id, entry, rule),
                flags: flags(id, entry, rule, mask: mask), resetValue: resetValue,
                writableMask: mask, rule: rule, sharedBits: sharedBits(entry, rule),
                needs: needs.filter(isDynamic)))
    }

    /// Of a register that is the VM's what can be written, for kernels before 6.5 work out the rest of an ID
    /// register for each vCPU; of PMCR_EL0 its N, since that can be chosen (`kvm->arch.nr_pmu_counters`).
    private func sharedBits(_ entry: RegisterEntry?, _ rule: WriteRule) -> UInt64 {
        if rule == .pmuControl { return PMUControl.countersMask }
        guard entry?.isVMWide == true else { return 0 }
        if case .idFields(let mask) = rule { return mask }
        return .max
    }

    // MARK: Conditions

    /// Whether a condition holds that init decides for good.
    ///
    /// A recorded register's capabilities were
    /// enabled when it was recorded.
    private func holdsForFeatures(_ condition: Condition) -> Bool {
        switch condition {
        case .feature(let name): featureNames.contains(name)
        case .notFeature(let name): !featureNames.contains(name)
        case .capability, .finalized, .idField: true
        }
    }

    private func isDynamic(_ condition: Condition) -> Bool {
        switch condition {
        case .finalized, .idField: true
        case .feature, .notFeature, .capability: false
        }
    }

    // MARK: Parts of a definition

    private mutating func storage(
        of id: RegisterID, _ entry: RegisterEntry?, _ rule: WriteRule
    ) -> RegisterStorage {
        if let place = id.fixedStorage { return place }
        // ID registers of AArch32 that a guest cannot see need not be zero: ID_DFR0_EL1.PerfMon.
        if rule == .ignored, entry?.isFeatureIDRegister != true { return .zero }
        let owner = entry?.setTwin ?? id
        let slot = slots[owner] ?? slots.count
        slots[owner] = slot
        return .system(slot)
    }

    private func flags(
        _ id: RegisterID, _ entry: RegisterEntry?, _ rule: WriteRule, mask: UInt64
    ) -> RegisterDefinition.Flags {
        // A write that does nothing and a read that gives nothing: PMSWINC_EL0 is an action.
        if rule == .ignored, entry?.isFeatureIDRegister != true { return .noRaw }
        var flags: RegisterDefinition.Flags = []
        if rule.isConstant { flags.insert(.constant) }
        if entry?.isClearTwin == true { flags.insert(.alias) }
        if isReadOnly(id, entry) { flags.insert(.readOnly) }
        if !rule.isConstant, mask != rawAll(id) { flags.insert(.maskedWrite) }
        let isOfVM = entry?.isVMWide == true || isReadOnly(id, entry)
        // Vector lengths are fixed once they are finalized, for good.
        let stays = isOfVM || rule.isConstant || rule == .vectorLengths
        if !stays { flags.insert(.resettable) }
        return flags
    }

    private func rawAll(_ id: RegisterID) -> UInt64 {
        WriteRuleChoice.allBits(size: id.size ?? 8)
    }

    private func isReadOnly(_ id: RegisterID, _ entry: RegisterEntry?) -> Bool {
        if case .demultiplexed = id.group { return true }
        guard let entry else { return false }
        return entry.isFeatureIDRegister || entry.isImplementationID || entry.isCheckedOnly
    }
}

extension RegisterID {
    /// Where a core or SVE register lives; nil for every other one.
    fileprivate var fixedStorage: RegisterStorage? {
        switch (group, size) {
        // struct kvm_regs, in words of 32 bits: 41 registers of 64 bits, then 32 vectors, FPSR, FPCR.
        case (.core(let offset), 8) where offset < 82 && offset % 2 == 0:
            .general(Int(offset) / 2)
        case (.core(let offset), 16) where 84..<212 ~= offset && offset % 4 == 0:
            .vector(Int(offset - 84) / 4)
        case (.core(212), 4): .fpsr
        case (.core(213), 4): .fpcr
        // KVM_REG_ARM64_SVE_ZREG, _PREG and _FFR, slice 0 in bits 4:0.
        case (.sve(let index), 256) where index < 0x400 && index % 32 == 0:
            .scalable(Int(index) / 32)
        case (.sve(let index), 32) where 0x400...0x600 ~= index && index % 32 == 0:
            .predicate(Int(index - 0x400) / 32)
        case (.sve(0xffff), 64): .vectorLengths
        default: nil
        }
    }
}
