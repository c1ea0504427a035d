internal import Registers
internal import VCPUModel

extension RegisterTable {
    /// The registers a vCPU with these features has on the profile's host.
    /// - Parameter enabled: the capabilities enabled on its VM, by name.
    init(_ profile: HostProfile, features: VCPUFeatures, enabled: Set<String> = []) {
        var builder = RegisterTableBuilder(profile, features: features, enabled: enabled)
        builder.addAll()
        self = builder.table
    }
}

/// Puts a table together from what was recorded of a vCPU with the same features, or else of the one that
/// has most.
///
/// What was recorded is true whatever the dictionary thinks of it: what the dictionary says a register
/// needs is no need of this host's where the recorded vCPU had the register without.
private struct RegisterTableBuilder {
    private let profile: HostProfile
    private let host: HostFacts
    private let recorded: RegisterList
    private let recordedFeatures: VCPUFeatures
    private let recordedNames: Set<String>
    private let featureNames: Set<String>
    private let resets: ResetRules
    private var definitions: [RegisterDefinition] = []
    private var slots: [RegisterID: Int] = [:]

    init(_ profile: HostProfile, features: VCPUFeatures, enabled: Set<String>) {
        self.profile = profile
        host = HostFacts(profile, features: features, enabled: enabled)
        let own = profile.recordedRegisters(of: features)
        recorded = own ?? profile.registers
        recordedFeatures = own == nil ? profile.vcpuInit?.features ?? [] : features
        recordedNames = Set(recordedFeatures.names)
        featureNames = Set(features.names)
        resets = ResetRules(recorded: recorded, with: recordedFeatures, on: host)
    }

    var table: RegisterTable {
        RegisterTable(definitions: definitions, systemCount: slots.count, host: host)
    }

    mutating func addAll() {
        let candidates = recorded.filter { $0.0.architecture != .own } + vectors
        for (id, value) in candidates.sorted(by: { $0.0 < $1.0 }) { add(id, value) }
    }

    /// The V registers that a vCPU without SVE has in place of Z registers.
    private var vectors: [(RegisterID, RegisterValue)] {
        let lost = recordedFeatures.subtracting(host.features)
        guard lost.contains(.sve), recorded.contains(.z(0)) else { return [] }
        return (0..<32).map(RegisterID.v).filter { !recorded.contains($0) }.compactMap { id in
            RegisterValue.zero(size: 16).map { (id, $0) }
        }
    }

    private mutating func add(_ id: RegisterID, _ value: RegisterValue) {
        let entry = RegisterDictionary.entry(for: id)
        let behavior = entry?.behavior(onKernel: host.kernel)
        let needs = (behavior?.needs ?? []).filter { holds($0, with: recordedNames) }
        guard needs.allSatisfy({ isDynamic($0) || holds($0, with: featureNames) }) else { return }
        let resetValue = resets.value(of: id, behavior, recorded: value)
        let rules = WriteRuleSelector(profile: profile, host: host)
        let rule = rules.rule(for: id, entry, behavior, resetValue: resetValue)
        let mask = rules.rawMask(of: rule, size: id.size ?? 8)
        let view = View(
            hasState: hasState(entry, rule, resetValue), isAlias: isAlias(entry, value))
        definitions.append(
            RegisterDefinition(
                id: id, storage: storage(of: id, entry, view),
                flags: flags(id, entry, rule, view, mask: mask), resetValue: resetValue,
                writableMask: mask, rule: rule, sharedBits: sharedBits(entry, rule),
                needs: needs.filter(isDynamic), isCounter: entry?.isCounter == true))
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

    /// Whether a condition holds for the recorded vCPU if it is made with some features.
    ///
    /// A recorded register's capabilities were enabled when it was recorded.
    private func holds(_ condition: Condition, with features: Set<String>) -> Bool {
        switch condition {
        case .feature(let name), .finalized(let name): features.contains(name)
        case .notFeature(let name): !features.contains(name)
        case .idField(let field):
            recorded[field.register].map { field.holds(for: $0.lowBits) } ?? false
        case .capability: true
        }
    }

    /// Whether a condition can come to hold after the init, or no longer hold.
    private func isDynamic(_ condition: Condition) -> Bool {
        switch condition {
        case .finalized, .idField: true
        case .feature, .notFeature, .capability: false
        }
    }

    // MARK: Views

    /// What a register shows.
    private struct View {
        /// Whether there is anything to read or write.
        var hasState: Bool
        /// Whether it is the state of another register.
        var isAlias: Bool
    }

    /// A write that does nothing and a read that gives nothing have none: PMSWINC_EL0 is an action.
    ///
    /// ID registers of AArch32 that a guest cannot see need not be zero: ID_DFR0_EL1.PerfMon.
    private func hasState(
        _ entry: RegisterEntry?, _ rule: WriteRule, _ resetValue: RegisterValue
    ) -> Bool {
        rule != .ignored || entry?.isFeatureIDRegister == true || !resetValue.isZero
    }

    /// A CLR view is that of the SET register, unless the profile has another value for it.
    private func isAlias(_ entry: RegisterEntry?, _ value: RegisterValue) -> Bool {
        entry?.setView.map { recorded[$0] == value } ?? false
    }

    // MARK: Parts of a definition

    private mutating func storage(
        of id: RegisterID, _ entry: RegisterEntry?, _ view: View
    ) -> RegisterStorage {
        if let place = ownStorage(of: id) { return place }
        if !view.hasState { return .zero }
        let owner = view.isAlias ? entry?.setView ?? id : id
        let slot = slots[owner] ?? slots.count
        slots[owner] = slot
        return .system(slot)
    }

    /// The place of a core or SVE register; nil for a V register beside its Z register, which no vCPU has
    /// and which would be the low half of it.
    private func ownStorage(of id: RegisterID) -> RegisterStorage? {
        guard let place = id.fixedStorage else { return nil }
        guard case .vector(let index) = place else { return place }
        // A recorded Z register goes where the features say that it was recorded with SVE, and this vCPU has none.
        let lostSVE = recordedFeatures.contains(.sve) && !host.features.contains(.sve)
        let hasBoth = recorded.contains(.z(index)) && !lostSVE
        return hasBoth ? nil : place
    }

    private func flags(
        _ id: RegisterID, _ entry: RegisterEntry?, _ rule: WriteRule, _ view: View, mask: UInt64
    ) -> RegisterDefinition.Flags {
        if !view.hasState { return .noRaw }
        var flags: RegisterDefinition.Flags = []
        if rule.isConstant { flags.insert(.constant) }
        if view.isAlias { flags.insert(.alias) }
        if isReadOnly(id, entry) { flags.insert(.readOnly) }
        let all = WriteRuleSelector.allBits(size: id.size ?? 8)
        if !rule.isConstant, mask != all { flags.insert(.maskedWrite) }
        let isOfVM = entry?.isVMWide == true || isReadOnly(id, entry)
        // Vector lengths are fixed once they are finalized, for good.
        let stays = isOfVM || rule.isConstant || rule == .vectorLengths
        if !stays { flags.insert(.resettable) }
        return flags
    }

    private func isReadOnly(_ id: RegisterID, _ entry: RegisterEntry?) -> Bool {
        if id.isCacheGeometry { return true }
        guard let entry else { return false }
        return entry.isFeatureIDRegister || entry.isImplementationID || entry.isCheckedOnly
    }
}

extension RegisterID {
    /// Where a core or SVE register lives; nil for every other one.
    var fixedStorage: RegisterStorage? {
        guard architecture == .arm64 else { return nil }
        return switch (group, size) {
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
