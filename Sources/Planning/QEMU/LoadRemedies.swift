package import Emulation
package import QEMUStream
internal import Registers
package import Transfer
package import VCPUModel

/// Something that can be done about a load that fails, or that loses something.
package enum LoadRemedy: Sendable {
    /// Load it in QEMU with the accelerator that the stream was written with.
    case sameAccelerator(StreamOrigin)
    /// Load it in a QEMU with the machine type, which is of the first of these versions and gone in the second.
    case qemuWithMachine(String, from: QEMUVersion, before: QEMUVersion)
    /// Start the destination with the machine type.
    case sameMachine(String)
    /// Give the destination the device of this name and instance.
    case sameDevice(String, UInt32)
    /// Start the guest with this option of QEMU: no QEMU migrates or saves a guest with what it takes away.
    case startWith(String)
    /// Emulate the CPU that it was saved with.
    case sameCPU
    /// Mend it: the result loads there.
    case mend
    /// Pardon what is lost by these rules, if the guest can do without.
    case policy([PolicyRule])
    /// Load it in this QEMU.
    case newerQEMU(QEMUVersion)
    /// Start the guest with the destination's PSCI, whose version is this value of PSCI_VERSION.
    case psciVersion(UInt64)
    /// Make the destination's vCPUs without these features, as the guest's are; for how many registers of how many, where
    /// it does not help all.
    case vcpusWithout(VCPUFeatures, only: (helped: Int, of: Int)?)
    /// Start the guest with vectors of at most so many bits; 0 is without SVE.
    case limitVectors(bits: Int)
    /// Move to a host whose vectors have so many bits.
    case longerVectors(bits: Int)
    /// Start the guest on the destination, since QEMU sets none of the registers that other VMMs could.
    case startThere
    /// What helps a restore there; for how many registers of how many, where it does not for all.
    case ofTheMove(Remedy, only: (helped: Int, of: Int)?)

    /// The stable name, as in JSON.
    package var name: String {
        switch self {
        case .sameAccelerator: "same-accelerator"
        case .qemuWithMachine: "qemu-with-machine"
        case .sameMachine: "same-machine"
        case .sameDevice: "same-device"
        case .startWith: "start-without"
        case .sameCPU: "same-cpu"
        case .mend: "mend"
        case .policy: "policy"
        case .newerQEMU: "newer-qemu"
        case .psciVersion: "kvm-psci-version"
        case .vcpusWithout: "vcpus-without-features"
        case .limitVectors: "limit-vectors"
        case .longerVectors: "other-host"
        case .startThere: "start-there"
        case .ofTheMove(let remedy, _): remedy.name
        }
    }
}

/// Where a stream is to be loaded.
package enum LoadPlace {
    /// On these hosts, by a QEMU with KVM.
    case hosts([HostProfile], by: QEMUVersion)
    /// By a QEMU without KVM.
    case emulation(TCGDestination)
}

