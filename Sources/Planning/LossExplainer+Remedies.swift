internal import Emulation
internal import LinuxSystem
internal import Registers
internal import Transfer
internal import VCPUModel

/// What can be done about a loss: before the guest's first run, to the destination, elsewhere, by a policy.
extension LossExplainer {
    func remedies(for restore: RegisterRestore, _ cause: Cause) -> [Remedy] {
        switch cause.kind {
        case .incomplete, .differentVCPUs: return [.saveAgain]
        case .notInitialized: return [place.isTooMany ? .moreVCPUs(place.count) : .saveAgain]
        case .tooManyVCPUs: return [.moreVCPUs(place.count)]
        default: break
        }
        if cause.kind == .kernel, restore.id.isDeviceState {
            // No vCPU tells it.
            return [datedKernel(for: restore, cause)].compactMap(\.self) + policy(for: restore)
        }
        let control = cpuInterface(restore)
        // No host is known that has it.
        if restore.id.isDeviceState { return control + policy(for: restore) }
        let proof = proof(for: restore)
        let fields = hiddenFields(of: restore) ?? unacceptableFields(of: restore)
        // What can be dropped is no reason to start it anew.
        let fresh = proof.isEmpty ? freshStart(restore, fields) : []
        return proof + fresh + start(for: restore, cause, fields) + destination(for: restore, cause)
            + otherHost(restore, cause, fields)
            + (proof.isEmpty ? policy(for: restore) : [])
    }

    private func destination(for restore: RegisterRestore, _ cause: Cause) -> [Remedy] {
        newerKernel(for: restore, cause) + mitigation(restore) + capability(for: restore)
            + pinning(cause)
    }

    /// Those before the guest's first run.
    private func start(
        for restore: RegisterRestore, _ cause: Cause, _ fields: [IDFieldRule]
    ) -> [Remedy] {
        // How it was started does not matter to what an earlier move changed.
        guard !hosts.changed.contains(restore.id) else { return [] }
        guard cause.kind != .kernelView else { return monitorsOtherwise(restore) }
        let lowered = lowering(restore, fields)
        let left = lowered.isEmpty ? fields.filter { leftOut($0, restore) == nil } : []
        return withoutFeatures(restore, cause, fields, leaving: left.map(\.field)) + lowered
            + caches(restore) + vectors(restore) + counters(restore, cause) + services(restore)
    }

    private func proof(for restore: RegisterRestore) -> [Remedy] {
        guard let loss = restore.loss(of: guest[restore.id] ?? RegisterValue(0)),
            let proof = RestorePolicy(.safe).pardon(loss.onKernel(kernel), of: guest)?.proof
        else { return [] }
        return [.dropSafely(proof)]
    }

    private func policy(for restore: RegisterRestore) -> [Remedy] {
        rules(for: restore, notice: nil).map { .policy($0.rule) }
    }
}

// MARK: - Before the first run

extension LossExplainer {
    private func withoutFeatures(
        _ restore: RegisterRestore, _ cause: Cause, _ fields: [IDFieldRule], leaving left: [String]
    ) -> [Remedy] {
        var features: VCPUFeatures =
            switch cause.kind {
            case .vcpuFeature: missingFeatures(of: restore)
            case .performanceMonitors: .pmuV3
            default: VCPUFeatures(fields.compactMap { leftOut($0, restore) })
            }
        if !features.isDisjoint(with: .pointerAuthentication) {
            features.formUnion(.pointerAuthentication)
        }
        features.formIntersection(made?.features ?? features)
        let removable = Remedy.removable.reduce(VCPUFeatures()) { $0.union($1.features) }
        return features.isEmpty || !features.isSubset(of: removable)
            ? [] : [.withoutFeatures(features, fixed: left)]
    }

