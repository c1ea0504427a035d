import Emulation
import Planning
import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel

/// Over all pairs of built-in hosts: what reports say that can be done is there, and does what it says.
@Suite("Plans: remedies, over all pairs of hosts")
struct RemedyTests {
    private let exact = RestorePolicy(.exact)

    /// Each plan is made once for all of this: it takes long.
    @Test(arguments: HostProfile.builtInNames)
    func everyMove(from source: String) throws {
        let from = try builtIn(source)
        let planned = PlannedGuest(try guest(of: from), in: nil)
        var fresh = FreshGuests(of: from)
        for destination in HostProfile.builtInNames {
            let to = try builtIn(destination)
            let plan = try planned.plan(on: to, policy: exact)
            let losses = plan.units[0].losses.map { (loss: $0, remedies: $0.remedies) }
            let move = Move(from: from, to: to, guest: planned.snapshot, losses: losses)
            everyLossHasARemedy(move)
            try guestStartedByTheRemedies(move)
            try freshGuestOfTheKernels(move, &fresh)
            try newerKernel(move)
        }
    }

    private struct Move {
        let from: HostProfile
        let to: HostProfile
        let guest: Snapshot
        let losses: [(loss: PlannedLoss, remedies: [Remedy])]

        func text(_ id: RegisterID, _ remedies: [Remedy]) -> Comment {
            "\(id), \(from.name) to \(to.name): \(remedies.map(\.text))"
        }
    }

    private func everyLossHasARemedy(_ move: Move) {
        for (loss, remedies) in move.losses {
            let text = move.text(loss.restore.id, remedies)
            let helping = remedies.filter { !["other-host", "policy"].contains($0.name) }
            #expect(!helping.isEmpty || isOfTheHostAlone(loss), text)
            let hasProof = remedies.contains { $0.name == "drop-safely" }
            #expect(remedies.last?.name == (hasProof ? "other-host" : "policy"), text)
            let isVague = remedies.contains { remedy in
                ["the same", " more)", "..."].contains { remedy.text.contains($0) }
            }
            #expect(!isVague, text)
        }
    }

    /// Whether no kernel lets anyone choose it, and none gives it to a guest on another host.
    private func isOfTheHostAlone(_ loss: PlannedLoss) -> Bool {
        if loss.cause.kind == .kernelView { return true }
        let id = loss.restore.id
        guard let entry = RegisterDictionary.entry(for: id), let found = loss.restore.found?.bits,
            let wanted = loss.restore.wanted?.bits
        else { return false }
        // What a guest is told of a mitigation is the host's.
        if id.name.hasPrefix("SMCCC_ARCH_WORKAROUND_") { return found != 0 }
        let different = entry.idFieldRules.filter {
            $0.extract(from: wanted) != $0.extract(from: found)
        }
        return different.contains { rule in
            !entry.behaviorHistory.contains { kernel, _, _ in
                rule.takes(found, on: wanted, kernel: kernel)
            }
        }
    }

    // MARK: Before the first run

    /// A guest that was started as the remedies for its losses say does not have them.
    private func guestStartedByTheRemedies(_ move: Move) throws {
        var start = StartingState()
        var cured: Set<RegisterID> = []
        for (loss, remedies) in move.losses {
            let isFollowed = remedies.map { start.follow($0) }.contains(true)
            if isFollowed, remedies.allSatisfy(isAll) { cured.insert(loss.restore.id) }
        }
        let guest = try start.guest(on: move.from)
        let moved = try MovePlan(of: guest, on: move.to, policy: RestorePolicy(.safe))
        for loss in moved.units[0].losses where loss.restore.pardon == nil {
            let id = loss.restore.id
            #expect(!cured.contains(id), move.text(id, loss.remedies))
        }
    }

    /// Whether it leaves nothing to a newer kernel, or to none.
    private func isAll(_ remedy: Remedy) -> Bool {
        switch remedy {
        case .startOnKernel: false
        case .lowerFields(_, _, let fixed), .withoutFeatures(_, let fixed): fixed.isEmpty
        default: true
        }
    }

