import Emulation
import LinuxSystem
import Registers
import TestSubjects
import Testing
import VCPUModel

struct InitializationTests {
    private func new(_ host: String) throws -> EmulatedCPU {
        EmulatedCPU(profile: try builtIn(host))
    }

    private func initialize(_ cpu: EmulatedCPU, _ features: VCPUFeatures) throws {
        try cpu.write(VCPUInit(features: features).value, to: .vcpuInit)
    }

    @Test func beforeInit() throws {
        let cpu = try new("6.12-max")
        #expect(cpu.list() == [.vcpuInit])
        for name in ["VCPU_INIT", "VCPU_EVENTS", "MP_STATE", "x0", "MIDR_EL1"] {
            #expect(try cpu.readFailure(name) == .notExecutable, "\(name)")
        }
        #expect(try cpu.refusal("x0", 1) == .notExecutable)
        #expect(try cpu.refusal("VCPU_FINALIZED", 0x10) == .notExecutable)
    }

    @Test(arguments: HostProfile.builtInNames)
    func resetValuesAreTheRecordedOnes(_ host: String) throws {
        let cpu = try vcpu(on: host)
        #expect(cpu.list() == cpu.profile.registers.ids)
        for (id, value) in cpu.profile.registers {
            // A profile has zero where bits move by themselves.
            let stable = ~(RegisterDictionary.entry(for: id)?.volatileBits ?? 0)
            #expect(try cpu.read(id).masked(by: stable) == value, "\(id)")
        }
    }

    @Test(arguments: HostProfile.builtInNames)
    func everyRegisterTakesItsOwnValue(_ host: String) throws {
        let cpu = try vcpu(on: host)
        for (id, value) in cpu.profile.registers where id != .sveVLS {
            let entry = RegisterDictionary.entry(for: id)
            // On some kernels writing a CLR view clears the bits it shows.
            if entry?.isClearView == true { continue }
            try cpu.write(value, to: id)
            let stable = ~(entry?.volatileBits ?? 0)
            #expect(try cpu.read(id).masked(by: stable) == value, "\(id)")
        }
    }

    @Test func featuresTheHostLacksAreDropped() throws {
        let cpu = try new("6.12-neoverse-n1")
        try initialize(cpu, [.psci02, .pmuV3, .sve, .pointerAuthentication, .powerOff, .hasEL2])
        #expect(try cpu.read(.vcpuInit) == VCPUInit(features: [.psci02, .pmuV3]).value)
        #expect(!cpu.list().contains(.vcpuFinalized))
        #expect(try cpu.readFailure("VCPU_FINALIZED") == .noEntry)
        #expect(try cpu.readFailure("z0") == .noEntry)
        #expect(try cpu.bits("v0") == 0)
    }

    @Test func targetOfAnotherHostBecomesTheHostsOwn() throws {
        let cpu = try new("6.1-cortex-a57")
        #expect(cpu.profile.vcpuInit?.target == 2)
        try cpu.write(VCPUInit(target: 4, features: [.psci02]).value, to: .vcpuInit)
        #expect(try cpu.read(.vcpuInit) == VCPUInit(target: 2, features: [.psci02]).value)
    }

    @Test func halfOfPointerAuthenticationIsRefused() throws {
        let cpu = try new("6.12-max")
        let half = VCPUInit(features: VCPUFeatures(rawValue: 1 << 5)).value
        let error = try failure(RegisterBankError.self) {
            try cpu.write(half, to: .vcpuInit)
        }
        #expect(error.errno == .invalidArgument)
        #expect(cpu.list() == [.vcpuInit])
    }

    @Test func sveFinalization() throws {
        let cpu = try new("6.12-max")
        try initialize(cpu, [.psci02, .sve])
        let outside: [RegisterID] = [.vcpuFinalized, .mpState, .vcpuEvents, .vcpuInit]
        #expect(cpu.list() == [.sveVLS] + outside)
        #expect(try cpu.readFailure("z0") == .notPermitted)
        #expect(try cpu.refusal("ffr", 1) == .notPermitted)
        #expect(try cpu.bits("x0") == 0, "other registers exist, unlisted")
        #expect(try cpu.refusal("VCPU_FINALIZED", 0x8) == .invalidArgument)
        try cpu.set("VCPU_FINALIZED", 0x10)
        #expect(try cpu.bits("VCPU_FINALIZED") == 0x10)
        #expect(cpu.list().contains(try register("z31")))
        #expect(try cpu.refusal("SVE_VLS", 0xffff) == .notPermitted)
        #expect(try cpu.refusal("VCPU_FINALIZED", 0x10) == nil)
    }

    @Test func withoutAFeatureItsRegistersAndFieldsAreGone() throws {
        let cpu = try new("6.12-max")
        try initialize(cpu, [.psci02])
        let names = cpu.list().map(\.name)
        for name in ["z0", "p0", "ffr", "SVE_VLS", "ZCR_EL1", "PMCR_EL0", "APIAKEYLO_EL1"] {
            #expect(!names.contains(name), "\(name)")
            #expect(try cpu.readFailure(name) == .noEntry, "\(name)")
        }
        #expect(names.contains("v0") && names.contains("v31"))
        #expect(try cpu.bits("ID_AA64PFR0_EL1") >> 32 & 0xf == 0, "SVE")
        #expect(try cpu.bits("ID_AA64ZFR0_EL1") == 0)
        #expect(try cpu.bits("ID_AA64DFR0_EL1") >> 8 & 0xf == 0, "PMUVer")
        #expect(try cpu.bits("ID_AA64ISAR1_EL1") & 0xff00_0ff0 == 0, "APA, API, GPA, GPI")
        #expect(try cpu.refusal("ID_AA64ZFR0_EL1", 1) == .invalidArgument)
        // With SVE, V registers are in Z; KVM answers EINVAL rather than ENOENT.
        #expect(try vcpu(on: "6.12-max").readFailure("v0") == .invalidArgument)
    }

