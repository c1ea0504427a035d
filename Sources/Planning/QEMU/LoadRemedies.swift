package import Emulation
package import QEMUStream
internal import Registers
package import Transfer
internal import VCPUModel

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
    /// Start the guest with vectors of at most so many bits; 0 is without SVE.
    case limitVectors(bits: Int)
    /// Move to a host whose vectors have so many bits.
    case longerVectors(bits: Int)
    /// What helps a restore there; for how many registers of how many, where it does not for all.
    case ofTheMove(Remedy, only: (helped: Int, of: Int)?)

    /// The stable name, as in JSON.
    package var name: String {
        switch self {
        case .sameAccelerator: "same-accelerator"
        case .qemuWithMachine: "qemu-with-machine"
        case .sameMachine: "same-machine"
        case .sameDevice: "same-device"
        case .sameCPU: "same-cpu"
        case .mend: "mend"
        case .policy: "policy"
        case .newerQEMU: "newer-qemu"
        case .psciVersion: "kvm-psci-version"
        case .limitVectors: "limit-vectors"
        case .longerVectors: "other-host"
        case .ofTheMove(let remedy, _): remedy.name
        }
    }
}

/// What can be done about a load that fails, or that loses something.
package struct LoadRemedies: Sendable {
    /// What QEMU does with the stream.
    package let plan: LoadPlan
    /// What a restore of the same guest there would lose, with its remedies; nil where QEMU emulates the vCPUs.
    let move: MovePlan?
    /// What a mend makes of the stream, where it fails.
    private let mend: StreamMend?
    /// The oldest newer QEMU that loads it.
    private let newerQEMU: QEMUVersion?

    /// Plans the load of a stream on a host and, where it fails, a mend and the loads by newer versions.
    /// - Parameter move: the plan of a restore there of the same vCPUs, by the same policy.
    package init(
        of stream: QEMUStream, _ move: MovePlan, on profile: HostProfile, by version: QEMUVersion,
        _ policy: RestorePolicy
    ) throws(StreamMend.Problem) {
        func load(_ version: QEMUVersion) throws(StreamMend.Problem) -> LoadPlan {
            try Result { () throws(RegisterBankError) in
                try LoadPlan(of: stream, on: profile, version: version, policy: policy)
            }.mapError(StreamMend.Problem.bank).get()
        }
        plan = try load(version)
        self.move = move
        guard plan.verdict == .fails, plan.origin.canBeOfKVM else {
            (mend, newerQEMU) = (nil, nil)
            return
        }
        mend = try StreamMend(of: stream, on: profile, policy: policy, versions: [version])
        var newer = QEMUVersion.kinds(loading: stream.cpus).filter { $0 > version }[...]
        while let next = newer.first, try load(next).verdict != .loads { newer.removeFirst() }
        newerQEMU = newer.first
    }

    /// Plans the load of a stream by a QEMU that emulates the vCPUs.
    package init(
        of stream: QEMUStream, on destination: TCGDestination, _ policy: RestorePolicy
    ) throws(StreamMend.Problem) {
        plan = try Result { () throws(RegisterBankError) in
            try LoadPlan(of: stream, on: destination, policy: policy)
        }.mapError(StreamMend.Problem.bank).get()
        (move, newerQEMU) = (nil, nil)
        let loads = plan.verdict == .loads
        mend = try loads ? nil : StreamMend(of: stream, on: destination, policy: policy)
    }

    /// In the order of use; empty when nothing is lost.
    package var all: [LoadRemedy] {
        guard plan.verdict != .loads else { return [] }
        if plan.isEmulated { return plan.blockers.compactMap(\.remedy) + ofTheEmulation }
        guard plan.origin.canBeOfKVM else { return [.sameAccelerator(plan.origin)] }
        if let excess = plan.excess { return [.ofTheMove(.moreVCPUs(excess.count), only: nil)] }
        let rules = PolicyProposal(losses, of: move).proposed.map(\.rule)
        let version = failing.first { $0.id == .psciVersion && $0.incoming != nil }?.held
        let cut = plan.vcpus.compactMap(\.vectors).first(where: \.isCut)
        let ofTheStream: [LoadRemedy?] = [
            mend?.isSafe == true ? .mend : nil,
            rules.isEmpty || lacksSubsection ? nil : .policy(rules),
            newerQEMU.map { .newerQEMU($0) }, version.map { .psciVersion($0.lowBits) },
            cut.map { .limitVectors(bits: $0.longest) }, cut.map { .longerVectors(bits: $0.shown) },
        ]
        return ofTheStream.compactMap(\.self) + ofTheMove
    }

    /// What the vCPUs need; nothing where only the machine is in the way.
    private var ofTheEmulation: [LoadRemedy] {
        guard let mend, plan.vcpus.contains(where: { $0.failure != nil || !$0.losses.isEmpty })
        else { return [] }
        let rules = PolicyProposal(mend.refusals, of: nil).proposed.map(\.rule)
        let mending: [LoadRemedy] =
            mend.isSafe ? [.mend] : rules.isEmpty ? [] : [.policy(rules)]
        return mending + [plan.origin == .kvm ? .sameAccelerator(.kvm) : .sameCPU]
    }

    /// Whether QEMU gives up at a subsection, which no rule takes out.
    private var lacksSubsection: Bool {
        plan.vcpus.contains {
            if case .unknownSubsection = $0.failure { true } else { false }
        }
    }

    /// What the policy neither pardons nor has a mend put right by other rules.
    var losses: [RegisterLoad] {
        let all = plan.vcpus.flatMap(\.losses)
        guard let mend else { return all }
        let refused = Set(mend.refusals.map(\.id))
        return all.filter { !$0.fate.isFailure || refused.contains($0.id) }
    }

    private var failing: [RegisterLoad] {
        plan.vcpus.flatMap(\.registers).filter { $0.fate.isFailure }
    }

    /// The remedies of the same registers' losses in a restore, each with how many registers it is for.
    private var ofTheMove: [LoadRemedy] {
        let counting = plan.verdict == .fails ? failing : losses.filter { !$0.isOfVectors }
        let ids = Set(counting.map(\.id))
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
        return Remedy.merged(found).map { remedy, parts in
            let count = parts.reduce(into: Set<RegisterID>()) { $0.formUnion(helped[$1] ?? []) }
                .count
            return .ofTheMove(remedy, only: count < ids.count ? (count, ids.count) : nil)
        }
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
            default: true
            }
        }
    }
}

extension LoadBlocker {
    /// What can be done about one with which no load succeeds.
    fileprivate var remedy: LoadRemedy? {
        switch self {
        case .absentMachine(let name):
            QEMUVersion(ofMachine: name).map {
                .qemuWithMachine(name, from: $0, before: $0.firstWithoutOwnMachine)
            }
        case .otherMachine(let name, _): .sameMachine(name)
        case .absentDevice(let name, let instance, _): .sameDevice(name, instance)
        case .machineToName, .nestedVirtualization, .memoryTags, .gicv5: nil
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

    /// The kernel that the destination is to get.
    fileprivate var kernel: KernelVersion? {
        if case .upgradeKernel(let release) = self { KernelVersion(parsing: release) } else { nil }
    }

    /// QEMU loads all registers or none, so that only the newest of several kernels helps.
    fileprivate func withKernel(_ newest: KernelVersion) -> Remedy {
        guard let kernel, kernel < newest else { return self }
        return .upgradeKernel("\(newest)")
    }
}
