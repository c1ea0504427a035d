import Emulation
import Planning
import Registers
import SeededRandom
import TestSubjects
import Testing
import Transfer
import VCPUModel

/// Whatever profile is accepted can be used: nothing of it stops the program.
@Suite("Every profile can be used")
struct HostileProfileTests {
    /// Plans, restores and compares a fresh guest of the profile, in every way a profile is used in.
    private func use(_ profile: HostProfile, _ name: String) throws {
        let other = try builtIn("6.12-neoverse-n1")
        let cpus = try start(on: profile)
        let guest = try save(cpus, on: profile)
        #expect(guest.vcpus[0].registers.count > 1, "\(name)")
        for (snapshot, host) in [(guest, profile), (guest, other)] {
            let plan = try MovePlan(of: snapshot, on: host, policy: RestorePolicy(.safe))
            #expect(host != profile || plan.verdict == .yes, "\(name): \(plan.lostNames.prefix(3))")
        }
        _ = try MovePlan(of: try PlanningTests.guest(of: other), on: profile, policy: .init(.exact))
        _ = try Baseline(of: [profile, other])
        let values = try cpus[0].list().map { ($0, try cpus[0].read($0)) }
        for (id, value) in values {
            let changed = value.replacingLowBits(with: ~value.lowBits)
            try? cpus[0].write(changed, to: id)
            try? cpus[0].rawState.write(changed, to: id)
            // Another ID field may have taken it away.
            _ = try? cpus[0].read(id)
        }
        cpus[0].reset()
    }

    private static let classes = [
        "", "writable", "invariant", "writeIgnored", "sanitised", "volatile", "raz",
    ]

    /// Every register of the dictionary, with every size an id can say and every class.
    @Test(arguments: classes)
    func everyIDOfEverySize(_ behaviorClass: String) throws {
        let seed = UInt64.random(in: .min ... .max)
        print("seed of everyIDOfEverySize: \(seed)")
        var generator = SeededGenerator(seed: seed)
        let all = RegisterDictionary.all.map(\.id).filter { $0.architecture != .own }
        #expect(all.count > 1200)
        for exponent in UInt64(0)...8 where behaviorClass != "sanitised" || exponent <= 3 {
            // A profile has at most 1 MiB, and the widest registers take half of one with 1,000.
            let ids = Set(
                all.map { RegisterID(rawValue: $0.rawValue & ~(0xf << 52) | exponent << 52) }
            )
            .subtracting([.sveVLS]).sorted()
            #expect(ids.count > 1200)
            let lines = ids.map { id in
                let value =
                    behaviorClass == "raz" ? "0x0" : Self.randomValue(1 << exponent, &generator)
                let suffix = behaviorClass.isEmpty ? "" : " class=\(behaviorClass)"
                return "register \(id.name) \(id.hex) \(value)\(suffix)"
                    + (behaviorClass == "sanitised" ? " mask=0x5" : "")
            }
            let name = "size \(1 << exponent), class \(behaviorClass), seed \(seed)"
            for kernel in exponent == 3 ? ["6.1", "6.12", "7.3"] : ["6.12"] {
                let text = profileText(kernel: kernel, lines)
                try use(try HostProfile(parsing: text, file: name), name)
            }
        }
    }

    private static func randomValue(_ size: Int, _ generator: inout SeededGenerator) -> String {
        let bytes = (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) }
        return RegisterValue(littleEndian: bytes)?.description ?? "0x0"
    }

    // MARK: The inputs that stopped it

    /// A V register beside Z registers, which it is the low half of.
    @Test(arguments: [1, 0, 31])
    func vectorBesideZ(_ number: Int) throws {
        var profile = try builtIn("6.12-max")
        let value = try value("0x123", of: .v(number))
        profile.registers.set(value, for: .v(number))
        profile = try HostProfile(parsing: profile.text, file: "test")
        #expect(try start(on: profile)[0].read(.v(number)) == value)
        #expect(try start(on: profile)[0].read(.z(number)).isZero)
        try use(profile, "v\(number)")
        // Without SVE there is one of each.
        profile.featureSets = []
        let bare = try start(on: profile, features: [.psci02])[0].list()
        #expect((0..<32).allSatisfy { bare.contains(.v($0)) } && Set(bare).count == bare.count)
    }

    @Test(arguments: ["writeIgnored", "invariant", "raz", "volatile", "writable"])
    func classOfAVector(_ name: String) throws {
        let line = "register v0 0x6040000000100054 0x0 class=\(name)"
        let profile = try HostProfile(parsing: profileText([line]), file: "test")
        let cpu = try start(on: profile)[0]
        let new = try #require(RegisterValue(littleEndian: Array(repeating: 7, count: 16)))
        let isRefused = (try? cpu.write(new, to: .v(0))) == nil
        #expect(isRefused == ["invariant", "raz"].contains(name))
        #expect(
            try cpu.read(.v(0))
                == (["volatile", "writable"].contains(name) ? new : .zero(size: 16)))
    }

    /// An event counter's place with the size of a vector.
    @Test(
        arguments: [0x6080_0000_0013_df40, 0x6040_0000_0013_df5e, 0x6020_0000_0013_df41] as [UInt64]
    )
    func counterOfAnotherSize(_ raw: UInt64) throws {
        let id = RegisterID(rawValue: raw)
        let line = "register x \(id.hex) 0x1"
        let profile = try HostProfile(parsing: profileText([line]), file: "test")
        let cpu = try start(on: profile)[0]
        let new = try #require(
            RegisterValue(littleEndian: Array(repeating: 0xff, count: id.size ?? 8)))
        try cpu.write(new, to: id)
        #expect(try cpu.read(id) == new)
        try use(profile, id.hex)
    }

    // MARK: Old kernels

    /// A host whose kernel lists the PMU's registers on every vCPU: a guest loses them elsewhere.
    @Test func registersOfAnOldKernelArePlanned() throws {
        var old = try builtIn("6.1-neoverse-n1")
        let pmu = old.registers.ids.filter {
            RegisterDictionary.entry(for: $0)?.isPMU == true
        }
        #expect(pmu.count > 60)
        old.kernelRelease = "5.10.255"
        old.features = [.psci02]
        old.featureSets = []
        old.registers.set(VCPUInit(features: .psci02).value, for: .vcpuInit)
        var new = try builtIn("6.1-neoverse-n1")
        new.features = [.psci02]
        new.featureSets = []
        new.registers = try #require(RegisterList(new.registers.filter { !pmu.contains($0.0) }))
        new.registers.set(VCPUInit(features: .psci02).value, for: .vcpuInit)
        let plan = try MovePlan(
            of: try PlanningTests.guest(of: old), on: new, policy: RestorePolicy(.exact))
        let absent = plan.units[0].losses.filter { $0.restore.outcome == .absent }
        #expect(Set(absent.map(\.restore.id)) == Set(pmu))
        let back = try MovePlan(
            of: try PlanningTests.guest(of: new), on: old, policy: RestorePolicy(.exact))
        #expect(back.units[0].losses.isEmpty)
    }
}
