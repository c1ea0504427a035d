import Emulation
import Planning
import Registers
import SeededRandom
import TestSubjects
import Testing
import Transfer
import VCPUModel

/// A profile that is made of a snapshot can be read, and a move to its host planned.
@Suite("Profiles of snapshots")
struct SnapshotProfileTests {
    private func snapshot(_ change: (inout Snapshot) throws -> Void = { _ in }) throws -> Snapshot {
        var snapshot = try PlanningTests.guest(of: try builtIn("6.12-neoverse-v1"))
        try change(&snapshot)
        return snapshot
    }

    /// The profile, after a way through its text.
    private func profile(_ snapshot: Snapshot, kernel: String? = nil) throws -> HostProfile {
        let made = try HostProfile(from: snapshot, kernel: kernel)
        #expect(try HostProfile(parsing: made.text, file: "made") == made)
        return made
    }

    private func error(
        _ change: (inout Snapshot) throws -> Void
    ) throws -> HostProfileError? {
        let snapshot = try snapshot(change)
        do throws(HostProfileError) {
            _ = try HostProfile(from: snapshot)
            return nil
        } catch {
            return error
        }
    }

    /// What the snapshot tells of its kernel is not overruled, and may be told less exactly.
    @Test(
        arguments: [
            ("6.12.69+deb13-arm64", "6.12", nil), ("6.12.69", "6.12.69", nil),
            ("6.12.69", "6.1", .otherKernel(told: "6.12.69", given: "6.1")),
            ("6.12.69", "6.12.6", .otherKernel(told: "6.12.69", given: "6.12.6")),
            ("6.12.69", "abc", .noVersion("abc")), ("6.12.69", "6 12", .noVersion("6 12")),
        ] as [(String, String, HostProfileError?)])
    func kernelThatIsTold(_ told: String, _ given: String, _ error: HostProfileError?) throws {
        let snapshot = try snapshot { $0.provenance[.kernel] = told }
        do throws(HostProfileError) {
            let made = try HostProfile(from: snapshot, kernel: given)
            #expect(error == nil && made.kernelRelease == told)
        } catch let found {
            #expect(found == error)
        }
    }

    @Test(arguments: [nil, "mainline", "6.12 of mine"] as [String?])
    func kernelThatIsNotTold(_ told: String?) throws {
        let made = try profile(snapshot { $0.provenance[.kernel] = told }, kernel: "6.1")
        #expect(made.kernelRelease == "6.1")
    }

    private func entry(_ key: String, _ value: String) throws -> HostProfile {
        try profile(snapshot { $0.provenance[Provenance.Key(rawValue: key)] = value })
    }

    @Test(arguments: ["0", "+5", "-1", "1e6", "\u{ff11}", "18446744073709551616", ""])
    func frequencyThatIsNone(_ text: String) throws {
        #expect(try entry("counter-frequency", text).counterFrequency == nil)
    }

    @Test(arguments: [
        ("capability.a b", "1"), ("capability.", "1"), ("capability.KVM_CAP\u{e9}", "1"),
        ("capability.#1", "1"), ("capability.KVM_CAP_X", "+1"), ("capability.KVM_CAP_X", "one"),
        ("capability." + String(repeating: "x", count: 129), "1"),
    ])
    func capabilityThatIsNone(_ key: String, _ value: String) throws {
        #expect(try entry(key, value).capabilities.isEmpty)
    }

    /// The guest can have been given the MIDR_EL1 of another CPU.
    @Test func hostsOwnCPU() throws {
        let own = try entry("midr", "0x410fd4f1")
        #expect(own.midr == 0x410f_d4f1 && own.registers[.midrEL1]?.bits == 0x410f_d4f1)
        #expect(own.name == "6.12-neoverse-v2")
        for text in ["", "410fd4f1", "0x", "a Graviton", "0x1ffffffffffffffff"] {
            let guest = try entry("midr", text)
            #expect(guest.midr == 0x411f_d402 && guest.name == "6.12-neoverse-v1", "\(text)")
        }
    }

    @Test func hostsFeatures() throws {
        let used = try profile(snapshot()).features
        #expect(!used.contains(.hasEL2))
        #expect(try entry("feature.HAS_EL2", "1").features == used.union(.hasEL2))
        for (key, value) in [
            ("feature.HAS_EL2", "0"), ("feature.HAS_EL2", ""), ("feature.", "1"),
            ("feature.NEW", "1"), ("feature.POWER_OFF", "1"),
        ] {
            #expect(try entry(key, value).features == used, "\(key) \(value)")
        }
    }

