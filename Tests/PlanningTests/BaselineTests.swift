import Emulation
import Planning
import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel

@Suite("Baselines")
struct BaselineTests {
    private func baseline(_ names: String...) throws -> Baseline {
        try Baseline(of: names.map(builtIn))
    }

    /// The built-in host with another name and other registers.
    private func host(
        like name: String, _ registers: KeyValuePairs<String, UInt64>, name own: String
    ) throws -> HostProfile {
        var profile = try builtIn(name)
        profile.name = own
        for (register, bits) in registers { try profile.set(register, bits) }
        return profile
    }

    /// Starts a guest with a baseline, as Formats/vbaseline-v1.md has it.
    private func start(
        _ baseline: Baseline, on profile: HostProfile, _ place: SourceLocation = #_sourceLocation
    ) throws -> Snapshot {
        let cpu = EmulatedCPU(profile: profile)
        try cpu.write(VCPUInit(features: baseline.features).value, to: .vcpuInit)
        if let lengths = baseline.registers[.sveVLS] {
            try cpu.write(lengths, to: .sveVLS)
        }
        if baseline.features.contains(.sve) {
            try cpu.write(RegisterValue(1 << 4, size: 4), to: .vcpuFinalized)
        }
        for (id, value) in baseline.registers where id != .sveVLS {
            try cpu.write(value, to: id)
            #expect(try cpu.read(id) == value, "\(id)", sourceLocation: place)
        }
        return try save([cpu], on: profile)
    }

    // MARK: Features

    @Test(arguments: [
        (["6.12-neoverse-n1", "6.12-neoverse-v1"], ["PSCI_0_2", "PMU_V3"]),
        (["6.12-neoverse-v1", "6.12-neoverse-n1"], ["PSCI_0_2", "PMU_V3"]),
        (["6.1-cortex-a57", "6.12-max"], ["PSCI_0_2", "PMU_V3"]),
        (
            ["6.12-max", "6.12-neoverse-v1", "6.1-neoverse-v1"],
            ["PSCI_0_2", "PMU_V3", "SVE", "PTRAUTH_ADDRESS", "PTRAUTH_GENERIC"]
        ),
        (["6.12-max", "6.12-neoverse-v1", "6.12-cortex-a72"], ["PSCI_0_2", "PMU_V3"]),
    ])
    func featuresAreWhatAllHave(_ hosts: [String], _ features: [String]) throws {
        let baseline = try Baseline(of: hosts.map(builtIn))
        #expect(baseline.hosts == hosts)
        #expect(baseline.features.names == features)
    }

    @Test func featuresThatAreLostAreNamed() throws {
        let baseline = try baseline("6.12-max", "6.12-neoverse-n1", "6.12-neoverse-v1")
        let lost = baseline.lostFeatures
        #expect(lost.map(\.name) == ["SVE", "PTRAUTH_ADDRESS", "PTRAUTH_GENERIC"])
        #expect(lost.allSatisfy { $0.hosts == ["6.12-max", "6.12-neoverse-v1"] })
        #expect(try self.baseline("6.12-max", "6.12-neoverse-v1").lostFeatures.isEmpty)
        // What a guest without PMU is made with has no PMU either.
        var bare = try builtIn("6.12-neoverse-n1")
        bare.name = "bare"
        bare.registers.set(VCPUInit(features: [.psci02]).value, for: .vcpuInit)
        let without = try Baseline(of: [try builtIn("6.12-neoverse-n1"), bare])
        #expect(without.features == [.psci02])
        #expect(without.lostFeatures.map(\.name) == ["PMU_V3"])
        #expect(without.registers[try register("PMCR_EL0")] == nil)
    }

    // MARK: Equal hosts

    @Test(arguments: HostProfile.builtInNames)
    func equalHostsNeedNothing(_ name: String) throws {
        var copy = try builtIn(name)
        copy.name = "copy"
        for hosts in [[try builtIn(name), copy], [try builtIn(name), try builtIn(name)]] {
            let baseline = try Baseline(of: hosts)
            #expect(baseline.registers.count == 0)
            #expect(baseline.lost.isEmpty && baseline.lostFeatures.isEmpty)
            #expect(baseline.obstacles.isEmpty)
        }
    }

    // MARK: ID registers