    /// A guest that was started on a kernel that a remedy names does not lose the register, at either end of the kernels.
    private func freshGuestOfTheKernels(_ move: Move, _ fresh: inout FreshGuests) throws {
        var spans: [KernelSpan: Set<RegisterID>] = [:]
        for (loss, remedies) in move.losses {
            for case .startFresh(let span, _) in remedies {
                spans[span, default: []].insert(loss.restore.id)
            }
        }
        for (span, ids) in spans {
            for kernel in try ends(of: span) {
                let moved = try MovePlan(
                    of: fresh.guest(with: kernel), on: move.to, policy: exact)
                let names = ids.intersection(moved.lostIDs).map(\.name)
                #expect(names.isEmpty, "\(names) of Linux \(kernel), of \(span.text)")
            }
        }
    }

    /// The oldest and the newest kernel of some.
    private func ends(of span: KernelSpan) throws -> [KernelVersion] {
        let oldest = try #require(span.first ?? KernelVersion.oldestKnown)
        guard let end = span.end else { return [oldest, KernelVersion(7, 4)] }
        let newest =
            switch (end.major, end.minor, end.patch) {
            case (7, 0, 0): KernelVersion(6, 19, 14)
            case (6, 0, 0): KernelVersion(5, 19, 17)
            case (5, 0, 0): KernelVersion(4, 20, 17)
            case (let major, let minor, 0): KernelVersion(major, minor - 1)
            case (let major, let minor, let patch): KernelVersion(major, minor, patch - 1)
            }
        return [oldest, newest]
    }

    // MARK: The destination

    /// A loss that a newer kernel is said to prevent is none on the same machine with it.
    private func newerKernel(_ move: Move) throws {
        let said = move.losses.flatMap { loss, remedies in
            remedies.compactMap { remedy -> (kernel: KernelVersion, id: RegisterID)? in
                guard case .upgradeKernel(let span, _) = remedy else { return nil }
                return span.first.map { ($0, loss.restore.id) }
            }
        }
        for (kernel, helped) in Dictionary(grouping: said, by: \.kernel) {
            let newer = try move.to.withKernel(kernel)
            let lost = try MovePlan(of: move.guest, on: newer, policy: exact).lostIDs
            for (_, id) in helped { #expect(!lost.contains(id), "\(id) on Linux \(kernel)") }
        }
    }

    /// The kernel that is named is the first of all that takes the register, and where none is named there is none.
    @Test(arguments: HostProfile.builtInNames)
    func firstNewerKernel(of destination: String) throws {
        let host = try builtIn(destination)
        let own = try #require(host.kernel)
        let dates = KernelVersion.ofChanges.filter { $0 > own && $0.patch == 0 }
        let newer = try dates.map { ($0, try host.withKernel($0)) }
        let names = HostProfile.builtInNames
        let start = names.firstIndex(of: destination) ?? 0
        // Each guest goes to a third of the hosts.
        for index in stride(from: start % 3, to: names.count, by: 3) {
            let snapshot = try guest(of: builtIn(names[index]))
            let lost = try newer.map { kernel, host in
                let lost = try MovePlan(of: snapshot, on: host, policy: exact).lostIDs
                return (kernel, lost.union(host.guesses.map(\.register)))
            }
            let plan = try MovePlan(of: snapshot, on: host, policy: exact)
            for loss in plan.units[0].losses where !loss.takesACapability {
                let first = lost.first { !$0.1.contains(loss.restore.id) }?.0
                let said = loss.remedies.compactMap { remedy -> KernelVersion? in
                    if case .upgradeKernel(let span, _) = remedy { span.first } else { nil }
                }
                #expect(said == [first].compactMap(\.self), "\(loss.restore.id) of \(names[index])")
            }
        }
    }

    // MARK: A policy

    /// The rules that are proposed make the move possible, and none of them is too much.
    @Test(arguments: HostProfile.builtInNames, HostProfile.builtInNames)
    func smallestPolicy(_ source: String, _ destination: String) throws {
        let (snapshot, host) = (try guest(of: builtIn(source)), try builtIn(destination))
        let safe = RestorePolicy(.safe)
        let plan = try MovePlan(of: snapshot, on: host, policy: safe)
        var proposal = PolicyProposal()
        proposal.add(plan)
        #expect(proposal.proposed.isEmpty == (plan.verdict != .no))
        let policy = proposal.policy(after: safe)
        let moved = try MovePlan(of: snapshot, on: host, policy: policy)
        #expect(moved.verdict != .no)
        #expect(moved.units.allSatisfy { $0.report.losses.isEmpty })
        // Of very many rules, some: each is a restore.
        let step = policy.rules.count / 12 + 1
        for number in stride(from: 0, to: policy.rules.count, by: step) {
            var less = policy
            let rule = less.rules.remove(at: number)
            let other = try MovePlan(of: snapshot, on: host, policy: less)
            #expect(other.verdict == .no, "\(rule)")
        }
    }
}

/// Guests of a host with other kernels, each started once.
private struct FreshGuests {
    private let host: HostProfile
    private var known: [KernelVersion: Snapshot] = [:]