    @Test func hostsMasks() throws {
        let id = try register("ID_AA64PFR0_EL1")
        #expect(try profile(snapshot()).writableMasks.isEmpty)
        #expect(
            try entry("writable-mask.0x603000000013c020", "0xff").writableMasks == [id: 0xff])
        for (key, value) in [
            ("writable-mask.ID_AA64PFR0_EL1", "0xff"), ("writable-mask.0x603000000013c020", "255"),
            ("writable-mask.0x603000000013C020", "0xff"), ("writable-mask.", "0xff"),
            ("writable-mask.0x6030000000100000", "0xff"), ("writable-mask.0x0", "0xff"),
        ] {
            #expect(try entry(key, value).writableMasks.isEmpty, "\(key) \(value)")
        }
    }

    @Test func capabilityThatIsOne() throws {
        #expect(try entry("capability.KVM_CAP_NEW", "-7").capabilities == ["KVM_CAP_NEW": -7])
    }

    @Test(arguments: ["6.12 custom", "", "6.12\u{e9}", "#6.12", String(repeating: "6", count: 129)])
    func kernelThatIsNoWord(_ kernel: String) throws {
        #expect(try error { $0.provenance[.kernel] = kernel } == .unusableKernel(kernel))
        let text = HostProfileError.unusableKernel(kernel).description
        #expect(text.contains("--kernel") && text.utf8.allSatisfy { 0x20...0x7e ~= $0 })
        let given = try profile(snapshot { $0.provenance[.kernel] = kernel }, kernel: "6.12")
        #expect(given.kernelRelease == "6.12")
    }

    @Test func whatIsLackingIsNamed() throws {
        #expect(try error { $0.provenance[.kernel] = nil } == .noKernel)
        #expect(try error { $0.vcpus = [] } == .noVCPU)
        #expect(
            try error { snapshot in
                snapshot.vcpus[0].index = 7
                snapshot.vcpus[0].registers = try #require(
                    RegisterList(snapshot.vcpus[0].registers.filter { $0.0 != .vcpuInit }))
            } == .noInit(vcpu: 7))
        let withoutLengths = try error { snapshot in
            snapshot.vcpus[0].registers = try #require(
                RegisterList(snapshot.vcpus[0].registers.filter { $0.0 != .sveVLS }))
        }
        #expect(withoutLengths?.description.contains("the register SVE_VLS is missing") == true)
        let half = try error { snapshot in
            let features = VCPUFeatures(rawValue: 1 << 5)
            snapshot.vcpus[0].registers.set(VCPUInit(features: features).value, for: .vcpuInit)
        }
        #expect(half?.description.contains("which exist only together") == true)
        #expect(half?.description.contains("vcpusnap host") == true)
    }

    @Test func namesAreWords() throws {
        for name in ["my host", "", "h\u{f6}st", "#1", "a\u{1b}[31m"] {
            #expect(throws: HostProfileError.unusableName(name)) {
                _ = try HostProfile(from: snapshot(), name: name)
            }
            let text = HostProfileError.unusableName(name).description
            #expect(text.utf8.allSatisfy { 0x20...0x7e ~= $0 })
        }
        #expect(try HostProfile(from: snapshot(), name: "my-host").name == "my-host")
    }

    /// What is outside KVM's list is what a fresh vCPU has; what this program does not know is left out.
    @Test func stateOutsideTheList() throws {
        let unknown = RegisterID(rawValue: 0x7630_0000_0000_0009)
        let profile = try profile(
            snapshot { snapshot in
                snapshot.vcpus[0].registers.set(RegisterValue(5, size: 4), for: .mpState)
                snapshot.vcpus[0].registers.set(RegisterValue(0, size: 4), for: .vcpuFinalized)
                snapshot.vcpus[0].registers.set(RegisterValue(1), for: unknown)
                try snapshot.set("VCPU_EVENTS", 0x101)
                try snapshot.set("MPIDR_EL1", 0x8000_0003)
            })
        #expect(profile.registers[.mpState]?.isZero == true)
        #expect(profile.registers[.vcpuEvents]?.isZero == true)
        #expect(profile.registers[.vcpuFinalized] == RegisterValue(1 << 4, size: 4))
        #expect(profile.registers[unknown] == nil)
        #expect(try profile.bits("MPIDR_EL1") == 0x8000_0000)
    }

    /// At random: a profile that can be read, and planned with, or a word on what is lacking.
    @Test func anySnapshot() throws {
        let seed = UInt64.random(in: .min ... .max)
        print("seed of anySnapshot: \(seed)")
        var generator = SeededGenerator(seed: seed)
        var made = 0
        // Of some seeds few of the first 60 are whole enough.
        for round in 0..<600 where round < 60 || made <= 5 {
            let snapshot = Self.random(&generator)
            do throws(HostProfileError) {
                let profile = try HostProfile(from: snapshot)
                made += 1
                let again = try? HostProfile(parsing: profile.text, file: "again")
                #expect(again == profile, "seed \(seed), round \(round)")
                guard let plan = try? MovePlan(of: snapshot, on: profile, policy: .init(.force))
                else {
                    Issue.record("no plan: seed \(seed), round \(round)")
                    continue
                }
                #expect(plan.units.count == snapshot.vcpus.count)
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
        #expect(made > 5, "seed \(seed)")
    }

    private static func random(_ generator: inout SeededGenerator) -> Snapshot {
        var snapshot = Snapshot(provenance: Provenance(), vcpus: [])
        for key in ["kernel", "counter-frequency", "capability.A", "capability. b", "midr"]
        where Int.random(in: 0..<4, using: &generator) > 0 {
            let texts = ["6.12.1", "5.14.0-1.el9", "17", "0", "own", "a b", "-3", "\u{202e}", ""]
            let place = Int.random(in: 0..<texts.count * 2, using: &generator)
            snapshot.provenance[Provenance.Key(rawValue: key)] =
                texts[max(0, place - texts.count)]
        }
        var registers = RegisterList()
        let features = VCPUFeatures(rawValue: .random(in: 0...0x3ff, using: &generator))
        registers.set(VCPUInit(features: features).value, for: .vcpuInit)
        for _ in 0..<Int.random(in: 0...200, using: &generator) {
            var id = RegisterDictionary.all.randomElement(using: &generator)?.id ?? .x(0)
            if Int.random(in: 0..<8, using: &generator) == 0 {
                let exponent = UInt64.random(in: 0...8, using: &generator)
                id = RegisterID(rawValue: id.rawValue & ~(0xf << 52) | exponent << 52)
            }
            guard id != .vcpuInit else { continue }
            let bytes = (0..<(id.size ?? 8)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            if let value = RegisterValue(littleEndian: bytes) { registers.set(value, for: id) }
        }
        snapshot.vcpus = [VCPUState(index: 0, registers: registers)]
        return snapshot
    }
}