    @Test func initAgain() throws {
        let cpu = try vcpu(on: "6.12-max")
        try cpu.set("TPIDR_EL1", 0x77)
        try cpu.write(try cpu.read(.vcpuInit), to: .vcpuInit)
        #expect(try cpu.bits("TPIDR_EL1") == 0x77, "the same init changes nothing")
        try initialize(cpu, [.psci02])
        #expect(try cpu.bits("TPIDR_EL1") != 0x77)
        #expect(try cpu.readFailure("z0") == .noEntry)
    }

    @Test func resetKeepsWhatBelongsToTheVM() throws {
        let cpu = try vcpu(on: "6.12-neoverse-n1")
        let features = try cpu.bits("ID_AA64ISAR0_EL1") & ~0xf0
        try cpu.set("ID_AA64ISAR0_EL1", features)
        try cpu.set("PSCI_VERSION", 0x10000)
        try cpu.set("VBAR_EL1", 0x800)
        try cpu.set("x3", 3)
        try cpu.set("MP_STATE", 5)
        cpu.reset()
        #expect(try cpu.bits("ID_AA64ISAR0_EL1") == features)
        #expect(try cpu.bits("PSCI_VERSION") == 0x10000)
        for name in ["VBAR_EL1", "x3"] { #expect(try cpu.bits(name) == 0, "\(name)") }
        #expect(try cpu.bits("MP_STATE") == 0)
    }

    @Test func psci01WithoutTheFeature() throws {
        let cpu = try new("6.12-neoverse-n1")
        try initialize(cpu, [])
        #expect(try cpu.bits("PSCI_VERSION") == 1)
        #expect(try cpu.refusal("PSCI_VERSION", 0x10001) == .invalidArgument)
        #expect(try cpu.refusal("PSCI_VERSION", 1) == nil)
    }

    /// A vendor's kernel can have a newer PSCI than Linux of its version.
    @Test func psciOfAVendor() throws {
        var profile = try builtIn("6.1-neoverse-n1")
        profile.registers.set(RegisterValue(0x10003, size: 8), for: .psciVersion)
        let cpu = EmulatedHost(profile).makeVCPUs(1)[0]
        try initialize(cpu, [.psci02])
        for version in [0x10000, 0x10002, 0x10003] as [UInt64] {
            #expect(try cpu.refusal("PSCI_VERSION", version) == nil)
        }
        #expect(try cpu.refusal("PSCI_VERSION", 0x10004) == .invalidArgument)
    }

    @Test func aarch32Guest() throws {
        let cpu = try new("6.12-cortex-a57")
        try initialize(cpu, [.psci02, .el1In32Bit])
        #expect(try cpu.bits("pstate") == 0x1d3)
        #expect(try cpu.refusal("pstate", 0x3c5) == .invalidArgument)
        try cpu.set("x30", 0x1_2345_6789)
        #expect(try cpu.bits("x30") == 0x2345_6789)
    }

    @Test func indexDecidesTheAffinity() throws {
        let profile = try builtIn("6.12-max")
        let cpu = EmulatedCPU(profile: profile, index: 0x12, initialized: true)
        #expect(try cpu.bits("MPIDR_EL1") == 0x8000_0102)
    }

    // MARK: Events and MP state

    @Test func mpStates() throws {
        let cpu = try vcpu(on: "6.1-max")
        for state: UInt64 in [5, 10, 0] {
            try cpu.set("MP_STATE", state)
            #expect(try cpu.bits("MP_STATE") == state)
        }
        for state: UInt64 in [1, 4, 0x1_0000] {
            #expect(try cpu.refusal("MP_STATE", state) == .invalidArgument)
        }
    }

    private func events(_ bytes: [Int: UInt8]) throws -> RegisterValue {
        try #require(RegisterValue(littleEndian: (0..<16).map { bytes[$0] ?? 0 }))
    }

    @Test func pendingSError() throws {
        let cpu = try vcpu(on: "6.12-max")
        let none = try events([:])
        #expect(try cpu.read(.vcpuEvents) == none)
        let pending = try events([0: 1, 1: 1, 8: 0x11, 11: 1])
        try cpu.write(pending, to: .vcpuEvents)
        #expect(try cpu.read(.vcpuEvents) == pending)
        try cpu.write(none, to: .vcpuEvents)
        #expect(try cpu.read(.vcpuEvents) == pending, "one that is pending stays so")
        for bad in [[0: 1, 1: 1, 11: 2], [5: 1]] as [[Int: UInt8]] {
            let error = try failure(RegisterBankError.self) {
                try cpu.write(events(bad), to: .vcpuEvents)
            }
            #expect(error.errno == .invalidArgument)
        }
        try cpu.write(events([0: 1, 1: 1, 2: 1]), to: .vcpuEvents)
        #expect(try cpu.read(.vcpuEvents).littleEndianBytes[2] == 0, "ext_dabt reads as zero")
    }

    @Test func syndromeNeedsRAS() throws {
        let cpu = try vcpu(on: "6.1-cortex-a57")
        #expect(try cpu.read(.vcpuEvents) == events([:]))
        #expect(throws: RegisterBankError.self) {
            try cpu.write(events([0: 1, 1: 1]), to: .vcpuEvents)
        }
        try cpu.write(events([0: 1]), to: .vcpuEvents)
        #expect(try cpu.read(.vcpuEvents) == events([0: 1]))
    }
}
