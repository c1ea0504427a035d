import Emulation
import LinuxSystem
import Planning
import QEMUStream
import Registers
import SeededRandom
import TestFiles
import TestSubjects
import Testing
import Transfer
import VCPUModel

@Suite("Mended streams")
struct StreamMendTests {
    private static let hosts = [
        "6.12-neoverse-n1", "6.1-neoverse-n1", "6.12-max", "6.1-cortex-a57",
    ]

    private func mend(
        _ stream: QEMUStream, for host: String = "6.1-neoverse-n1", _ policy: RestorePolicy
    ) throws -> StreamMend {
        try StreamMend(of: stream, on: try builtIn(host), policy: policy)
    }

    private let enough = [
        "drop CCSIDR*", "drop CLIDR_EL1", "drop ID_AA64DFR0_EL1", "drop CNTPCT_EL0",
    ]

    private func enoughForOld() throws -> RestorePolicy {
        try policy(enough[0], enough[1], enough[2], enough[3])
    }

    /// Checks what must hold of every mend.
    private func expectSound(
        _ mend: StreamMend, of stream: QEMUStream, _ comment: Comment? = nil
    ) throws {
        for ((vcpu, section), original) in zip(zip(mend.vcpus, mend.sections), stream.cpus) {
            let ids = section.entries.map(\.id)
            #expect(zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 }, comment)
            let changed = vcpu.changes.map(\.id)
            #expect(zip(changed, changed.dropFirst()).allSatisfy { $0 < $1 }, comment)
            #expect(vcpu.index == section.instance, comment)
            // The list is the old one with the changes made, and nothing more.
            let changes = Dictionary(uniqueKeysWithValues: vcpu.changes.map { ($0.id, $0) })
            let expected = original.entries.compactMap { entry -> CPUSection.Entry? in
                guard let change = changes[entry.id] else { return entry }
                return change.after.map { CPUSection.Entry(id: entry.id, value: $0.lowBits) }
            }
            #expect(section.entries == expected, comment)
            #expect(
                section.body.count
                    == original.body.count - 16 * (original.registerCount - section.registerCount))
        }
    }

    // MARK: Presets

    @Test("exact changes nothing, and names everything that does not load")
    func exact() throws {
        let stream = try QEMUStream(.kvmN1)
        let mend = try mend(stream, RestorePolicy(.exact))
        #expect(!mend.isSafe && mend.changesNothing)
        #expect(mend.sections.map(\.body) == stream.cpus.map(\.body))
        for vcpu in mend.vcpus {
            #expect(vcpu.refusals.count == 22)
            #expect(vcpu.refusals.filter { $0.fate == .unknown }.count == 17)
            #expect(vcpu.refusals.contains { $0.outcome == .refused(.invalidArgument) })
        }
        #expect(mend.plans.map(\.version) == QEMUVersion.kinds)
        #expect(mend.plans.allSatisfy { $0.verdict == .fails })
        try expectSound(mend, of: stream)
    }

    @Test("safe changes what cannot be noticed, and names what could be")
    func safe() throws {
        let stream = try QEMUStream(.kvmN1)
        let mend = try mend(stream, RestorePolicy(.safe))
        #expect(!mend.isSafe && !mend.changesNothing)
        for vcpu in mend.vcpus {
            #expect(
                vcpu.refusals.map(\.id.name)
                    == ["CCSIDR1", "CCSIDR2", "ID_AA64DFR0_EL1", "CLIDR_EL1", "CNTPCT_EL0"])
            #expect(vcpu.changes.filter { $0.after == nil }.count == 16)
            let replaced = vcpu.changes.filter { $0.after != nil }
            #expect(replaced.map(\.id.name) == ["CCSIDR0"])
            #expect(replaced.first?.before == RegisterValue(2, size: 4))
            #expect(replaced.first?.after == RegisterValue(0x701f_e01a, size: 4))
            for change in vcpu.changes {
                guard case .pardoned(let pardon) = change.reason else {
                    Issue.record("\(change.id) was changed by rules")
                    continue
                }
                #expect(pardon.rule == "safe" && pardon.proof != nil)
            }
        }
        try expectSound(mend, of: stream)
    }

    @Test(
        "force makes every stream load on every host",
        arguments: [StreamFixture.kvmN1, .kvmMax, .kvmDevices])
    func force(fixture: StreamFixture) throws {
        let stream = try QEMUStream(fixture)
        for host in Self.hosts {
            let mend = try mend(stream, for: host, RestorePolicy(.force))
            #expect(mend.isSafe, "\(host)")
            #expect(mend.vcpus.allSatisfy { $0.refusals.isEmpty })
            #expect(
                mend.plans.allSatisfy {
                    $0.verdict == .loads && $0.output.isEmpty
                        || $0.version >= QEMUVersion(11, 0) && $0.verdict != .fails
                }, "\(host)")
            try expectSound(mend, of: stream)
        }
    }

    // MARK: Rules

    @Test("A policy that pardons what is left makes every version load")
    func policyText() throws {
        let stream = try QEMUStream(.kvmN1)
        let mend = try mend(stream, enoughForOld())
        #expect(mend.isSafe)
        #expect(mend.plans.allSatisfy { $0.verdict != .fails })
        #expect(mend.vcpus.allSatisfy { $0.changes.count == 22 })
        try expectSound(mend, of: stream)
        let again = try stream.replacing(mend.sections)
        for version in QEMUVersion.kinds {
            let plan = try loadPlan(again, on: "6.1-neoverse-n1", by: version)
            #expect(plan.verdict != .fails)
            #expect(plan.names("unknown").isEmpty && plan.names("refused").isEmpty)
        }
    }

    @Test("Rules are carried out, wanted by the host or not")
    func rules() throws {
        let stream = try QEMUStream(.kvmN1)
        let rules = try policy("ignore CNTKCTL_EL1", "override PMUSERENR_EL0 0x3")
        let mend = try mend(stream, for: "6.12-neoverse-n1", rules)
        #expect(mend.isSafe)
        for vcpu in mend.vcpus {
            #expect(vcpu.changes.map(\.id.name).sorted() == ["CNTKCTL_EL1", "PMUSERENR_EL0"])
            for change in vcpu.changes {
                guard case .rules(let found) = change.reason else {
                    Issue.record("\(change.id) was pardoned")
                    continue
                }
                #expect(found.count == 1)
                #expect((change.after == nil) == (change.id.name == "CNTKCTL_EL1"))
                #expect(change.after == nil || change.after == RegisterValue(3))
            }
        }
        try expectSound(mend, of: stream)
    }

    @Test("An override of a field keeps the other fields")
    func overrideOfAField() throws {
        let stream = try QEMUStream(.kvmN1)
        let mend = try mend(
            stream, for: "6.12-neoverse-n1", policy("override SCTLR_EL1.M 0"))
        let change = try #require(mend.vcpus[0].changes.first)
        let before = try #require(change.before)
        #expect(before.lowBits & 1 == 1)
        #expect(change.after?.lowBits == before.lowBits & ~1)
    }

    @Test("An override that the host refuses is given up, or pardoned")
    func refusedOverride() throws {
        let stream = try QEMUStream(.kvmN1)
        let mended = try mend(
            stream, for: "6.12-neoverse-n1", policy("override MIDR_EL1 0x1234"))
        #expect(!mended.isSafe)
        #expect(mended.vcpus[0].refusals.map(\.id.name) == ["MIDR_EL1"])
        let pardoned = try mend(
            stream, for: "6.12-neoverse-n1",
            policy("override MIDR_EL1 0x1234", "drop MIDR_EL1"))
        #expect(pardoned.isSafe)
        // From the guest's own value to the host's, which is the same: nothing is changed.
        #expect(pardoned.changesNothing)
        #expect(pardoned.sections.map(\.body) == stream.cpus.map(\.body))
    }

    @Test("require outdoes the proofs of safe")
    func require() throws {
        let mended = try mend(try QEMUStream(.kvmN1), policy("require TCR2_EL1"))
        #expect(mended.vcpus[0].refusals.contains { $0.id.name == "TCR2_EL1" })
        #expect(!mended.vcpus[0].changes.contains { $0.id.name == "TCR2_EL1" })
    }

    // MARK: What changes nothing

    @Test("What fits is not changed", arguments: [RestorePolicy.Preset.exact, .safe, .force])
    func fits(preset: RestorePolicy.Preset) throws {
        let stream = try QEMUStream(.kvmN1)
        let mend = try mend(stream, for: "6.12-neoverse-n1", RestorePolicy(preset))
        #expect(mend.changesNothing && mend.isSafe)
        #expect(mend.sections.map(\.body) == stream.cpus.map(\.body))
        #expect(try stream.patch(replacing: mend.sections).isEmpty)
        // Those that KVM alters by itself are named.
        #expect(mend.vcpus.allSatisfy { $0.altered.map(\.id.name) == ["PMOVSSET_EL0"] })
    }

    @Test("Above a register of 32 bits nothing is changed that is not named")
    func upperHalves() throws {
        let cache = try register("CCSIDR0")
        let stream = try QEMUStream(.kvmN1) { $0.set(cache, 0xdead_beef_0000_0002) }
        let mend = try mend(stream, for: "6.12-neoverse-n1", RestorePolicy(.safe))
        #expect(mend.changesNothing && mend.isSafe)
        #expect(mend.sections.map(\.body) == stream.cpus.map(\.body))
    }

    @Test("Mending a mended stream changes nothing", arguments: hosts)
    func idempotent(host: String) throws {
        let stream = try QEMUStream(.kvmN1)
        let once = try mend(stream, for: host, RestorePolicy(.force))
        let again = try stream.replacing(once.sections)
        let twice = try mend(again, for: host, RestorePolicy(.force))
        #expect(twice.changesNothing && twice.isSafe)
        #expect(twice.sections.map(\.body) == once.sections.map(\.body))
        // Nothing is left for exact to refuse but what KVM alters.
        let exact = try mend(again, for: host, RestorePolicy(.exact))
        #expect(exact.isSafe && exact.changesNothing)
    }

    // MARK: What cannot be mended

    @Test("Streams of QEMU's emulation are refused", arguments: [StreamFixture.tcgMax, .tcgA15])
    func otherOrigin(fixture: StreamFixture) throws {
        let stream = try QEMUStream(fixture)
        let profile = try builtIn("6.12-max")
        do throws(StreamMend.Problem) {
            _ = try StreamMend(of: stream, on: profile, policy: RestorePolicy(.force))
            Issue.record("it was mended")
        } catch {
            #expect(error == .origin(.tcg))
            #expect(error.description.contains("TCG"))
        }
    }

    @Test(
        "What is left of a list without the registers that tell KVM's is still mended and planned")
    func fixedPoint() throws {
        // A list of QEMU's emulation with one register that only KVM has is taken for KVM's.
        let hybrid = try QEMUStream(.tcgMax) { $0.set(.psciVersion, 0x1_0001) }
        try #require(hybrid.origin == .kvm)
        for host in ["6.12-max", "6.1-neoverse-n1"] {
            for rules in [RestorePolicy(.force), try policy("base force", "ignore PSCI_VERSION")] {
                let once = try mend(hybrid, for: host, rules)
                // Its GICv2 these hosts do not have.
                #expect(once.refusals.isEmpty && once.isBlocked)
                let again = try hybrid.replacing(once.sections)
                let twice = try mend(again, for: host, rules)
                #expect(twice.refusals.isEmpty && twice.changesNothing, "\(host)")
                #expect(twice.sections.map(\.body) == once.sections.map(\.body))
                #expect(
                    twice.plans.map { $0.vcpus.map(\.registers) }
                        == once.plans.map { $0.vcpus.map(\.registers) })
            }
        }
        let kept = try ["SCTLR_EL1", "TTBR0_EL1"].map(register)
        let short = try QEMUStream(.kvmN1) { $0.removeAll { !kept.contains($0.id) } }
        try #require(short.origin == .unknown)
        let mended = try mend(short, RestorePolicy(.force))
        #expect(mended.isSafe && mended.changesNothing)
        // What no vCPU can do without is lost with it.
        let refused = try mend(short, RestorePolicy(.safe))
        #expect(!refused.isSafe && refused.changesNothing)
        #expect(
            refused.vcpus[0].refusals.contains {
                $0.id.name == "TCR_EL1" && $0.fate == .keptAtReset
            })
    }

    @Test("Vectors that the host has not are no list's, and cannot be mended")
    func vectors() throws {
        let stream = try QEMUStream(.kvmMax)
        let bank = QEMUVCPUBank(stream.cpus[0], origin: stream.origin)
        var bytes = try bank.read(.z(3)).littleEndianBytes
        bytes[100] = 1
        try bank.write(try #require(RegisterValue(littleEndian: bytes)), to: .z(3))
        let changed = try stream.replacing([bank.section])
        let rules = try policy("drop *", "require Z3")
        let mended = try mend(changed, for: "6.12-neoverse-n1", rules)
        #expect(!mended.isSafe)
        #expect(mended.vcpus[0].refusals.contains { $0.id == .z(3) && $0.fate == .dropped })
    }

    // MARK: Any list

    /// A KVM list of registers and values that may be anything; what shows the features stays, because
    /// vCPUs of one VM have the same.
    private func randomEntries(
        _ own: [CPUSection.Entry], using generator: inout SeededGenerator
    ) -> [CPUSection.Entry] {
        var entries = own
        for _ in 0..<Int.random(in: 0...60, using: &generator) where entries.count > 20 {
            let index = Int.random(in: entries.indices, using: &generator)
            if ![.midrEL1, .pmcrEL0].contains(entries[index].id) { entries.remove(at: index) }
        }
        for _ in 0..<Int.random(in: 0...30, using: &generator) {
            let index = Int.random(in: entries.indices, using: &generator)
            entries[index].value = generator.next()
        }
        for _ in 0..<Int.random(in: 0...60, using: &generator) {
            let bases: [(UInt64, UInt64)] = [
                (0x6030_0000_0013_0000, 0xffff), (0x6030_0000_0014_0000, 0xf),
                (0x6030_0000_0016_0000, 0xf), (0x6020_0000_0011_0000, 0x1f),
                (0x6020_0000_0013_0000, 0xffff), (0x4030_0000_200f_0000, 0xffff),
            ]
            let (base, mask) = bases.randomElement(using: &generator) ?? (0, 0)
            let id = RegisterID(rawValue: base | generator.next() & mask)
            // These are features too.
            guard ![.apiaKeyLoEL1, .hcrEL2].contains(id) else { continue }
            entries.set(id, generator.next())
        }
        return entries
    }

    @Test("Random lists, mended by force, load in every version")
    func randomLists() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        for round in 0..<40 {
            let comment: Comment = "seed \(seed), round \(round)"
            let name = [StreamFixture.kvmN1, .kvmMax].randomElement(using: &generator) ?? .kvmN1
            let host = Self.hosts.randomElement(using: &generator) ?? ""
            let stream = try QEMUStream(name) {
                $0 = randomEntries($0, using: &generator)
                $0.sort { $0.id < $1.id }
                // The half above a register of 32 bits has a test of its own.
                for index in $0.indices where $0[index].id.size == 4 {
                    $0[index].value &= 0xffff_ffff
                }
            }
            let mend = try mend(stream, for: host, RestorePolicy(.force))
            let stubborn = mend.vcpus.flatMap(\.refusals)
            #expect(stubborn == [], comment)
            let isSafe = mend.isSafe
            #expect(isSafe, comment)
            try expectSound(mend, of: stream, comment)
            let again = try stream.replacing(mend.sections)
            for version in QEMUVersion.kinds {
                let plan = try loadPlan(again, on: host, by: version)
                #expect(plan.verdict != .fails, comment)
                let failing = plan.vcpus.flatMap { $0.registers.filter(\.fate.isFailure) }
                #expect(failing == [], comment)
                let isLoaded = plan.vcpus.allSatisfy { $0.failure == nil }
                #expect(isLoaded, comment)
            }
            #expect(try loadPlan(again, on: host, by: .oldest).output.isEmpty, comment)
        }
    }

    @Test("Random lists are never changed beyond what safe can prove")
    func randomListsBySafe() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        for round in 0..<20 {
            let comment: Comment = "seed \(seed), round \(round)"
            let host = Self.hosts.randomElement(using: &generator) ?? ""
            let stream = try QEMUStream(.kvmN1) {
                $0 = randomEntries($0, using: &generator)
                $0.sort { $0.id < $1.id }
                for index in $0.indices where $0[index].id.size == 4 {
                    $0[index].value &= 0xffff_ffff
                }
            }
            let mend = try mend(stream, for: host, RestorePolicy(.safe))
            try expectSound(mend, of: stream, comment)
            for vcpu in mend.vcpus {
                for change in vcpu.changes {
                    guard case .pardoned(let pardon) = change.reason else {
                        Issue.record("there are no rules; \(comment)")
                        continue
                    }
                    #expect(pardon.proof != nil, comment)
                }
                #expect(Set(vcpu.changes.map(\.id)).isDisjoint(with: vcpu.refusals.map(\.id)))
            }
            #expect(mend.isSafe == mend.vcpus.allSatisfy { $0.refusals.isEmpty }, comment)
        }
    }
}