    /// Values worked out by hand from the two profiles, field by field.
    @Test func idRegistersOfNeoverses() throws {
        let baseline = try baseline("6.12-neoverse-n1", "6.12-neoverse-v1")
        let expected: KeyValuePairs<String, UInt64> = [
            "ID_AA64ISAR0_EL1": 0x1000_1021_1120,
            "ID_AA64ISAR1_EL1": 0x10_0001,
            // DoubleLock is signed: -1 is less than 0. PMUVer 4 and DebugVer 8 are the N1's.
            "ID_AA64DFR0_EL1": 0xf0_1030_5408,
            // DIC lowered.
            "CTR_EL0": 0x9444_c004,
        ]
        for (name, bits) in expected {
            #expect(baseline.registers[try register(name)] == RegisterValue(bits), "\(name)")
        }
        // RAS differs, and no one can change it.
        let obstacle = try register("ID_AA64PFR0_EL1")
        #expect(baseline.registers[obstacle] == nil)
        #expect(baseline.obstacles.contains { $0.register == obstacle })
        let rndr = try #require(baseline.lost.first { $0.field == "RNDR" })
        #expect(rndr.register.name == "ID_AA64ISAR0_EL1")
        #expect(rndr.value == 0 && rndr.hosts == ["6.12-neoverse-v1"])
        let lock = try #require(baseline.lost.first { $0.field == "DoubleLock" })
        #expect(lock.value == 0xf && lock.hosts == ["6.12-neoverse-n1"])
        // What is the same on both is not lost.
        #expect(!baseline.lost.contains { $0.field == "ATOMIC" })
    }

