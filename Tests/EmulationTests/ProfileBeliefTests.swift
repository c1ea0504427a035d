import Emulation
import Registers
import SeededRandom
import TestSubjects
import Testing
import VCPUModel

/// What a profile says is what its vCPUs are, whatever the dictionary thinks.
@Suite("Profiles are believed")
struct ProfileBeliefTests {
    /// A vCPU of these features on the profile that these lines make.
    private func vcpu(
        _ profile: HostProfile, _ features: VCPUFeatures
    ) throws -> EmulatedCPU {
        let cpu = EmulatedCPU(profile: profile)
        try cpu.initialize(with: VCPUInit(features: features))
        return cpu
    }

    private func expect(
        _ registers: some Sequence<(RegisterID, RegisterValue)>, on cpu: EmulatedCPU,
        _ comment: String, _ place: SourceLocation = #_sourceLocation
    ) throws {
        let listed = Set(cpu.list())
        for (id, value) in registers {
            #expect(listed.contains(id), "\(comment): \(id)", sourceLocation: place)
            // A counter has moved, and a timer's status is computed.
            let stable = ~RegisterDictionary.volatileBits(of: id)
            #expect(
                try cpu.read(id).masked(by: stable) == value.masked(by: stable),
                "\(comment): \(id)", sourceLocation: place)
        }
    }

    // MARK: By example

    /// Kernels before 5.13 list the PMU's registers on every vCPU; 5.10 shows a guest without PMU the
    /// version of the host's.
    @Test(arguments: [
        "5.10.255-253.1008.amzn2.aarch64", "5.4.0", "4.18.0-80.el8", "6.12.0", "7.3.4",
    ])
    func pmuWithoutTheFeature(_ kernel: String) throws {
        let names = RegisterDictionary.all.filter(\.isPMU).map(\.name)
        let ids = try names.map(register) + [register("ID_AA64DFR0_EL1")]
        let registers = ids.map { id in
            (id, RegisterValue(id == .idAA64DFR0EL1 ? 0x1_1030_5408 : 0x11, size: id.size ?? 8))
        }
        let lines = registers.map { "register \($0.name) \($0.hex) \($1)" }
        let text =
            (["vhost 1", "name old", "kernel \(kernel)", "feature PSCI_0_2"] + lines
            + ["register VCPU_INIT 0x7650000000000000 0x400000005"]).joined(separator: "\n")
        let profile = try HostProfile(parsing: text, file: "old")
        try expect(registers, on: try vcpu(profile, .psci02), kernel)
        // They do not depend on what the vCPU was not made with.
        try expect(registers, on: try vcpu(profile, []), kernel)
    }

    @Test func oldPMURegistersAcceptWrites() throws {
        let text = """
            vhost 1
            name old
            kernel 5.10.0
            feature PSCI_0_2
            register PMCCFILTR_EL0 0x603000000013df7f 0x0
            register VCPU_INIT 0x7650000000000000 0x400000005
            """
        let cpu = try vcpu(try HostProfile(parsing: text, file: "old"), .psci02)
        try cpu.set("PMCCFILTR_EL0", 0x8000_0000)
        #expect(try cpu.bits("PMCCFILTR_EL0") == 0x8000_0000)
    }

    /// Registers that the dictionary says need what the profile's own values deny.
    @Test(arguments: [
        // An ID field that is 0.
        ("7.3.4", "register TCR2_EL1 0x603000000013c103 0x5"),
        ("7.3.4", "register PIR_EL1 0x603000000013c513 0x5"),
        // A feature the vCPU does not have.
        ("6.12", "register APIAKEYLO_EL1 0x603000000013c108 0x5"),
        ("6.12", "register ZCR_EL1 0x603000000013c090 0x5"),
        ("7.3.4", "register HCR_EL2 0x603000000013e088 0x5"),
        ("6.12", "register z3 0x6080000000150060 0x5"),
        // Ignored and always zero, or always zero.
        ("6.12", "register PMSWINC_EL0 0x603000000013dce4 0x5"),
        ("6.12", "register ID_AFR0_EL1 0x603000000013c00b 0x5"),
        ("6.12", "register 0x603000000013c00f 0x603000000013c00f 0x5"),
        ("6.12", "register ID_AA64ZFR0_EL1 0x603000000013c024 0x5"),
        ("6.12", "register TPIDR_EL1 0x603000000013c684 0x5 class=writeIgnored"),
        // Views of other state.
        ("6.12", "register PMCNTENCLR_EL0 0x603000000013dce2 0x5"),
        ("6.1", "register PMOVSCLR_EL0 0x603000000013dce3 0x5"),
        // What a vCPU of another number or with other features has.
        ("6.12", "register MPIDR_EL1 0x603000000013c005 0x81000203"),
        ("6.12", "register PSCI_VERSION 0x6030000000140000 0x1"),
        ("6.12", "register CNTV_CTL_EL0 0x603000000013df19 0x5"),
        // Of 32-bit Arm, in the place of X0.
        ("6.12", "register x 0x4030000000100000 0x5"),
    ])
    func oneRegister(_ kernel: String, _ line: String) throws {
        let profile = try HostProfile(
            parsing: profileText(kernel: kernel, [line]), file: "test")
        let cpu = EmulatedCPU(profile: profile, initialized: true)
        let id = try #require(profile.registers.ids.first)
        #expect(cpu.list().contains(id))
        let stable = ~RegisterDictionary.volatileBits(of: id)
        #expect(try cpu.read(id).masked(by: stable) == profile.registers[id]?.masked(by: stable))
    }

    /// The counters that PMCR_EL0.N has no place for are shown too.
    @Test func bitmapsOfMoreCounters() throws {
        let profile = try HostProfile(
            parsing: profileText(
                kernel: "6.12.0",
                [
                    "register PMCR_EL0 0x603000000013dce0 0x1000",
                    "register PMCNTENSET_EL0 0x603000000013dce1 0xff",
                    "register PMCNTENCLR_EL0 0x603000000013dce2 0xff",
                ]), file: "test")
        let cpu = EmulatedCPU(profile: profile, initialized: true)
        #expect(try cpu.bits("PMCNTENSET_EL0") == 0xff)
        #expect(try cpu.bits("PMCNTENCLR_EL0") == 0xff)
        try cpu.set("PMCNTENCLR_EL0", 0xff)
        // What a guest was given afterward obeys KVM again: N is 2.
        #expect(try cpu.bits("PMCNTENSET_EL0") == 0xfc)
    }

    @Test func firstVCPUHasTheProfilesAffinity() throws {
        let profile = try HostProfile(
            parsing: profileText(["register MPIDR_EL1 0x603000000013c005 0x81000203"]), file: "test"
        )
        let cpus = EmulatedHost(profile).makeVCPUs(18)
        for cpu in cpus { try cpu.write(VCPUInit(features: .psci02).value, to: .vcpuInit) }
        #expect(try cpus[0].bits("MPIDR_EL1") == 0x8100_0203)
        #expect(try cpus[1].bits("MPIDR_EL1") == 0x8100_0001)
        #expect(try cpus[17].bits("MPIDR_EL1") == 0x8100_0101)
    }

    // MARK: At random

    private static let kernels = [
        "5.10.0", "6.1.0", "6.6.30", "6.12.117", "6.18.0", "7.3.4", "own",
    ]

    @Test func everyLineIsShown() throws {
        let seed = UInt64.random(in: .min ... .max)
        print("seed of everyLineIsShown: \(seed)")
        var generator = SeededGenerator(seed: seed)
        let all = RegisterDictionary.all.map(\.id).filter { $0.architecture != .own }
        for round in 0..<24 {
            let features = VCPUFeatures(rawValue: .random(in: 0...0x1f, using: &generator) << 1)
                .subtracting(.pointerAuthentication)
            let other = features.symmetricDifference(.psci02)
            var registers = Self.registers(from: all, &generator)
            registers.set(VCPUInit(features: features).value, for: .vcpuInit)
            var set = Self.registers(from: all, &generator)
            if features.contains(.sve) {
                registers.set(try value("3", of: .sveVLS), for: .sveVLS)
                set.set(try value("255", of: .sveVLS), for: .sveVLS)
            }
            let absent = registers.ids.filter {
                !set.contains($0) && $0.architecture != .own && $0 != .sveVLS
                    && Bool.random(using: &generator)
            }
            let changed = RegisterList(set.filter { registers[$0.0] != $0.1 })
            var made = HostProfile(
                name: "random", kernelRelease: Self.kernels.randomElement(using: &generator) ?? "",
                features: features.union(.psci02), registers: registers)
            made.featureSets = [
                HostProfile.FeatureSet(
                    features: other, absent: absent, registers: try #require(changed))
            ]
            let profile = try HostProfile(parsing: made.text, file: "random")
            #expect(profile == made)
            let comment = "seed \(seed), round \(round)"
            let listed = registers.filter { $0.0.architecture != .own }
            try expect(listed, on: try vcpu(profile, features), comment)
            let ofSet = listed.filter { !absent.contains($0.0) && !set.contains($0.0) } + set
            let cpu = try vcpu(profile, other)
            try expect(ofSet, on: cpu, comment + ", set")
            #expect(Set(cpu.list()).isDisjoint(with: absent), "\(comment)")
        }
    }

    /// A third of the registers, each with some value.
    private static func registers(
        from ids: [RegisterID], _ generator: inout SeededGenerator
    ) -> RegisterList {
        var result = RegisterList()
        for id in ids where Int.random(in: 0..<3, using: &generator) == 0 {
            let bytes = (0..<(id.size ?? 8)).map { _ in
                Bool.random(using: &generator) ? 0 : UInt8.random(in: 0...255, using: &generator)
            }
            if let value = RegisterValue(littleEndian: bytes) { result.set(value, for: id) }
        }
        return result
    }
}