    /// The feature that a field tells of, where a guest has to do without: the destination does not have it, or has it
    /// otherwise, and no kernel lets anyone choose how.
    private func leftOut(_ rule: IDFieldRule, _ restore: RegisterRestore) -> VCPUFeatures? {
        guard let feature = rule.feature.flatMap({ VCPUFeatures(named: $0) }), isMade(with: feature)
        else { return nil }
        guard feature.isSubset(of: profile.features), let wanted = restore.wanted?.bits,
            let host = restore.found?.bits
        else { return feature }
        return chosen(rule, wanted, host).isEmpty ? feature : nil
    }

    /// Whether the guest's vCPU has a feature; true where the snapshot does not tell how it was made.
    private func isMade(with feature: VCPUFeatures) -> Bool {
        made.map { feature.isSubset(of: $0.features) } ?? true
    }

    /// The releases on which a field can be given a value that fits the destination.
    private func chosen(
        _ rule: IDFieldRule, _ wanted: UInt64, _ host: UInt64
    ) -> [KernelVersion] {
        let history = RegisterDictionary.entry(for: rule.register)?.behaviorHistory ?? []
        return history.map(\.from).filter {
            $0.patch == 0 && rule.common(wanted, onKernel: $0, host, onKernel: kernel) != nil
        }
    }

    /// Fields that could have had the destination's value from the start: there, or on a newer kernel.
    private func lowering(_ restore: RegisterRestore, _ fields: [IDFieldRule]) -> [Remedy] {
        guard let wanted = restore.wanted?.bits, let host = restore.found?.bits,
            let entry = RegisterDictionary.entry(for: restore.id)
        else { return [] }
        // Its own KVM ignores what is written there.
        let isIgnored = entry.traits(onKernel: sourceKernel).contains(.zeroWithoutAArch32)
        if isIgnored, guest.hasAArch32AtEL0 == false { return [] }
        var now: [FieldValue] = []
        var later: [(kernel: KernelVersion, field: String)] = []
        var fixed: [String] = []
        for rule in fields where leftOut(rule, restore) == nil {
            let value = sourceKernel.flatMap {
                rule.common(wanted, onKernel: $0, host, onKernel: kernel)
            }
            if let value {
                now.append(FieldValue(name: rule.field, value: value))
            } else if let first = chosen(rule, wanted, host).first(where: isNewer) {
                later.append((first, rule.field))
            } else {
                fixed.append(rule.field)
            }
        }
        let newer = Dictionary(grouping: later, by: \.kernel).sorted { $0.key < $1.key }
        let register = restore.id.name
        let lowered: [Remedy] =
            now.isEmpty ? [] : [.lowerFields(register, now, fixed: fixed)]
        return lowered
            + newer.map { kernel, fields in
                Remedy.startOnKernel(
                    "\(kernel)", register: register, fields: fields.map(\.field), fixed: fixed)
            }
    }

    /// Whether a kernel is newer than the guest's, which need not be known.
    private func isNewer(_ kernel: KernelVersion) -> Bool {
        sourceKernel.map { $0 < kernel } ?? true
    }

    /// PMCR_EL0 as the destination's kernel shows it, where the guest's own lets a VMM write all of it, and no PMU.
    private func monitorsOtherwise(_ restore: RegisterRestore) -> [Remedy] {
        guard restore.id == .pmcrEL0, let entry = RegisterDictionary.entry(for: restore.id),
            let found = restore.found?.lowBits
        else { return [] }
        let fields = [RegisterField.PMCREL0.imp, RegisterField.PMCREL0.idcode].map {
            FieldValue(name: $0.name, value: $0.extract(from: found))
        }
        let isWritable =
            sourceKernel.map { entry.behavior(onKernel: $0)?.behaviorClass == .writable } ?? false
        return (isWritable ? [.lowerFields(restore.id.name, fields, fixed: [])] : [])
            + (isMade(with: .pmuV3) ? [.withoutFeatures(.pmuV3, fixed: [])] : [])
    }

