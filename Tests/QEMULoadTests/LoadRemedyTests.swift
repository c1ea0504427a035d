import Emulation
import Planning
import QEMUStream
import Registers
import TestFiles
import TestSubjects
import Testing
import Transfer
import VCPUModel

/// Over all streams and hosts: a load that is not what the guest needs ends with what can be done.
@Suite("What can be done about loads, over all streams and hosts")
struct LoadRemedyTests {
    private func expectRemedies(
        _ remedies: LoadRemedies, _ what: String, _ place: SourceLocation = #_sourceLocation
    ) {
        let isFine = remedies.plan.verdict == .loads
        #expect(
            remedies.all.isEmpty == isFine, "\(what): \(remedies.plan.verdict)",
            sourceLocation: place)
    }

    private let policy = RestorePolicy(.safe)

    @Test(arguments: StreamFixture.allCases, HostProfile.builtInNames)
    func ofKVM(_ fixture: StreamFixture, _ host: String) throws {
        let (stream, profile) = (try QEMUStream(fixture.bytes), try builtIn(host))
        let snapshot = try snapshot(of: stream)
        let move = try MovePlan(of: snapshot, on: profile, policy: policy)
        for version in QEMUVersion.kinds {
            let remedies = try LoadRemedies(of: stream, move, on: profile, by: version, policy)
            let what = "\(fixture) on \(host) by \(version)"
            expectRemedies(remedies, what)
            try expectMend(of: stream, remedies, what) { policy in
                try StreamMend(of: stream, on: profile, policy: policy, versions: [version])
            } plan: { stream, policy in
                try LoadPlan(of: stream, on: profile, version: version, policy: policy)
            }
            try expectWithout(remedies, stream, profile, what)
        }
    }

    /// The rules make it load, none of them is too much, and of an ID register only refused fields are given up.
    @Test(arguments: [StreamFixture.kvmN1, .kvmMax], HostProfile.builtInNames)
    func smallestPolicy(_ fixture: StreamFixture, _ host: String) throws {
        let (stream, profile) = (try QEMUStream(fixture.bytes), try builtIn(host))
        let move = try MovePlan(of: snapshot(of: stream), on: profile, policy: policy)
        let version = QEMUVersion.newest
        let remedies = try LoadRemedies(of: stream, move, on: profile, by: version, policy)
        guard remedies.plan.verdict == .fails,
            let rules = remedies.all.compactMap({ (remedy) -> [PolicyRule]? in
                if case .policy(let rules) = remedy { rules } else { nil }
            }).first
        else { return }
        func isSafe(_ rules: [PolicyRule]) throws -> Bool {
            var other = policy
            other.rules += rules
            return try StreamMend(of: stream, on: profile, policy: other, versions: [version])
                .isSafe
        }
        #expect(try isSafe(rules))
        // What is altered silently is no reason for a mend to be refused.
        for rule in rules where !rule.description.hasPrefix("accept-masked") {
            #expect(try !isSafe(rules.filter { $0 != rule }), "\(rule) on \(host)")
        }
        var ofTheMove = PolicyProposal()
        ofTheMove.add(move)
        let fields = ofTheMove.proposed.map(\.rule).filter { $0.description.hasPrefix("override") }
        for field in fields {
            let name = String(field.pattern.text.prefix { $0 != "." })
            #expect(!rules.contains { $0.description == "drop \(name)" }, "\(name) on \(host)")
        }
    }

    /// The kernel that is named for all registers is the one on which QEMU loads them.
    @Test func newerKernel() throws {
        let (stream, host) = (try QEMUStream(.kvmN1), try builtIn("6.1-neoverse-n1"))
        let move = try MovePlan(of: snapshot(of: stream), on: host, policy: policy)
        let remedies = try LoadRemedies(of: stream, move, on: host, by: .newest, policy)
        let named = remedies.all.compactMap { remedy -> KernelVersion? in
            guard case .ofTheMove(.upgradeKernel(let span, _), only: nil) = remedy else {
                return nil
            }
            return span.first
        }
        #expect(named == [KernelVersion(6, 7)])
        let newer = try host.withKernel(
            "6.7", like: HostProfile.builtIn(ofCPU: try #require(host.midr)))
        let plan = try LoadPlan(of: stream, on: newer, version: .newest, policy: policy)
        #expect(plan.verdict != .fails)
    }

    /// What a destination does not have that is started without it, and the guest neither, needs no mend.
    @Test(arguments: ["6.12-neoverse-v1", "7.3-neoverse-v1"])
    func mendForLessThanTheHostHas(_ host: String) throws {
        let (stream, profile) = (try QEMUStream(.kvmN1), try builtIn(host))
        let cpu = try #require(HostCPU(parsing: "host,sve=off,pauth=off"))
        #expect(cpu.option == "-cpu host,sve=off,pauth=off" && HostCPU().option == nil)
        for text in ["", "max", "host,", "host,sve=on", "host,sve=off,,pauth=off"] {
            #expect(HostCPU(parsing: text) == nil, "\(text)")
        }
        func mend(_ policy: RestorePolicy, _ cpu: HostCPU) throws -> StreamMend {
            try StreamMend(of: stream, on: profile, policy: policy, versions: [.newest], cpu: cpu)
        }
        func refused(_ cpu: HostCPU) throws -> Set<RegisterID> {
            Set(try mend(policy, cpu).refusals.map(\.id))
        }
        #expect(try refused(cpu).isStrictSubset(of: refused(HostCPU())))
        let forced = try mend(RestorePolicy(.force), cpu)
        #expect(forced.isSafe)
        let mended = try stream.replacing(forced.sections)
        let less = try LoadPlan(
            of: mended, on: profile, version: .newest, policy: policy, without: cpu.removed)
        #expect(less.verdict != .fails)
    }

    @Test(arguments: StreamFixture.allCases, TCGModel.builtInNames)
    func ofTheEmulation(_ fixture: StreamFixture, _ name: String) throws {
        let model = try #require(try TCGModel.builtIn(named: name))
        let stream = try QEMUStream(fixture.bytes)
        let destination = TCGDestination(
            model, try #require(QEMUVersion(parsing: model.qemu)),
            machine: stream.header.machineType, vcpus: stream.cpus.count)
        for policy in [policy, RestorePolicy(.force)] {
            let remedies = try LoadRemedies(of: stream, on: destination, policy)
            expectRemedies(remedies, "\(fixture) on \(name)")
            try expectMend(of: stream, remedies, "\(fixture) on \(name)") { policy in
                try StreamMend(of: stream, on: destination, policy: policy)
            } plan: { stream, policy in
                try LoadPlan(of: stream, on: destination, policy: policy)
            }
        }
    }

    // MARK: What is said is so

    /// A mend that is advised is not refused, and what it makes loads.
    private func expectMend(
        of stream: QEMUStream, _ remedies: LoadRemedies, _ what: String,
        by mend: (RestorePolicy) throws -> StreamMend,
        plan: (QEMUStream, RestorePolicy) throws -> LoadPlan
    ) throws {
        let isFailing = remedies.plan.verdict == .fails
        for remedy in remedies.all {
            var policy = RestorePolicy(
                try #require(RestorePolicy.Preset(rawValue: remedies.plan.policy)))
            switch remedy {
            case .mend: break
            case .policy(let rules) where isFailing: policy.rules += rules
            default: continue
            }
            let mended = try mend(policy)
            #expect(mended.isSafe, "\(what): \(remedy)")
            let loaded = try plan(try stream.replacing(mended.sections), policy)
            #expect(loaded.verdict != .fails, "\(what): \(remedy)")
            if case .policy = remedy { #expect(loaded.verdict == .loads, "\(what): \(remedy)") }
        }
    }

    /// Without the features that are named so many registers are not lost, and none is named that changes nothing.
    private func expectWithout(
        _ remedies: LoadRemedies, _ stream: QEMUStream, _ profile: HostProfile, _ what: String
    ) throws {
        func lost(_ features: VCPUFeatures) throws -> [RegisterID: Set<RegisterValue?>] {
            let plan = try LoadPlan(
                of: stream, on: profile, version: remedies.plan.version, policy: policy,
                without: features)
            let failing = plan.vcpus.flatMap(\.registers).filter(\.fate.isFailure)
            let counting = failing.filter { $0.pardon == nil }
            let registers =
                remedies.plan.verdict == .fails
                ? (counting.isEmpty ? failing : counting)
                : plan.vcpus.flatMap(\.losses).filter { !$0.isOfVectors }
            return registers.reduce(into: [:]) { $0[$1.id, default: []].insert($1.held) }
        }
        let before = try lost([])
        var advised: VCPUFeatures = []
        for case .vcpusWithout(let features, let only) in remedies.all {
            advised = features
            let after = try lost(features)
            let helped = before.keys.filter { after[$0] == nil }
            #expect(only?.helped ?? before.count == helped.count, "\(what)")
            #expect(only?.of ?? before.count == before.count, "\(what)")
        }
        for features in stream.featuresToRemove(on: profile)
        where stream.origin.canBeOfKVM && remedies.plan.verdict != .loads {
            let isChanged = try lost(features) != before
            #expect(advised.isSuperset(of: features) || !isChanged, "\(what): \(features.names)")
        }
    }

    @Test("A guest without SVE and pointer authentication, on a host with both")
    func features() throws {
        let (stream, profile) = (try QEMUStream(.kvmN1), try builtIn("6.12-max"))
        let move = try MovePlan(of: try snapshot(of: stream), on: profile, policy: policy)
        let remedies = try LoadRemedies(
            of: stream, move, on: profile, by: QEMUVersion(10, 0), policy)
        let advised = remedies.all.compactMap { remedy -> VCPUFeatures? in
            if case .vcpusWithout(let features, _) = remedy { features } else { nil }
        }
        #expect(advised == [VCPUFeatures.pointerAuthentication.union(.sve)])
    }

    // MARK: The machine

    @Test("A version without the machine type loads nothing, whatever its vCPUs are")
    func machine() throws {
        let (stream, host) = (try QEMUStream(.kvmN1), "6.12-neoverse-n1")
        let force = RestorePolicy(.force)
        let old = try loadPlan(stream, on: host, by: .oldest, policy: force, isOfOneVersion: true)
        #expect(old.verdict == .fails && old.vcpus.allSatisfy { $0.failure == nil })
        #expect(
            old.output
                == ["unsupported machine type", "Use -machine help to list supported machines"])
        let own = try loadPlan(
            stream, on: host, by: QEMUVersion(of: stream), policy: force, isOfOneVersion: true)
        #expect(own.verdict == .loads && own.blockers.isEmpty)
        let profile = try builtIn(host)
        let move = try MovePlan(of: try snapshot(of: stream), on: profile, policy: force)
        let remedies = try LoadRemedies(of: stream, move, on: profile, by: .oldest, force)
        #expect(remedies.all.map(\.name) == ["qemu-with-machine"])
        let mend = try StreamMend(of: stream, on: profile, policy: force, versions: [.oldest])
        #expect(mend.isBlocked && !mend.isSafe)
        #expect(mend.blockers == [.absentMachine("virt-10.0")])
        let forAll = try StreamMend(of: stream, on: profile, policy: force)
        #expect(forAll.isSafe && forAll.blockers == [.machineToName("virt-10.0")])
        #expect(try StreamMend(of: stream, on: nil, policy: force).blockers.isEmpty)
        let unnamed = try QEMUStream(.kvmDevices)
        #expect(
            try loadPlan(unnamed, on: host, by: .oldest, policy: force, isOfOneVersion: true)
                .verdict == .loads)
    }

    @Test("What QEMU refuses to save is said by a mend, whatever it is for")
    func blockers() throws {
        let nested = try QEMUStream(.kvmN1) { entries in
            entries.set(.hcrEL2, 0)
            entries.set(.rgsrEL1, 0)
        }
        for profile in [nil, try builtIn("7.3-max")] {
            let mend = try StreamMend(of: nested, on: profile, policy: RestorePolicy(.force))
            #expect(mend.blockers.contains(.nestedVirtualization))
            #expect(mend.blockers.contains(.memoryTags(underKVM: true)))
        }
        let profile = try builtIn("6.12-neoverse-n1")
        let move = try MovePlan(of: snapshot(of: nested), on: profile, policy: policy)
        let remedies = try LoadRemedies(of: nested, move, on: profile, by: .newest, policy)
        #expect(remedies.all.prefix(2).map(\.name) == ["start-without", "start-without"])
    }
}
