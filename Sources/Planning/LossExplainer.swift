internal import Emulation
internal import LinuxSystem
internal import Registers
internal import Transfer
internal import VCPUModel

/// Finds the cause of each loss, what the guest would notice of it, and what can be done.
///
/// One for each unit, to which all its losses refer.
final class LossExplainer: Sendable {
    /// How many vCPUs the guest has, and whether this one is more than the destination makes.
    struct Place: Equatable {
        let isTooMany: Bool
        let count: Int
    }

    let guest: RegisterList
    let place: Place
    let hosts: MoveHosts
    let policy: RestorePolicy

    init(guest: RegisterList, at place: Place, _ hosts: MoveHosts, policy: RestorePolicy) {
        self.guest = guest
        self.place = place
        self.hosts = hosts
        self.policy = policy
    }

    var profile: HostProfile { hosts.profile }
    var kernel: KernelVersion? { hosts.kernel }
    var sourceKernel: KernelVersion? { hosts.sourceKernel }

    /// How the guest's vCPU was made; nil where the snapshot does not tell it.
    var made: VCPUInit? { guest[.vcpuInit].flatMap { VCPUInit($0) } }

    /// - Parameter known: of the same register on another vCPU.
    func explain(_ restore: RegisterRestore, like known: PlannedLoss? = nil) -> PlannedLoss {
        let shape =
            known.flatMap { Self.sharesShape(restore, $0.restore) ? $0.shape : nil }
            ?? shape(of: restore)
        return PlannedLoss(restore: restore, shape: shape, explainer: self)
    }

    private func shape(of restore: RegisterRestore) -> LossShape {
        let cause = cause(of: restore)
        return LossShape(
            cause: cause,
            controls: Self.hasClaims(restore.id) ? nil : named(controls(of: restore, cause)),
            reset: Self.reset(of: restore.id))
    }

    /// Whether two losses of one register have one shape.
    ///
    /// The cause of some depends on their value, or on what else the vCPU has.
    private static func sharesShape(_ one: RegisterRestore, _ other: RegisterRestore) -> Bool {
        guard one.id == other.id, one.id != .vcpuInit, one.id != .pmcrEL0 else { return false }
        if one.id.isSVE { return false }
        switch (one.outcome, other.outcome) {
        case (.keptButMasked, .keptButMasked): return true
        default: return one.outcome == other.outcome
        }
    }

    /// Whether its fields promise something to the guest.
    private static func hasClaims(_ id: RegisterID) -> Bool {
        id == .ctrEL0 || RegisterDictionary.entry(for: id)?.isFeatureIDRegister == true
    }

    /// The fields of an ID register that the destination cannot take.
    func unacceptableFields(of restore: RegisterRestore) -> [IDFieldRule] {
        guard Self.hasClaims(restore.id), let entry = RegisterDictionary.entry(for: restore.id),
            let wanted = restore.wanted?.bits, let host = restore.found?.bits
        else { return [] }
        return entry.unacceptableFields(of: wanted, on: host, kernel: kernel)
    }
}

extension LossExplainer {
    /// The fields of which the destination's kernel takes what its CPU has and shows 0; nil where more is lost.
    func hiddenFields(of restore: RegisterRestore) -> [IDFieldRule]? {
        let isTaken: Bool =
            switch restore.outcome {
            case .keptButMasked, .acceptedThenChanged: true
            default: false
            }
        guard isTaken, let wanted = restore.wanted?.bits, let found = restore.found?.bits,
            let entry = RegisterDictionary.entry(for: restore.id)
        else { return nil }
        let bits = wanted ^ found
        let hidden = entry.idFieldRules.filter { rule in
            rule.mask & bits != 0 && rule.isIgnoredIfHostValue(onKernel: kernel)
        }
        return hidden.isEmpty || bits & ~hidden.reduce(0, { $0 | $1.mask }) != 0 ? nil : hidden
    }
}

// MARK: - Cause