    /// The same host with other kernels, whose fresh guests have something of the register that is taken.
    private func freshStart(_ restore: RegisterRestore, _ fields: [IDFieldRule]) -> [Remedy] {
        let name = restore.id.name
        let kernels =
            hosts.freshGuests?.kernels(taking: restore.id, isOneValue: fields.isEmpty) ?? []
        return kernels.map { span, values in
            guard let value = values.first else { return .startFresh(span, gives: "no \(name)") }
            // Other kernels of them show others, which are taken, too.
            let told = fields.filter { rule in
                values.allSatisfy { ($0.lowBits ^ value.lowBits) & rule.mask == 0 }
            }.map { "\(name).\($0.field) \(RegisterValue($0.extract(from: value.lowBits)))" }
            let gives = told.isEmpty ? ["\(name) \(value)"] : told
            return .startFresh(span, gives: gives.joined(separator: ", "))
        }
    }

    /// What a register of caches could have held from the start, and since which kernel it can be chosen.
    private func preset(_ id: RegisterID, _ value: RegisterValue?) -> [Remedy] {
        guard let value, value != guest[id],
            let since = RegisterDictionary.entry(for: id)?.chosenSince,
            id.takesCache(value.lowBits, cacheType: guest[.ctrEL0]?.lowBits ?? 0)
        else { return [] }
        return isNewer(since)
            ? [.startOnKernel("\(since)", register: id.name, fields: [], fixed: [])]
            : [.presetRegister(id.name, value)]
    }

    /// The destination's caches; its levels with the geometry of each cache, which a guest with its own levels would be
    /// told of; the same where the destination does not have a cache.
    private func caches(_ restore: RegisterRestore) -> [Remedy] {
        guard restore.id == .clidrEL1 || restore.id.isCacheGeometry else { return [] }
        guard restore.id == .clidrEL1 || restore.outcome == .absent else {
            return preset(restore.id, restore.found)
        }
        let levels = preset(.clidrEL1, profile.registers[.clidrEL1])
        // The geometry of caches alone changes no level.
        guard !levels.isEmpty else { return [] }
        let geometries = profile.registers.ids.filter(\.isCacheGeometry)
        return levels + geometries.flatMap { preset($0, profile.registers[$0]) }
    }

    private func vectors(_ restore: RegisterRestore) -> [Remedy] {
        guard restore.id.isSVE, let own = guest[.sveVLS], let host = profile.registers[.sveVLS],
            let common = SVEVectorLengths.common(of: [own, host].map(SVEVectorLengths.init))
        else { return [] }
        return [.limitVectors(bits: common.longest * 8, lengths: common.value)]
    }

    private func counters(_ restore: RegisterRestore, _ cause: Cause) -> [Remedy] {
        guard cause.kind == .performanceMonitors, let own = guest[.pmcrEL0],
            let host = profile.registers[.pmcrEL0]
        else { return [] }
        let (wanted, offered) = (PMUControl(own.lowBits), PMUControl(host.lowBits))
        guard wanted.counters > offered.counters, let since = Self.countersChosenSince else {
            return []
        }
        return isNewer(since)
            ? [
                .startOnKernel(
                    "\(since)", register: RegisterID.pmcrEL0.name, fields: ["N"], fixed: [])
            ]
            : [.fewerCounters(offered.counters)]
    }

    /// Since which kernel a write of PMCR_EL0 chooses N.
    private static let countersChosenSince = RegisterDictionary.entry(for: .pmcrEL0)?
        .behaviorHistory.first { $0.behavior?.behaviorClass == .sanitized }?.from

    private func services(_ restore: RegisterRestore) -> [Remedy] {
        guard let wanted = restore.wanted?.bits else { return [] }
        switch restore.id.kind.baseline {
        case .commonBits:
            let excess = excess(of: restore)
            return excess == 0 ? [] : [.restrictBitmap(restore.id.name, bits: excess)]
        case .least:
            guard let version = restore.found, version.lowBits < wanted else { return [] }
            return [.lowerPSCIVersion(to: PSCIVersion(rawValue: version.lowBits))]
        default: return []
        }
    }