    init(of host: HostProfile) { self.host = host }

    mutating func guest(with kernel: KernelVersion) throws -> Snapshot {
        if let known = known[kernel] { return known }
        let derived = try host.withKernel(kernel)
        let guest = try save(start(on: derived), on: derived)
        known[kernel] = guest
        return guest
    }
}

/// How a guest is started, as remedies say.
private struct StartingState {
    private var withoutFeatures: VCPUFeatures = []
    /// What is written before the first run, by the register's name.
    private var changes: [(name: String, field: String?, change: (UInt64) -> UInt64)] = []
    private var vectorLengths: RegisterValue?

    private mutating func set(
        _ name: String, _ field: String? = nil, _ change: @escaping (UInt64) -> UInt64
    ) {
        changes.append((name, field, change))
    }

    /// A vCPU without the performance monitors has no version of them.
    private func isOfMissingFeature(_ field: String?) -> Bool {
        withoutFeatures.contains(.pmuV3) && (field == "PMUVer" || field == "PerfMon")
    }

    /// - Returns: whether there is something to do before the first run.
    mutating func follow(_ remedy: Remedy) -> Bool {
        switch remedy {
        case .withoutFeatures(let features, _): withoutFeatures.formUnion(features)
        case .limitVectors(_, let lengths): vectorLengths = lengths
        case .lowerFields(let name, let fields, _):
            let entry = RegisterDictionary.entry(named: name)
            for field in fields {
                guard let place = entry?.field(named: field.name) else { return false }
                set(name, field.name) {
                    place.insert(field.value, into: RegisterValue($0)).lowBits
                }
            }
        case .presetRegister(let name, let value): set(name) { _ in value.lowBits }
        case .fewerCounters(let count):
            let bits = PMUControl(counters: count).bits
            set("PMCR_EL0") { $0 & ~PMUControl.countersMask | bits }
        case .restrictBitmap(let name, let bits): set(name) { $0 & ~bits }
        case .lowerPSCIVersion(let version): set("PSCI_VERSION") { _ in version.rawValue }
        default: return false
        }
        return true
    }

    /// Such a guest; everything that it is started with has to be taken.
    func guest(on host: HostProfile) throws -> Snapshot {
        let own = try #require(host.vcpuInit)
        let features = own.features.subtracting(withoutFeatures)
        let fresh = try start(on: host, features: features)[0].readAll()
        var wanted = RegisterList()
        wanted.set(VCPUInit(target: own.target, features: features).value, for: .vcpuInit)
        if let finalized = features.finalizedValue {
            wanted.set(finalized, for: .vcpuFinalized)
            if let vectorLengths { wanted.set(vectorLengths, for: .sveVLS) }
        }
        for (name, field, change) in changes where !isOfMissingFeature(field) {
            let id = try register(name)
            // A vCPU without the features does not have all.
            guard let old = wanted[id] ?? fresh[id] else { continue }
            wanted.set(old.replacingLowBits(with: change(old.lowBits)), for: id)
        }
        var options = Restore.Options()
        (options.isPartial, options.kernel) = (true, host.kernel)
        options.policy = RestorePolicy(.exact)
        let cpus = EmulatedHost(host).makeVCPUs(1)
        let reports = try Restore.run([UnitState(.vcpu(0), wanted)], into: cpus, options: options)
        let refused = reports.flatMap(\.losses).map { "\($0.id): \($0.reason ?? $0.outcome.name)" }
        #expect(refused.isEmpty, "\(refused)")
        return try save(cpus, on: host)
    }
}