extension LossExplainer {
    private func cause(of restore: RegisterRestore) -> Cause {
        let id = restore.id
        switch restore.outcome {
        case .missing: return Cause(.incomplete)
        case .refused(.notExecutable): return Cause(.notInitialized)
        default: break
        }
        if let fields = hiddenFields(of: restore) {
            let names = fields.map(\.field).joined(separator: ", ")
            return Cause(.kernelView, "\(id.name) (\(names))")
        }
        if restore.outcome == .absent, let cause = newness(of: id) { return cause }
        switch restore.outcome == .absent ? id.kind.lossWhenAbsent : id.kind.loss {
        case .cause(let cause, let detail): return Cause(cause, detail)
        case .absence: return absence(of: id)
        case .initialization: return initializationCause(restore)
        case .vectors:
            // KVM takes Z, P and FFR of no vCPU that was not finalized.
            return Cause(guest.missing.contains(.vcpuFinalized) ? .incomplete : .vectorLengths)
        case .performanceMonitors: return monitorsCause(restore)
        }
    }

    private func initializationCause(_ restore: RegisterRestore) -> Cause {
        if place.isTooMany, let most = profile.maximumVCPUs {
            return Cause(
                .tooManyVCPUs, "\(place.count), \(HostProfile.maximumVCPUsName) is \(most)")
        }
        if case .refused = restore.outcome { return Cause(.differentVCPUs) }
        guard let wanted = restore.wanted.flatMap({ VCPUInit($0) }), !wanted.hasFurtherFeatures
        else { return Cause(.differentVCPUs) }
        let missing = wanted.features.subtracting(profile.features)
        return missing.isEmpty
            ? Cause(.implementation) : Cause(.vcpuFeature, missing.names.joined(separator: ", "))
    }

    /// That the destination's kernel is older than what has it, of state that depends on nothing else.
    private func newness(of id: RegisterID) -> Cause? {
        guard let since = RegisterDictionary.entry(for: id)?.listedSince, let kernel,
            kernel < since
        else { return nil }
        switch id.kind.lossWhenAbsent {
        case .absence: break
        default: guard id.deviceAttribute != nil, id.architecture == .own else { return nil }
        }
        return Cause(.kernel, since.description)
    }

    /// Why the destination has no such register.
    private func absence(of id: RegisterID) -> Cause {
        let needs = needs(of: id)
        return needs.compactMap(lackOfHost).first ?? needs.compactMap(lackOfGuest).first
            ?? Cause(.other)
    }

    private func lackOfHost(_ need: Condition) -> Cause? {
        switch need {
        case .idField(let field):
            field.holds(for: profile.registers[field.register]?.bits ?? 0)
                ? nil : Cause(.cpuFeature, "\(field.register).\(field.field)")
        case .feature(let name):
            profile.features.names.contains(name) ? nil : Cause(.vcpuFeature, name)
        case .notFeature, .capability, .finalized: nil
        }
    }

    /// A restored vCPU is what the guest's own is: it has its features and its ID registers.
    private func lackOfGuest(_ need: Condition) -> Cause? {
        switch need {
        case .idField(let field):
            guest[field.register]?.bits.map(field.holds) == false
                ? Cause(.guestFeature, "\(field.register).\(field.field)") : nil
        case .feature(let name):
            made?.features.names.contains(name) == false
                ? Cause(.guestFeature, name) : nil
        case .notFeature, .capability, .finalized: nil
        }
    }

    /// PMCR_EL0 of one CPU is not the same on every kernel.
    private func monitorsCause(_ restore: RegisterRestore) -> Cause {
        guard restore.id == .pmcrEL0, let own = guest[.midrEL1], own == profile.registers[.midrEL1],
            case .keptButMasked(let lost) = restore.outcome,
            lost.masked(by: ~PMUControl.identificationMask).isZero
        else { return Cause(.performanceMonitors) }
        return Cause(.kernelView, "PMCR_EL0 (IMP, IDCODE)")
    }
}

// MARK: - Notice

extension LossExplainer {
    func notice(of restore: RegisterRestore, _ shape: LossShape) -> GuestImpact {
        let controls = shape.controls ?? named(controls(of: restore, shape.cause))
        return GuestImpact(
            isChangedFromReset: guest[restore.id].flatMap(shape.reset.isChanged),
            controls: controls.compactMap { control, name in
                guest[control.register].map {
                    FieldValue(name: name, value: control.extract(from: $0.lowBits))
                }
            }, holdsVector: restore.id.isScalableVector)
    }