    /// The services of a bitmap that the destination does not have.
    private func excess(of restore: RegisterRestore) -> UInt64 {
        let offered =
            profile.registers[restore.id]?.bits
            ?? restore.id.services(onKernelWithout: kernel)
        return (restore.wanted?.bits ?? 0) & ~(offered ?? 0)
    }
}

// MARK: - The destination

extension LossExplainer {
    /// Hosts of two types of cores show a vCPU what the CPU has that it is on.
    private func pinning(_ cause: Cause) -> [Remedy] {
        guard cause.kind == .implementation || cause.kind == .cacheGeometry,
            let cpu = guest[.midrEL1]?.bits.map(CPUIdentity.init(midr:)),
            let own = profile.midr.map(CPUIdentity.init(midr:)),
            cpu.isMixed, own.isMixed, let name = cpu.partName, name != own.partName
        else { return [] }
        return [.pinVCPUs(name)]
    }

    /// The newer kernel that takes it.
    ///
    /// Of a destination that gets back an older one, the newer one that it has is no remedy, but one between them is.
    private func newerKernel(for restore: RegisterRestore, _ cause: Cause) -> [Remedy] {
        guard hosts.newerKernels.areKnown else {
            return [datedKernel(for: restore, cause)].compactMap(\.self)
        }
        guard restore.outcome != .missing,
            RegisterDictionary.entry(for: restore.id)?.capability == nil,
            let kernels = hosts.newerKernels.taking(restore.id, of: guest)
        else { return [] }
        guard let newest = hosts.givenUp else {
            return [.upgradeKernel(kernels.span, ofSeries: kernels.ofSeries)]
        }
        guard let first = kernels.span.first, first < newest,
            kernels.span.end.map({ $0 >= newest }) ?? true
        else { return [] }
        return [.stopAtKernel(first)]
    }

    /// Since which kernel any host has it, whatever its CPU is.
    private func datedKernel(for restore: RegisterRestore, _ cause: Cause) -> Remedy? {
        let since =
            restore.id == .psciVersion
            ? restore.wanted.flatMap { PSCIVersion(rawValue: $0.lowBits).since }
            : cause.kind == .kernel ? cause.detail.flatMap { KernelVersion(parsing: $0) } : nil
        guard let kernel, let since, kernel < since else { return nil }
        return .upgradeKernel(KernelSpan(from: since, before: nil), ofSeries: nil)
    }

    /// A host that tells a guest of no mitigation may have it by other firmware, or without `mitigations=off`.
    private func mitigation(_ restore: RegisterRestore) -> [Remedy] {
        guard case .refused = restore.outcome, let held = restore.found,
            WorkaroundLevel(held.lowBits, of: restore.id)?.promise == 0
        else { return [] }
        return [.updateFirmware(restore.id.name)]
    }

    /// The capability that makes the register writable on newer kernels.
    private func capability(for restore: RegisterRestore) -> [Remedy] {
        guard case .refused = restore.outcome,
            let entry = RegisterDictionary.entry(for: restore.id),
            let capability = entry.capability, !profile.offers(capability),
            let wanted = restore.wanted?.bits, let host = restore.found?.bits,
            (wanted ^ host) & ~(entry.newestBehavior?.mask ?? 0) == 0
        else { return [] }
        return [.enableCapability(capability, onNewerKernel: true)]
    }
}

// MARK: - Another host

extension LossExplainer {
    /// None where the host is to get back its own kernel.
    private func otherHost(
        _ restore: RegisterRestore, _ cause: Cause, _ fields: [IDFieldRule]
    ) -> [Remedy] {
        hosts.givenUp == nil ? [.otherHost(needed(for: restore, cause, fields))] : []
    }