    /// Each register of the baseline is one that every host takes, and none of them is an obstacle.
    @Test(arguments: [
        ["6.12-neoverse-n1", "6.12-neoverse-v1"], ["6.12-max", "6.12-neoverse-v1"],
        ["6.12-max", "6.12-neoverse-n1", "6.12-neoverse-v1"],
        ["6.12-cortex-a57", "6.12-cortex-a72"], ["6.12-cortex-a72", "6.12-max"],
        ["6.1-neoverse-n1", "6.12-neoverse-n1"], ["6.1-max", "6.12-max"],
    ])
    func idRegistersAreAcceptedEverywhere(_ names: [String]) throws {
        let baseline = try Baseline(of: names.map(builtIn))
        let obstacles = Set(baseline.obstacles.map(\.register))
        #expect(obstacles.isDisjoint(with: baseline.registers.ids))
        #expect(obstacles.isDisjoint(with: baseline.lost.map(\.register)))
        var accepted = 0
        for name in names {
            let profile = try builtIn(name)
            let cpu = try #require(
                try PlanningTests.start(on: profile, features: baseline.features).first)
            for (id, value) in baseline.registers {
                guard id != .sveVLS else { continue }
                #expect(throws: Never.self, "\(id) on \(name)") { try cpu.write(value, to: id) }
                #expect(try cpu.read(id) == value, "\(id) on \(name)")
                accepted += 1
            }
        }
        // Without any the loop would prove nothing.
        #expect(accepted > 0)
    }

    /// The baseline is the best of them: a guest with more in a field is refused on some host.
    @Test func moreIsRefusedSomewhere() throws {
        let hosts = [
            try builtIn("6.12-neoverse-n1"),
            try host(
                like: "6.12-neoverse-n1", ["ID_AA64ISAR0_EL1": 0x0000_1011_1120], name: "less"),
        ]
        let baseline = try Baseline(of: hosts)
        // DP 1 and 0, RDM 1 and 1, ATOMIC 2 and 1.
        let id = try register("ID_AA64ISAR0_EL1")
        #expect(baseline.registers[id] == RegisterValue(0x1011_1120))
        #expect(baseline.lost.map(\.field) == ["DP", "ATOMIC"])
        #expect(baseline.lost.map(\.value) == [0, 1])
        #expect(baseline.lost.allSatisfy { $0.hosts == ["6.12-neoverse-n1"] })
        let less = try #require(try PlanningTests.start(on: hosts[1]).first)
        #expect(throws: RegisterBankError.self) {
            try less.write(RegisterValue(0x1021_1120), to: id)
        }
    }

    // MARK: Obstacles

    /// Linux 6.1 lets no one change ID_AA64ISAR0_EL1.
    @Test func kernelThatLetsNoOneChangeAField() throws {
        let baseline = try baseline("6.1-neoverse-n1", "6.1-neoverse-v1")
        let texts = baseline.obstacles.filter { $0.register.name == "ID_AA64ISAR0_EL1" }
            .map(\.text)
        let random = try #require(texts.first { $0.hasPrefix("RNDR ") })
        #expect(random.contains("0x0 on 6.1-neoverse-n1, whose kernel lets no one change it"))
        #expect(random.contains("0x1 on 6.1-neoverse-v1, whose kernel lets no one change it"))
        let registers = Set(baseline.obstacles.map(\.register.name))
        #expect(
            registers.isSuperset(of: ["MIDR_EL1", "CTR_EL0", "CCSIDR0", "ID_AA64PFR0_EL1"]))
        #expect(!baseline.lost.contains { $0.field == "RNDR" })
    }

    @Test(arguments: [
        ("6.12-cortex-a57", "6.12-cortex-a72", ["MIDR_EL1"]),
        // 6.1 lists no CNTPCT_EL0.
        ("6.1-neoverse-n1", "6.12-neoverse-n1", ["CNTPCT_EL0"]),
        (
            "6.12-neoverse-n1", "6.12-neoverse-v1",
            ["ID_AA64PFR0_EL1", "ID_AA64MMFR2_EL1", "MIDR_EL1"]
        ),
    ])
    func whatNoBaselineCanChange(
        _ left: String, _ right: String, _ obstacles: [String]
    ) throws {
        let baseline = try baseline(left, right)
        #expect(Set(baseline.obstacles.map(\.register.name)) == Set(obstacles))
    }

    /// A level that the source's firmware has and the destination's has not.
    @Test func obstacleNamesTheMove() throws {
        let hosts = [
            try builtIn("6.12-neoverse-n1"),
            try host(
                like: "6.12-neoverse-n1", ["SMCCC_ARCH_WORKAROUND_1": 0], name: "unmitigated"),
        ]
        let obstacle = try #require(try Baseline(of: hosts).obstacles.first)
        #expect(obstacle.register.name == "SMCCC_ARCH_WORKAROUND_1")
        #expect(obstacle.text.contains("6.12-neoverse-n1 to unmitigated: refused"))
    }

    /// Two machines of one kind have the same name.
    @Test func obstacleBetweenHostsOfOneName() throws {
        let name = "6.12-neoverse-n1"
        let hosts = [
            try builtIn(name), try host(like: name, ["SMCCC_ARCH_WORKAROUND_1": 0], name: name),
        ]
        #expect(
            try Baseline(of: hosts).obstacles.map(\.register.name) == ["SMCCC_ARCH_WORKAROUND_1"])
    }

    /// What is an obstacle is so in whichever order the hosts are named.
    @Test(arguments: [
        ["6.1-neoverse-n1", "6.12-neoverse-n1"], ["6.12-cortex-a57", "6.1-cortex-a57"],
        ["6.12-max", "6.12-neoverse-v1", "6.12-neoverse-n1"],
    ])
    func orderOfHostsDoesNotMatter(_ names: [String]) throws {
        let (forth, back) = (
            try Baseline(of: names.map(builtIn)), try Baseline(of: names.reversed().map(builtIn))
        )
        #expect(forth.registers == back.registers)
        #expect(forth.obstacles.map(\.register) == back.obstacles.map(\.register))
        #expect(forth.features == back.features)
    }

    // MARK: What is not an ID register

    @Test func leastOfEverything() throws {
        let hosts = [
            try builtIn("6.12-neoverse-n1"),
            try host(
                like: "6.12-neoverse-n1",
                [
                    "PSCI_VERSION": 0x1_0000, "STD_BMAP": 0, "VENDOR_HYP_BMAP": 0x1,
                    "PMCR_EL0": 0x2000,
                    // What a host of four counters has recorded.
                    "PMINTENSET_EL1": 0x8000_000e, "PMINTENCLR_EL1": 0x8000_000e,
                    "PMCNTENSET_EL0": 0x8000_000e, "PMCNTENCLR_EL0": 0x8000_000e,
                    "PMOVSSET_EL0": 0x8000_000e, "PMOVSCLR_EL0": 0x8000_000e,
                ], name: "less"),
        ]
        for hosts in [hosts, hosts.reversed()] {
            let baseline = try Baseline(of: hosts)
            let registers = baseline.registers.map { "\($0.0.name) \($0.1)" }
            // PMCR_EL0.N, bits 15:11, is 6 and 4.
            #expect(
                registers == [
                    "PMCR_EL0 0x2000", "PSCI_VERSION 0x10000", "STD_BMAP 0x0",
                    "VENDOR_HYP_BMAP 0x1",
                ])
            #expect(baseline.obstacles.isEmpty)
        }
    }

    /// Services that each has and the other not are in neither's baseline.
    @Test func bitmapsAreIntersections() throws {
        let hosts = [
            try host(like: "6.12-neoverse-n1", ["VENDOR_HYP_BMAP": 0x1], name: "a"),
            try host(like: "6.12-neoverse-n1", ["VENDOR_HYP_BMAP": 0x2], name: "b"),
        ]
        let id = try register("VENDOR_HYP_BMAP")
        #expect(try Baseline(of: hosts).registers[id] == RegisterValue(0))
    }

    // MARK: Vector lengths

    /// A bit for each length: bit n is (n + 1) times 16 bytes.
    @Test(arguments: [
        (0xffff as UInt64, 0x3 as UInt64, 0x3 as UInt64), (0x3, 0xffff, 0x3), (0xff, 0xffff, 0xff),
        // From the first length that only one has, nothing: KVM takes no set with a gap.
        (0b1011, 0b0111, 0b0011), (0b1011, 0b1001, 0b0001), (0b1011, 0b0011, 0b0011),
    ])
    func vectorLengthsAreTheCommonPrefix(
        _ left: UInt64, _ right: UInt64, _ common: UInt64
    ) throws {
        let hosts = [
            try host(like: "6.12-neoverse-v1", ["SVE_VLS": left], name: "left"),
            try host(like: "6.12-neoverse-v1", ["SVE_VLS": right], name: "right"),
        ]
        let baseline = try Baseline(of: hosts)
        #expect(baseline.registers.ids == [.sveVLS])
        #expect(baseline.registers[.sveVLS]?.lowBits == common)
        #expect(baseline.registers[.sveVLS]?.size == 64)
        #expect(baseline.obstacles.isEmpty)
    }

    @Test func vectorLengthsOfMaxAndV1() throws {
        let baseline = try baseline("6.12-max", "6.12-neoverse-v1")
        #expect(baseline.registers[.sveVLS]?.lowBits == 0x3)
        #expect(!baseline.obstacles.contains { $0.register == .sveVLS })
    }

    // MARK: The promise

    /// Hosts that differ in what a kernel lets a guest choose.
    private static let movable: [(like: String, others: [KeyValuePairs<String, UInt64>])] = [
        (
            "6.12-neoverse-n1",
            [
                [
                    "ID_AA64ISAR0_EL1": 0x1000_1021_1110, "ID_AA64PFR0_EL1": 0x1000_0000_1111_0112,
                    "PSCI_VERSION": 0x1_0000, "STD_BMAP": 0, "PMCR_EL0": 0x2000,
                    "PMINTENSET_EL1": 0x8000_000e, "PMINTENCLR_EL1": 0x8000_000e,
                    "PMCNTENSET_EL0": 0x8000_000e, "PMCNTENCLR_EL0": 0x8000_000e,
                    "PMOVSSET_EL0": 0x8000_000e, "PMOVSCLR_EL0": 0x8000_000e,
                ],
                [
                    "ID_AA64ISAR0_EL1": 0x0000_1011_1120, "ID_AA64DFR0_EL1": 0x1030_5106,
                    "CLIDR_EL1": 0xa20_0023, "CCSIDR0": 0x12, "CCSIDR1": 0x22,
                ],
            ]
        ),
        (
            "6.12-neoverse-v1",
            [
                ["SVE_VLS": 0xffff, "ID_AA64ZFR0_EL1": 0, "CTR_EL0": 0x9444_c004],
                [
                    "SVE_VLS": 0x7, "ID_AA64ISAR1_EL1": 0x1_0000_1021_1302,
                    "ID_AA64ISAR0_EL1": 0x0011_1111_1021_2120,
                ],
            ]
        ),
    ]

    @Test(arguments: 0..<2)
    func baselineWithoutObstaclesMoves(_ number: Int) throws {
        let row = Self.movable[number]
        let hosts =
            try [builtIn(row.like)]
            + row.others.enumerated().map { index, registers in
                try host(like: row.like, registers, name: "other \(index)")
            }
        let baseline = try Baseline(of: hosts)
        #expect(baseline.obstacles.isEmpty)
        #expect(baseline.registers.count >= 3)
        for source in hosts {
            let snapshot = try start(baseline, on: source)
            for destination in hosts where destination.name != source.name {
                let plan = try MovePlan(
                    of: snapshot, on: destination, policy: RestorePolicy(.safe))
                #expect(plan.verdict == .yes, "\(source.name) to \(destination.name)")
                var options = Restore.Options()
                options.policy = RestorePolicy(.safe)
                let report = try Restore.run(
                    snapshot.units, into: [EmulatedCPU(profile: destination)], options: options)
                #expect(report[0].losses.isEmpty, "\(source.name) to \(destination.name)")
            }
        }
        // Without the baseline the guest of the richest host stays where it is.
        let rich = try guest(of: hosts[0])
        let plan = try MovePlan(of: rich, on: hosts[1], policy: RestorePolicy(.safe))
        #expect(plan.verdict == .no)
    }

    /// An obstacle is real: without the register in it, there is a move that loses it.
    @Test func obstaclesAreLost() throws {
        let names = ["6.12-cortex-a57", "6.12-cortex-a72"]
        let baseline = try Baseline(of: names.map(builtIn))
        let snapshot = try start(baseline, on: try builtIn(names[0]))
        let plan = try MovePlan(
            of: snapshot, on: builtIn(names[1]), policy: RestorePolicy(.safe))
        #expect(plan.lostNames == ["MIDR_EL1"])
        #expect(baseline.obstacles.map(\.register.name) == ["MIDR_EL1"])
    }
}