    private func named(_ controls: [FeatureControl]) -> [LossShape.NamedControl] {
        controls.map { ($0, $0.name) }
    }

    private static func reset(of id: RegisterID) -> LossShape.Reset {
        let category = RegisterCategory(of: id)
        guard category != .identification, category != .firmware, category != .vcpu,
            // Until it is written it is 0, or 0x580 in a VM with an ITS.
            id != .gicrPropbaser
        else { return .untold }
        if id.isSVE { return .zero }
        let entry = RegisterDictionary.entry(for: id)
        let moving = entry?.volatileBits ?? 0
        let isCounter = moving.nonzeroBitCount >= 32
        guard !isCounter, let reset = entry?.newestBehavior?.reset else { return .untold }
        return .bits(reset, but: moving)
    }

    private func controls(of restore: RegisterRestore, _ cause: Cause) -> [FeatureControl] {
        let id = restore.id
        let own = FeatureControl.controls(of: id)
        guard own.isEmpty else { return own }
        let needed: [(RegisterID, String)] =
            needs(of: id).compactMap { need in
                guard case .idField(let field) = need else { return nil }
                return (field.register, field.field)
            }
        let told = unacceptableFields(of: restore) + featureFields(of: restore, cause)
        let features = needed + told.map { ($0.register, $0.field) }
        var seen: Set<FeatureControl> = []
        return features.flatMap { FeatureControl.controls(of: $0.0, field: $0.1) }
            .filter { seen.insert($0).inserted }
    }

    /// The ID fields that tell the guest of a vCPU feature, the first that has any where several are missing.
    private func featureFields(of restore: RegisterRestore, _ cause: Cause) -> [IDFieldRule] {
        let features: VCPUFeatures =
            switch cause.kind {
            case .performanceMonitors: .pmuV3
            case .vectorLengths: .sve
            case .vcpuFeature: missingFeatures(of: restore)
            default: []
            }
        return VCPUFeature.all.filter { features.contains(VCPUFeatures($0)) }.lazy
            .flatMap { [$0.name, $0.needs] }
            .compactMap { $0.flatMap { IDFieldRule.byFeature[$0] } }.first ?? []
    }

    /// The vCPU features that the guest or the register has to have and the destination has not.
    func missingFeatures(of restore: RegisterRestore) -> VCPUFeatures {
        if restore.id == .vcpuFinalized || restore.id.isSVE { return .sve }
        if restore.id == .vcpuInit {
            let wanted = restore.wanted.flatMap { VCPUInit($0) }?.features ?? []
            return wanted.subtracting(profile.features)
        }
        let needed = needs(of: restore.id).compactMap { need -> VCPUFeatures? in
            guard case .feature(let name) = need else { return nil }
            return VCPUFeatures(named: name)
        }
        return VCPUFeatures(needed).subtracting(profile.features)
    }

    /// What there must be for the destination's kernel to have it, or for the newest where the own one names nothing.
    private func needs(of id: RegisterID) -> [Condition] {
        let entry = RegisterDictionary.entry(for: id)
        let own = entry?.behavior(onKernel: kernel)?.needs ?? []
        return own.isEmpty ? entry?.newestNeeds ?? [] : own
    }
}

/// What is the same for the losses of one register on all vCPUs, whatever its values are; it is made once.
final class LossShape: Sendable {
    typealias NamedControl = (control: FeatureControl, name: String)

    /// What a register holds that the guest never wrote.
    enum Reset {
        /// The host's own value, or one that moves.
        case untold
        case zero
        case bits(UInt64, but: UInt64)

        /// Whether a value is another one; nil where that cannot be told.
        func isChanged(_ saved: RegisterValue) -> Bool? {
            switch self {
            case .untold: nil
            case .zero: !saved.isZero
            case .bits(let reset, let moving): saved.lowBits & ~moving != reset & ~moving
            }
        }
    }

    let cause: Cause
    /// The guest's controls of what the register belongs to; nil where its values decide which.
    let controls: [NamedControl]?
    let reset: Reset

    init(cause: Cause, controls: [NamedControl]?, reset: Reset) {
        self.cause = cause
        self.controls = controls
        self.reset = reset
    }
}