    /// A host with the priorities and INTIDs that the guest saw.
    private func cpuInterface(_ restore: RegisterRestore) -> [Remedy] {
        guard restore.id == .iccCTLREL1, let wanted = restore.wanted?.lowBits,
            let host = restore.before?.lowBits
        else { return [] }
        let fields = CPUInterfaceControl(wanted).fieldsRefused(over: CPUInterfaceControl(host))
        let needs = fields.map { field in
            let least = field.width > 1 ? " or more" : ""
            return "\(field.name) \(RegisterValue(field.extract(from: wanted)))\(least)"
        }
        return needs.isEmpty
            ? [] : [.otherHost("\(needs.joined(separator: ", ")) in ICC_CTLR_EL1")]
    }

    /// What another host has to have, without anything that has to be looked up.
    private func needed(
        for restore: RegisterRestore, _ cause: Cause, _ fields: [IDFieldRule]
    ) -> String {
        switch cause.kind {
        case .cpuFeature, .vcpuFeature: cause.detail ?? restore.id.name
        case .claimsMore where !fields.isEmpty:
            "the guest's \(restore.id) (\(fields.map(\.field).joined(separator: ", ")))"
        case .kernelView where restore.id != .pmcrEL0:
            "a kernel that shows \(cause.detail ?? restore.id.name)"
        case .kernelView: monitors(restore)
        case .kernel:
            hosts.newerKernels.taking(restore.id, of: guest)?.span.text
                ?? "Linux \(cause.detail ?? "") or newer"
        case .guestFeature: "a kernel that lists \(restore.id.name) without \(cause.detail ?? "")"
        case .psciVersion:
            "PSCI \(restore.wanted.map { PSCIVersion(rawValue: $0.lowBits).description } ?? "")"
        case .firmware: services(named: restore)
        case .vectorLengths: lengths()
        case .performanceMonitors: monitors(restore)
        case .executionState: "AArch32 at the guest's exception level"
        case .implementation where restore.id == .vcpuInit: "the guest's type of CPU"
        case .implementation, .cacheGeometry, .claimsMore, .other, .incomplete, .differentVCPUs,
            .tooManyVCPUs, .notInitialized, .interruptController, .clock,
            .deviceAttributes:
            value(of: restore)
        }
    }

    /// `MIDR_EL1 0x414fd0c1 (ARM NEOVERSE_N1 r4p1)`.
    private func value(of restore: RegisterRestore) -> String {
        let isSecret = RegisterDictionary.entry(for: restore.id)?.isSecret == true
        guard let wanted = restore.wanted, wanted.size <= 8, !isSecret else {
            return "the guest's \(restore.id.name)"
        }
        let cpu = restore.id == .midrEL1 ? " (\(CPUIdentity(midr: wanted.lowBits)))" : ""
        return "\(restore.id.name) \(wanted)\(cpu)"
    }

    private func services(named restore: RegisterRestore) -> String {
        guard let wanted = restore.wanted else { return "the guest's \(restore.id.name)" }
        if let level = WorkaroundLevel(wanted.lowBits, of: restore.id) {
            return "\(restore.id.name) at \(level.name)"
        }
        return "the services \(RegisterValue(excess(of: restore))) of \(restore.id.name)"
    }

    private func lengths() -> String {
        guard let own = guest[.sveVLS].map(SVEVectorLengths.init) else {
            return "the guest's SVE vector lengths"
        }
        let bits = own.lengths.map { "\($0 * 8)" }.joined(separator: ", ")
        return "SVE vectors of \(bits) bits, and of no other length up to there"
    }

    private func monitors(_ restore: RegisterRestore) -> String {
        let own = PMUControl(guest[.pmcrEL0]?.lowBits ?? 0)
        let host = PMUControl(profile.registers[.pmcrEL0]?.lowBits ?? 0)
        guard own.counters <= host.counters else { return "\(own.counters) event counters" }
        guard restore.id == .pmcrEL0, let since = Self.countersChosenSince else {
            return value(of: restore)
        }
        return "Linux before \(since), which keeps PMCR_EL0 as it was saved"
    }
}
