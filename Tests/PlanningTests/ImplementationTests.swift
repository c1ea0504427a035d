import Emulation
import LinuxSystem
import Planning
import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel

@Suite("Moves between implementations of CPUs")
struct ImplementationTests {
    private static let neoverses = ["7.3-neoverse-n1", "7.3-neoverse-n2", "7.3-neoverse-v1"]
    private static let names = ["MIDR_EL1", "REVIDR_EL1", "AIDR_EL1"]

    private func plan(
        _ source: String, on host: HostProfile,
        _ change: (inout Snapshot) throws -> Void = { _ in }
    ) throws -> MovePlan {
        var snapshot = try guest(of: try builtIn(source))
        try change(&snapshot)
        return try MovePlan(of: snapshot, on: host, policy: RestorePolicy(.exact))
    }

    private func outcomes(_ plan: MovePlan) throws -> [RegisterRestore] {
        let ids = try Self.names.map(register)
        return plan.units[0].report.registers.filter { ids.contains($0.id) }
    }

    private func without(_ id: RegisterID, _ registers: RegisterList) throws -> RegisterList {
        try #require(RegisterList(registers.filter { $0.0 != id }))
    }

    // MARK: The capability

    @Test func kernelsOfTheCapability() throws {
        let capability = try #require(KVMCapability.ofWritableRegisters.first)
        for name in HostProfile.builtInNames {
            let profile = try builtIn(name)
            let since = try #require(capability.since)
            #expect(
                profile.offers(capability) == (try #require(profile.kernel) >= since), "\(name)")
        }
        #expect(try Self.neoverses.allSatisfy { try builtIn($0).offers(capability) })
    }

    @Test(arguments: neoverses, neoverses)
    func guestsKeepTheirImplementation(_ source: String, _ destination: String) throws {
        let plan = try plan(source, on: try builtIn(destination)) { snapshot in
            try snapshot.set("REVIDR_EL1", 0x12)
            try snapshot.set("AIDR_EL1", 0x551)
        }
        let outcomes = try outcomes(plan)
        #expect(outcomes.count == 3)
        for restore in outcomes {
            let isOwn = restore.id == .midrEL1 && source == destination
            #expect(restore.outcome == (isOwn ? .alreadyEqual : .taken), "\(restore.id)")
            #expect(restore.found == restore.wanted)
        }
    }

    @Test func olderKernelsRefuse() throws {
        let plan = try plan("7.3-neoverse-n1", on: try builtIn("6.12-neoverse-v1"))
        let loss = try plan.loss(of: "MIDR_EL1")
        #expect(loss.restore.outcome == .refused(.invalidArgument))
        #expect(
            loss.remedies.map(\.text).contains(
                "give the destination Linux 6.15 or newer, and use a VMM that enables "
                    + "KVM_CAP_ARM_WRITABLE_IMP_ID_REGS before it makes vCPUs: Firecracker from #6116 on, "
                    + "vcpusnap; not QEMU 11.1"))
    }

    // MARK: Notices

