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

    private func plan(_ source: String, _ destination: String) throws -> MovePlan {
        try MovePlan(of: guest(of: builtIn(source)), on: builtIn(destination), policy: exact)
    }

    /// Of what these losses are about no kernel lets a VMM choose anything, nor does another kernel give it.
    private static let ofTheCPUAlone: Set = [
        "SMCCC_ARCH_WORKAROUND_1", "SMCCC_ARCH_WORKAROUND_3", "CCSIDR0",
    ]

    @Test(arguments: HostProfile.builtInNames, HostProfile.builtInNames)
    func everyLossHasARemedy(_ source: String, _ destination: String) throws {
        for loss in try plan(source, destination).units[0].losses {
            let remedies = loss.remedies
            let (id, texts) = (loss.restore.id, remedies.map(\.text))
            let helping = remedies.filter { remedy in
                switch remedy {
                case .otherHost, .policy: false
                default: true
                }
            }
            let isOfTheCPU = Self.ofTheCPUAlone.contains(id.name)
            #expect(!helping.isEmpty || isOfTheCPU || isFixed(loss), "\(id): \(texts)")
            let last = try #require(remedies.last, "\(id)")
            let hasProof = remedies.contains { $0.name == "drop-safely" }
            #expect(last.name == (hasProof ? "other-host" : "policy"), "\(id): \(texts)")
            for text in texts {
                let isVague = ["the same", " more)", "..."].contains { text.contains($0) }
                #expect(!isVague, "\(id): \(text)")
            }
        }
    }

    /// Whether some of the fields can be chosen on no kernel.
    private func isFixed(_ loss: PlannedLoss) -> Bool {
        guard let entry = RegisterDictionary.entry(for: loss.restore.id) else { return false }
        return entry.isFeatureIDRegister || entry.id == .ctrEL0
    }

    // MARK: Before the first run

    /// A guest that was started as the remedies for its losses say does not have them.
    @Test(arguments: HostProfile.builtInNames, HostProfile.builtInNames)
    func guestStartedByTheRemedies(_ source: String, _ destination: String) throws {
        let (from, to) = (try builtIn(source), try builtIn(destination))
        let losses = try plan(source, destination).units[0].losses
        var start = try StartingState(of: from)
        var cured: Set<RegisterID> = []
        for loss in losses where try loss.remedies.contains(where: { try start.follow($0) }) {
            // A field that its kernel lets no one choose stays as it is.
            if !loss.remedies.contains(where: { $0.name == "start-on-kernel" }) {
                cured.insert(loss.restore.id)
            }
        }
        let moved = try MovePlan(of: start.guest(on: from), on: to, policy: exact)
        for loss in moved.units[0].losses where cured.contains(loss.restore.id) {
            let names = unchangeable(loss, on: from)
            #expect(!names.isEmpty, "\(loss.restore.id): \(loss.remedies.map(\.text))")
        }
    }

    /// The fields that still differ, of those that the source's kernel lets no one choose.
    private func unchangeable(_ loss: PlannedLoss, on source: HostProfile) -> [String] {
        guard let entry = RegisterDictionary.entry(for: loss.restore.id),
            let kernel = source.kernel,
            let wanted = loss.restore.wanted?.bits, let found = loss.restore.found?.bits
        else { return [] }
        return entry.idFieldRules.filter { rule in
            rule.extract(from: wanted) != rule.extract(from: found)
                && !(rule.isWritable(onKernel: kernel)
                    && rule.accepts(
                        rule.extract(from: found), host: rule.extract(from: wanted), kernel: kernel))
        }.map(\.field)
    }

    // MARK: The destination

    /// A loss that a newer kernel is said to prevent is none on the same machine with it.
    @Test(arguments: HostProfile.builtInNames, HostProfile.builtInNames)
    func newerKernel(_ source: String, _ destination: String) throws {
        let host = try builtIn(destination)
        let plan = try plan(source, destination)
        let all = try HostProfile.builtInNames.map(builtIn)
        let like = host.recordingsOfSameCPU(all)
        let helped = plan.units[0].losses.flatMap { loss in
            loss.remedies.compactMap { remedy -> (kernel: String, id: RegisterID)? in
                guard case .upgradeKernel(let version) = remedy else { return nil }
                return (String(version.prefix { $0 != " " }), loss.restore.id)
            }
        }
        for (kernel, helped) in Dictionary(grouping: helped, by: \.kernel) {
            let newer = try host.withKernel(kernel, like: like)
            let moved = try MovePlan(of: guest(of: builtIn(source)), on: newer, policy: exact)
            let lost = Set(moved.units[0].losses.map(\.restore.id))
            for (_, id) in helped { #expect(!lost.contains(id), "\(id) on Linux \(kernel)") }
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
            #expect(
                try MovePlan(of: snapshot, on: host, policy: less).verdict == .no, "\(rule)")
        }
    }
}

/// How a guest is started, as remedies say.
private struct StartingState {
    private let target: UInt32
    private var features: VCPUFeatures
    /// A fresh vCPU's.
    private let fresh: RegisterList
    private var values: [RegisterID: RegisterValue] = [:]

    init(of host: HostProfile) throws {
        let request = try #require(host.vcpuInit)
        (target, features, fresh) = (request.target, request.features, host.registers)
    }

    private mutating func set(_ name: String, _ change: (UInt64) -> UInt64) throws {
        let id = try register(name)
        let old = try #require(values[id] ?? fresh[id])
        values[id] = old.replacingLowBits(with: change(old.lowBits))
    }

    /// - Returns: whether there is something to do before the first run.
    mutating func follow(_ remedy: Remedy) throws -> Bool {
        switch remedy {
        case .withoutFeatures(let without): features.subtract(without)
        case .lowerFields(let name, let fields):
            let entry = try #require(RegisterDictionary.entry(named: name))
            for field in fields {
                let place = try #require(entry.field(named: field.name))
                try set(name) {
                    place.insert(field.value, into: RegisterValue($0)).lowBits
                }
            }
        case .presetRegister(let name, let value): try set(name) { _ in value.lowBits }
        case .limitVectors(_, let lengths): values[.sveVLS] = lengths
        case .fewerCounters(let count):
            try set("PMCR_EL0") {
                $0 & ~PMUControl.countersMask | PMUControl(counters: count).bits
            }
        case .restrictBitmap(let name, let bits): try set(name) { $0 & ~bits }
        case .lowerPSCIVersion(let version): try set("PSCI_VERSION") { _ in version.rawValue }
        default: return false
        }
        return true
    }

    /// Such a guest; everything that it is started with has to be taken.
    func guest(on host: HostProfile) throws -> Snapshot {
        var wanted = RegisterList()
        wanted.set(VCPUInit(target: target, features: features).value, for: .vcpuInit)
        if let finalized = features.finalizedValue { wanted.set(finalized, for: .vcpuFinalized) }
        let cpus = EmulatedHost(host).makeVCPUs(1)
        // What a vCPU without the features does not have is not set.
        let bare = try start(on: host, features: features)[0]
        for (id, value) in values where try bare.readAll()[id] != nil { wanted.set(value, for: id) }
        var options = Restore.Options()
        (options.isPartial, options.policy, options.kernel) = (
            true, RestorePolicy(.exact), host.kernel
        )
        let reports = try Restore.run([UnitState(.vcpu(0), wanted)], into: cpus, options: options)
        let refused = reports.flatMap(\.losses).map { "\($0.id): \($0.reason ?? $0.outcome.name)" }
        #expect(refused.isEmpty, "\(refused)")
        return try save(cpus, on: host)
    }
}