/// What can be done about a load that fails, or that loses something.
package struct LoadRemedies: Sendable {
    /// What QEMU does with the stream.
    package let plan: LoadPlan
    /// Rules that pardon what is lost; where the load fails, only such with which a mend makes it load.
    let proposal: PolicyProposal
    /// What a restore of the same guest there would lose, with its remedies; nil where QEMU emulates the vCPUs.
    private let move: MovePlan?
    /// What a mend makes of the stream, where it fails.
    private let mend: StreamMend?
    /// The oldest newer QEMU that loads it.
    private let newerQEMU: QEMUVersion?
    /// What the load is without features that the guest does not have; nil where that helps no register.
    private let without: (features: VCPUFeatures, plan: LoadPlan)?

    /// Plans the load of a stream on a host and, where it fails, a mend and the loads by newer versions.
    /// - Parameters:
    ///   - move: the plan of a restore there of the same vCPUs, by the same policy.
    ///   - removed: features that the destination's vCPUs are made without; a mend is for all that the host has, so there is
    ///     none then.
    /// - Throws: where the stream's registers cannot be read, or no stream can be made of the changed ones.
    package init(
        of stream: QEMUStream, _ move: MovePlan, on profile: HostProfile, by version: QEMUVersion,
        _ policy: RestorePolicy, without removed: VCPUFeatures = []
    ) throws(StreamMend.Problem) {
        func load(
            _ version: QEMUVersion, _ removed: VCPUFeatures
        ) throws(StreamMend.Problem) -> LoadPlan {
            try Result { () throws(RegisterBankError) in
                try LoadPlan(
                    of: stream, on: profile, version: version, policy: policy, without: removed)
            }.mapError(StreamMend.Problem.bank).get()
        }
        let plan = try load(version, removed)
        (self.plan, self.move) = (plan, move)
        guard plan.verdict != .loads, plan.origin.canBeOfKVM, plan.excess == nil else {
            (proposal, mend, newerQEMU, without) = (PolicyProposal(), nil, nil, nil)
            return
        }
        let candidates = stream.featuresToRemove(on: profile).filter {
            $0.isDisjoint(with: removed)
        }
        without = try Self.without(candidates, plan) { (features) throws(StreamMend.Problem) in
            try load(version, removed.union(features))
        }
        guard plan.verdict == .fails, removed.isEmpty else {
            proposal = PolicyProposal(plan.vcpus.flatMap(\.losses), of: move)
            (mend, newerQEMU) = (nil, nil)
            return
        }
        func mended(_ policy: RestorePolicy) throws(StreamMend.Problem) -> StreamMend {
            try StreamMend(of: stream, on: profile, policy: policy, versions: [version])
        }
        let mend = try mended(policy)
        (self.mend, proposal) = (mend, try mend.proposal(after: policy, of: move, plan, mended))
        var newer = QEMUVersion.kinds(loading: stream.cpus).filter { $0 > version }[...]
        while let next = newer.first, try load(next, []).verdict != .loads { newer.removeFirst() }
        newerQEMU = newer.first
    }

    /// Plans the load of a stream by a QEMU that emulates the vCPUs.
    /// - Throws: where the stream's registers cannot be read.
    package init(
        of stream: QEMUStream, on destination: TCGDestination, _ policy: RestorePolicy
    ) throws(StreamMend.Problem) {
        let plan = try Result { () throws(RegisterBankError) in
            try LoadPlan(of: stream, on: destination, policy: policy)
        }.mapError(StreamMend.Problem.bank).get()
        (self.plan, move, newerQEMU, without) = (plan, nil, nil, nil)
        guard plan.verdict != .loads else {
            (mend, proposal) = (nil, PolicyProposal())
            return
        }
        func mended(_ policy: RestorePolicy) throws(StreamMend.Problem) -> StreamMend {
            try StreamMend(of: stream, on: destination, policy: policy)
        }
        let mend = try mended(policy)
        (self.mend, proposal) = (mend, try mend.proposal(after: policy, of: nil, nil, mended))
    }

    /// Plans the loads of a stream: on each host, or by the QEMU that emulates the vCPUs.
    /// - Parameter snapshot: the stream's vCPUs.
    /// - Throws: what the initializers throw, and `RestoreError` for a stream without vCPUs.
    package static func loads(
        of stream: QEMUStream, _ snapshot: Snapshot, on place: LoadPlace, _ policy: RestorePolicy
    ) throws -> [LoadRemedies] {
        switch place {
        case .emulation(let destination):
            return [try LoadRemedies(of: stream, on: destination, policy)]
        case .hosts(let profiles, let version):
            let guest = PlannedGuest(snapshot, in: nil)
            return try profiles.map { profile in
                let move = try guest.plan(on: profile, policy: policy)
                return try LoadRemedies(of: stream, move, on: profile, by: version, policy)
            }
        }
    }

    /// In the order of use; empty when nothing is lost.
    package var all: [LoadRemedy] {
        guard plan.verdict != .loads else { return [] }
        guard plan.isEmulated || plan.origin.canBeOfKVM else {
            return [.sameAccelerator(plan.origin)]
        }
        let machine = plan.blockers.compactMap(\.remedy)
        return machine + (plan.isEmulated ? ofTheEmulation : ofKVM)
    }

    private var ofKVM: [LoadRemedy] {
        if let excess = plan.excess { return [.ofTheMove(.moreVCPUs(excess.count), only: nil)] }
        guard hasLosses else { return [] }
        let version = failing.first { $0.id == .psciVersion && $0.incoming != nil }?.held
        let cut = plan.vcpus.compactMap(\.vectors).first(where: \.isCut)
        let ofTheStream: [LoadRemedy?] = [
            mending, newerQEMU.map { .newerQEMU($0) }, version.map { .psciVersion($0.lowBits) },
            withoutFeatures, cut.map { .limitVectors(bits: $0.longest) },
            cut.map { .longerVectors(bits: $0.shown) },
        ]
        return ofTheStream.compactMap(\.self) + ofTheMove
    }

    /// What the vCPUs need; nothing where only the machine is in the way.
    private var ofTheEmulation: [LoadRemedy] {
        guard hasLosses else { return [] }
        return [mending].compactMap(\.self)
            + [plan.origin == .kvm ? .sameAccelerator(.kvm) : .sameCPU]
    }

    /// A mend, or the rules for it; nil where it is refused by any rules.
    private var mending: LoadRemedy? {
        if mend?.isSafe == true { return .mend }
        let rules = proposal.proposed.map(\.rule)
        return rules.isEmpty ? nil : .policy(rules)
    }

    /// Whether anything is in the way beside the machine as a whole.
    private var hasLosses: Bool {
        plan.vcpus.contains { $0.failure != nil || !$0.losses.isEmpty }
    }

    private var failing: [RegisterLoad] { plan.failing }

    /// The remedies of the same registers' losses in a restore, each with how many registers it is for.
    private var ofTheMove: [LoadRemedy] {
        let ids = Set(plan.lostBits.keys)
        let lost = (move.map { $0.units.flatMap(\.losses) } ?? []).filter {
            ids.contains($0.restore.id)
        }
        var all = lost.flatMap { loss in Self.remedies(for: loss).map { ($0, loss.restore.id) } }
        all += Self.enabling(for: ids.subtracting(lost.map(\.restore.id)))
        let newest = all.compactMap(\.0.kernel).max()
        var helped: [Remedy: Set<RegisterID>] = [:]
        let found = all.map { remedy, id in
            let remedy = newest.map(remedy.withKernel) ?? remedy
            helped[remedy, default: []].insert(id)
            return remedy
        }
        let isBeyondQEMU = found.contains(where: \.isBeyondQEMU)
        return Remedy.merged(found).map { remedy, parts in
            let count = parts.reduce(into: Set<RegisterID>()) { $0.formUnion(helped[$1] ?? []) }
                .count
            return .ofTheMove(remedy, only: count < ids.count ? (count, ids.count) : nil)
        } + (isBeyondQEMU ? [.startThere] : [])
    }

    /// What a restore writes with a capability that QEMU does not enable.
    private static func enabling(for ids: Set<RegisterID>) -> [(Remedy, RegisterID)] {
        ids.sorted().compactMap { id in
            RegisterDictionary.entry(for: id)?.capability.map {
                (.enableCapability($0, onNewerKernel: false), id)
            }
        }
    }

    private static func remedies(for loss: PlannedLoss) -> [Remedy] {
        loss.remedies.filter { remedy in
            switch remedy {
            case .dropSafely, .lowerPSCIVersion, .policy: false
            // That is what a newer kernel is about already.
            case .otherHost: loss.cause.kind != .kernel
            // Whatever caches a guest has, its list has all registers of caches.
            case .presetRegister, .startOnKernel: loss.restore.outcome != .absent
            default: true
            }
        }
    }
}