    @Test func anotherTypeOfCPU() throws {
        let kept = try plan("7.3-neoverse-n1", on: try builtIn("7.3-neoverse-v1")).notices
        #expect(kept.map(\.name) == ["other-cpu", "other-errata"])
        #expect(
            kept[0].text.contains(
                "ARM NEOVERSE_N1 r4p1 and keeps seeing it on ARM NEOVERSE_V1 r1p2"))
        #expect(kept[1].text.contains("but not those of ARM NEOVERSE_V1 r1p2"))
        let lost = try plan("7.3-neoverse-n1", on: try builtIn("6.12-neoverse-v1")).notices
        #expect(lost.map(\.name) == ["other-cpu", "other-errata"])
        #expect(lost[0].text.contains("and will see that of ARM NEOVERSE_V1 r1p2"))
    }

    @Test func theSameCPUIsNoNews() throws {
        for name in HostProfile.builtInNames {
            #expect(try plan(name, on: try builtIn(name)).notices.isEmpty, "\(name)")
        }
        #expect(try plan("6.12-neoverse-n1", on: try builtIn("7.3-neoverse-n1")).notices.isEmpty)
    }

    /// Another revision is no other type: only errata can differ.
    @Test(
        arguments: [("MIDR_EL1", 0x413f_d0c1), ("REVIDR_EL1", 0x1), ("AIDR_EL1", 0x7)]
            as [(String, UInt64)])
    func anotherRevisionIsNoLoss(_ name: String, _ bits: UInt64) throws {
        let plan = try plan("7.3-neoverse-n1", on: try builtIn("7.3-neoverse-n1")) { snapshot in
            try snapshot.set(name, bits)
        }
        #expect(plan.verdict == .yes)
        #expect(plan.notices.map(\.name) == ["other-errata"])
    }

    @Test func guestThatWasToldOfImplementations() throws {
        let plan = try plan("7.3-neoverse-n1", on: try builtIn("7.3-neoverse-v1")) { snapshot in
            try snapshot.set("VENDOR_HYP_BMAP_2", 0x3)
        }
        #expect(plan.notices[1].text.contains("of the implementations that its VMM named"))
        #expect(!plan.lostNames.contains("VENDOR_HYP_BMAP_2"))
    }

    /// A snapshot from elsewhere may have no such registers, and a profile neither.
    @Test func nothingIsSaidOfWhatIsNotKnown() throws {
        var snapshot = try guest(of: try builtIn("7.3-neoverse-n1"))
        var profile = try builtIn("7.3-neoverse-v1")
        profile.registers = try without(.midrEL1, profile.registers)
        profile.midr = nil
        #expect(profile.implementation == nil)
        #expect(
            try MovePlan(of: snapshot, on: profile, policy: RestorePolicy(.exact)).notices.isEmpty)
        snapshot.vcpus[0].registers = try without(.midrEL1, snapshot.vcpus[0].registers)
        #expect(
            try MovePlan(of: snapshot, on: try builtIn("6.12-max"), policy: RestorePolicy(.exact))
                .notices.isEmpty)
    }

    // MARK: Baselines

    private func baseline(_ names: String..., telling: Bool = false) throws -> Baseline {
        try Baseline(of: names.map(builtIn), tellsImplementations: telling)
    }

    private func obstacles(_ baseline: Baseline) -> [String] {
        baseline.obstacles.map(\.register.name)
    }

    @Test func baselineHasOneImplementation() throws {
        let baseline = try baseline("7.3-neoverse-n1", "7.3-neoverse-n2", "7.3-neoverse-v1")
        #expect(baseline.capabilities == KVMCapability.ofWritableRegisters)
        let midr = try #require(baseline.registers[.midrEL1])
        #expect(try Self.neoverses.map { try builtIn($0).registers[.midrEL1] }.contains(midr))
        // Both others are 0 on all.
        #expect(baseline.registers[.revidrEL1] == nil && baseline.registers[.aidrEL1] == nil)
        #expect(!obstacles(baseline).contains("MIDR_EL1"))
        #expect(baseline.registers[.vendorHypBmap2] == nil)
    }

    /// A host whose kernel lets no one change it gives it to all.
    @Test(arguments: [
        ["6.12-neoverse-n1", "7.3-neoverse-v1"], ["7.3-neoverse-v1", "6.12-neoverse-n1"],
    ])
    func baselineHasTheImplementationThatCannotChange(_ names: [String]) throws {
        let baseline = try Baseline(of: names.map(builtIn))
        #expect(baseline.registers[.midrEL1]?.lowBits == 0x414f_d0c1)
        #expect(!obstacles(baseline).contains("MIDR_EL1"))
    }

    @Test func twoThatCannotChangeAreAnObstacle() throws {
        let baseline = try baseline("6.12-neoverse-n1", "6.12-neoverse-v1", "7.3-neoverse-n2")
        #expect(obstacles(baseline).contains("MIDR_EL1"))
        #expect(baseline.capabilities.isEmpty && baseline.registers[.midrEL1] == nil)
    }

    @Test func implementationsAreListedOnce() throws {
        var twin = try builtIn("7.3-neoverse-n1")
        twin.name = "twin"
        let profiles = try [builtIn("7.3-neoverse-v1"), builtIn("7.3-neoverse-n1"), twin]
        let baseline = try Baseline(of: profiles, tellsImplementations: true)
        #expect(
            baseline.implementations.map(\.implementation)
                == [
                    Implementation(midr: 0x411f_d402, revidr: 0, aidr: 0),
                    Implementation(midr: 0x414f_d0c1, revidr: 0, aidr: 0),
                ])
        #expect(
            baseline.implementations.map(\.hosts)
                == [["7.3-neoverse-v1"], ["7.3-neoverse-n1", "twin"]])
        #expect(baseline.registers[.vendorHypBmap2]?.lowBits == 0x3)
        #expect(!obstacles(baseline).contains("VENDOR_HYP_BMAP_2"))
    }

    @Test func oneImplementationNeedsNoTelling() throws {
        var twin = try builtIn("7.3-neoverse-n1")
        twin.name = "twin"
        let baseline = try Baseline(
            of: [try builtIn("7.3-neoverse-n1"), twin], tellsImplementations: true)
        #expect(baseline.implementations.count == 1)
        #expect(baseline.registers.count == 0 && baseline.obstacles.isEmpty)
    }

    @Test func olderKernelsCannotTell() throws {
        let baseline = try baseline("6.12-neoverse-n1", "7.3-neoverse-v1", telling: true)
        #expect(obstacles(baseline).contains("VENDOR_HYP_BMAP_2"))
    }

    /// Hosts that differ only in these registers: a guest with the baseline moves between all of them.
    @Test func baselineMoves() throws {
        let hosts = try [("a", 0x414f_d0c1, 0x0), ("b", 0x411f_d402, 0x1), ("c", 0x410f_d493, 0x2)]
            .map {
                (name: String, midr: UInt64, revidr: UInt64) in
                var host = try builtIn("7.3-neoverse-n1")
                host.name = name
                host.midr = midr
                try host.set("MIDR_EL1", midr)
                try host.set("REVIDR_EL1", revidr)
                return host
            }
        let baseline = try Baseline(of: hosts, tellsImplementations: true)
        #expect(baseline.obstacles.isEmpty)
        #expect(
            baseline.registers.ids.map(\.name) == ["MIDR_EL1", "REVIDR_EL1", "VENDOR_HYP_BMAP_2"])
        for source in hosts {
            let cpu = EmulatedHost(source).makeVCPUs(1, enabling: baseline.capabilities)[0]
            try cpu.initialize(with: VCPUInit(features: baseline.features))
            for (id, value) in baseline.registers {
                try cpu.write(value, to: id)
                #expect(try cpu.read(id) == value)
            }
            for destination in hosts {
                let plan = try MovePlan(
                    of: save([cpu], on: source), on: destination, policy: RestorePolicy(.exact))
                #expect(plan.verdict == .yes, "\(source.name) to \(destination.name)")
            }
        }
    }
}