// MARK: - Features that the guest does not have

extension LoadRemedies {
    /// - Parameter candidates: features that the host has and the guest does not.
    private static func without(
        _ candidates: [VCPUFeatures], _ plan: LoadPlan,
        _ load: (VCPUFeatures) throws(StreamMend.Problem) -> LoadPlan
    ) throws(StreamMend.Problem) -> (features: VCPUFeatures, plan: LoadPlan)? {
        var features: VCPUFeatures = []
        let lost = plan.lostBits
        for candidate in candidates {
            let left = try load(candidate).lostBits
            // Of one with several features in it each has to go.
            let helps = lost.contains { id, bits in
                let now = left[id] ?? 0
                return now != bits && now & ~bits == 0
            }
            if helps { features.formUnion(candidate) }
        }
        return features.isEmpty ? nil : (features, try load(features))
    }

    private var withoutFeatures: LoadRemedy? {
        guard let without else { return nil }
        let lost = plan.lostBits.keys
        let left = without.plan.lostBits
        let helped = lost.count { left[$0] == nil }
        return .vcpusWithout(
            without.features, only: helped < lost.count ? (helped, lost.count) : nil)
    }
}

extension LoadPlan {
    fileprivate var failing: [RegisterLoad] {
        vcpus.flatMap(\.registers).filter { $0.fate.isFailure }
    }

    /// The registers for which it fails, or else those that count, each with the bits that the vCPU holds otherwise; all
    /// where it has no such register.
    ///
    /// A mend takes out what the policy pardons, so that only the others are in the way, if there are any.
    fileprivate var lostBits: [RegisterID: UInt64] {
        let unpardoned = failing.filter { $0.pardon == nil }
        let counting =
            verdict == .fails
            ? (unpardoned.isEmpty ? failing : unpardoned)
            : vcpus.flatMap(\.losses).filter { !$0.isOfVectors }
        return counting.reduce(into: [:]) { lost, load in
            let bits = load.incoming.flatMap { incoming in
                load.held.map { incoming.lowBits ^ $0.lowBits }
            }
            lost[load.id, default: 0] |= bits ?? .max
        }
    }
}

extension QEMUStream {
    /// Features that QEMU can make vCPUs without, where a host has them and the guest has not.
    package func featuresToRemove(on profile: HostProfile) -> [VCPUFeatures] {
        let banks = cpus.map { QEMUVCPUBank($0, origin: origin.canBeOfKVM ? .kvm : origin) }
        let shown = banks.compactMap { try? $0.read(.vcpuInit) }
            .compactMap { VCPUInit($0)?.features }.reduce(VCPUFeatures()) { $0.union($1) }
        return Remedy.removable.map(\.features).filter {
            $0.isSubset(of: profile.features)
                && $0.isDisjoint(with: shown.union(LoadPlan.featuresOfTheGuest))
        }
    }
}

extension LoadBlocker {
    /// What can be done about one that is in the way.
    package var remedy: LoadRemedy? {
        switch self {
        case .absentMachine(let name):
            QEMUVersion(ofMachine: name).map {
                .qemuWithMachine(name, from: $0, before: $0.firstWithoutOwnMachine)
            }
        case .otherMachine(let name, _): .sameMachine(name)
        case .absentDevice(let name, let instance, _): .sameDevice(name, instance)
        case .nestedVirtualization: .startWith("-M virtualization=off")
        case .memoryTags(let underKVM): underKVM ? .startWith("-M mte=off") : nil
        case .gicv5: .startWith("-M gic-version=3")
        case .absentController(let name):
            .ofTheMove(.otherHost("the device \(name)"), only: nil)
        case .refusedInterrupts(let refusal) where refusal.unit != .vm:
            .ofTheMove(.otherHost("\(refusal.id.name) \(refusal.incoming)"), only: nil)
        case .machineToName, .refusedInterrupts: nil
        }
    }
}

extension Remedy {
    /// Each once, other hosts last.
    package static func each(_ remedies: [Remedy]) -> [Remedy] {
        var seen: Set<Remedy> = []
        let once = remedies.filter { seen.insert($0).inserted }
        return once.filter { !$0.isOtherHost } + once.filter(\.isOtherHost)
    }

    /// Whether it is to move to another host.
    package var isOtherHost: Bool { if case .otherHost = self { true } else { false } }

    /// The kernel that the destination is to get, or to keep.
    fileprivate var kernel: KernelVersion? {
        switch self {
        case .upgradeKernel(let span, _): span.first
        case .stopAtKernel(let version): version
        default: nil
        }
    }

    /// QEMU loads all registers or none, so that only the newest of several kernels helps.
    ///
    /// A register that this one does not take any more keeps its own.
    fileprivate func withKernel(_ newest: KernelVersion) -> Remedy {
        switch self {
        case .stopAtKernel: .stopAtKernel(newest)
        case .upgradeKernel(let span, _)
        where span.first != newest && span.end.map({ $0 > newest }) ?? true:
            .upgradeKernel(KernelSpan(from: newest, before: span.end), ofSeries: nil)
        default: self
        }
    }
}
