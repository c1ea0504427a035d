import Emulation
import LinuxSystem
import Registers
import TestSubjects
import Testing
import VCPUModel

@Suite("Emulation: the vCPUs of one VM")
struct VMTests {
    /// Initialized vCPUs of one VM.
    private func vcpus(_ count: Int, on name: String = "6.12-neoverse-n1") throws -> [EmulatedCPU] {
        let profile = try builtIn(name)
        let cpus = EmulatedHost(profile).makeVCPUs(count)
        for cpu in cpus { try initialize(cpu) }
        return cpus
    }

    private func initialize(_ cpu: EmulatedCPU) throws {
        try cpu.write(try #require(cpu.profile.registers[.vcpuInit]), to: .vcpuInit)
    }

    // MARK: What is shared

    /// What KVM keeps in struct kvm: ID registers, firmware registers, and the counters' offsets.
    @Test(arguments: [
        ("ID_AA64ISAR0_EL1", 0x1_1120 as UInt64), ("ID_AA64PFR0_EL1", 0x1000_0000_1111_0112),
        ("ID_ISAR6_EL1", 0), ("CTR_EL0", 0x8444_c004), ("PSCI_VERSION", 0x1_0000), ("STD_BMAP", 0),
        ("VENDOR_HYP_BMAP", 1),
    ])
    func registerOfTheVM(_ name: String, _ bits: UInt64) throws {
        for writer in 0..<3 {
            let cpus = try vcpus(3)
            #expect(try cpus.allSatisfy { try $0.bits(name) != bits })
            try cpus[writer].set(name, bits)
            #expect(try cpus.allSatisfy { try $0.bits(name) == bits }, "written on \(writer)")
        }
    }

    @Test(arguments: ["CNTVCT_EL0", "CNTPCT_EL0"])
    func countersRunTogether(_ name: String) throws {
        let cpus = try vcpus(2)
        try cpus[1].set(name, 0x1234_0000_0000)
        #expect(try cpus[0].bits(name) >= 0x1234_0000_0000)
        #expect(try cpus[0].bits(name) < 0x1235_0000_0000)
    }

    /// What a vCPU has for itself.
    @Test(arguments: [
        ("x0", 5 as UInt64), ("pc", 0x1000), ("pstate", 0x6000_03c5), ("SCTLR_EL1", 0x1005),
        ("FAR_EL1", 7), ("TPIDR_EL1", 9), ("CCSIDR0", 0x12), ("CLIDR_EL1", 0x200_0023),
        ("CNTV_CVAL_EL0", 4), ("v0", 3), ("MPIDR_EL1", 0x8000_0007), ("DBGBVR0_EL1", 8),
    ])
    func registerOfTheVCPU(_ name: String, _ bits: UInt64) throws {
        let cpus = try vcpus(2)
        let before = try cpus[0].bits(name)
        #expect(before != bits)
        try cpus[1].set(name, bits)
        #expect(try cpus[1].bits(name) == bits)
        #expect(try cpus[0].bits(name) == before)
    }

    // MARK: PMCR_EL0.N

    /// As KVM on 6.12 answers: N is the VM's, the controls are the vCPU's, and N that is too large is ignored.
    @Test(arguments: [
        (0x1040 as UInt64, 0x1000 as UInt64, 0x1040 as UInt64), (0x41, 0, 0x41),
        (0xf841, 0x3000, 0x3041), (0x4601_4001, 0x3000, 0x3001),
    ])
    func countersAreTheVMs(_ written: UInt64, _ others: UInt64, _ own: UInt64) throws {
        for writer in 0..<2 {
            let cpus = EmulatedHost(try builtIn("6.12-neoverse-n1")).makeVCPUs(3)
            for cpu in cpus.prefix(2) { try initialize(cpu) }
            #expect(try cpus[0].bits("PMCR_EL0") == 0x3000)
            try cpus[writer].set("PMCR_EL0", written)
            // The last one comes when N was chosen already.
            try initialize(cpus[2])
            #expect(try cpus[writer].bits("PMCR_EL0") == own)
            #expect(try cpus[1 - writer].bits("PMCR_EL0") == others)
            #expect(try cpus[2].bits("PMCR_EL0") == others)
        }
    }

    /// Before Linux 6.7 PMCR_EL0 is stored as written, in each vCPU.
    @Test func countersWereTheVCPUs() throws {
        let cpus = try vcpus(2, on: "6.1-neoverse-n1")
        try cpus[1].set("PMCR_EL0", 0x1040)
        #expect(try cpus[1].bits("PMCR_EL0") == 0x1040)
        #expect(try cpus[0].bits("PMCR_EL0") == 0x410c_30ac)
    }

    /// The bitmaps of every vCPU have the VM's counters.
    @Test func bitmapsFollowTheCountersOfTheVM() throws {
        let cpus = try vcpus(2)
        try cpus[1].set("PMCNTENSET_EL0", 0xffff_ffff)
        #expect(try cpus[1].bits("PMCNTENSET_EL0") == 0x8000_003f)
        try cpus[0].set("PMCR_EL0", 1 << 11)
        #expect(try cpus[1].bits("PMCR_EL0") == 0x800)
        #expect(try cpus[1].bits("PMCNTENSET_EL0") == 0x8000_0001)
        try cpus[0].set("PMCR_EL0", 4 << 11)
        #expect(try cpus[1].bits("PMCNTENSET_EL0") == 0x8000_000f)
    }

    /// KVM lets the vector lengths of vCPUs differ, on 6.1 as on 6.12.
    @Test(arguments: ["6.1-max", "6.12-max"])
    func vectorLengthsAreTheVCPUs(_ host: String) throws {
        let cpus = try vcpus(2, on: host)
        try cpus[0].set("SVE_VLS", 1)
        for cpu in cpus { try cpu.set("VCPU_FINALIZED", 0x10) }
        #expect(try cpus[0].bits("SVE_VLS") == 1)
        #expect(try cpus[1].bits("SVE_VLS") == 0xffff)
    }

    /// A counter of thousands of vCPUs that are all given something of the VM's.
    @Test func manyVCPUsShare() throws {
        var profile = try builtIn("6.12-neoverse-n1")
        profile.capabilities["KVM_CAP_MAX_VCPUS"] = 4096
        let cpus = EmulatedHost(profile).makeVCPUs(4096)
        for (number, cpu) in cpus.enumerated() {
            try initialize(cpu)
            try cpu.set("PMCR_EL0", UInt64(number % 7) << 11)
            try cpu.set("CNTVCT_EL0", UInt64(number) << 20)
        }
        #expect(try cpus.allSatisfy { try $0.bits("PMCR_EL0") == 0 })
        #expect(try cpus[0].bits("CNTVCT_EL0") >= 4095 << 20)
    }

    @Test func refusedWriteChangesNoOne() throws {
        let cpus = try vcpus(2)
        #expect(try cpus[0].refusal("PSCI_VERSION", 0x1_0003) == .invalidArgument)
        #expect(try cpus[0].refusal("ID_AA64ISAR0_EL1", .max) == .invalidArgument)
        for cpu in cpus {
            #expect(try cpu.bits("PSCI_VERSION") == 0x1_0001)
            #expect(try cpu.bits("ID_AA64ISAR0_EL1") == 0x1000_1021_1120)
        }
    }

    @Test func vmsOfAHostAreApart() throws {
        let host = EmulatedHost(try builtIn("6.12-neoverse-n1"))
        let (first, second) = (host.makeVCPUs(1), host.makeVCPUs(1))
        for cpu in first + second { try initialize(cpu) }
        try first[0].set("PSCI_VERSION", 0x1_0000)
        try first[0].set("x0", 5)
        #expect(try second[0].bits("PSCI_VERSION") == 0x1_0001)
        // Nor does what a vCPU did become the state of the next.
        let third = host.makeVCPUs(1)
        try initialize(third[0])
        #expect(try third[0].bits("PSCI_VERSION") == 0x1_0001)
        #expect(try third[0].bits("x0") == 0)
    }

    /// Firmware registers can be written before the last vCPU is made.
    @Test func vcpuThatComesLaterHasWhatTheVMHas() throws {
        let cpus = EmulatedHost(try builtIn("6.12-neoverse-n1")).makeVCPUs(3)
        try initialize(cpus[0])
        try cpus[0].set("PSCI_VERSION", 0x1_0000)
        try cpus[0].set("ID_AA64ISAR0_EL1", 0x1_1120)
        try cpus[0].set("FAR_EL1", 5)
        try initialize(cpus[2])
        #expect(try cpus[2].bits("PSCI_VERSION") == 0x1_0000)
        #expect(try cpus[2].bits("ID_AA64ISAR0_EL1") == 0x1_1120)
        #expect(try cpus[2].bits("FAR_EL1") == 0x1de7_ec7e_dbad_c0de)
        // One that is not there yet has nothing to be changed.
        #expect(try cpus[1].readFailure("PSCI_VERSION") == .notExecutable)
    }

    @Test func vcpuThatIsGoneIsNotMissed() throws {
        var cpus = try vcpus(3)
        cpus.remove(at: 1)
        try cpus[0].set("PSCI_VERSION", 0x1_0000)
        #expect(try cpus[1].bits("PSCI_VERSION") == 0x1_0000)
    }

    @Test func newVCPUsHaveNothing() throws {
        let host = EmulatedHost(try builtIn("6.12-neoverse-v1"))
        for cpu in host.makeVCPUs(2) {
            #expect(cpu.list() == [.vcpuInit])
            #expect(try cpu.readFailure("x0") == .notExecutable)
        }
        #expect(host.makeVCPUs(0).isEmpty)
        #expect(host.makeVCPUs(-1).isEmpty)
    }

    /// In a VM of one a vCPU is as one without a VM.
    @Test(arguments: HostProfile.builtInNames)
    func oneVCPUIsAsAlone(_ name: String) throws {
        let profile = try builtIn(name)
        let cpu = try #require(try vcpus(1, on: name).first)
        if profile.features.contains(.sve) {
            try cpu.write(RegisterValue(1 << 4, size: 4), to: .vcpuFinalized)
        }
        let alone = EmulatedCPU(profile: profile, initialized: true)
        #expect(cpu.list() == alone.list())
        for id in alone.list() { #expect(try cpu.read(id) == alone.read(id), "\(id)") }
    }

    // MARK: MPIDR_EL1

    /// Four bits of Aff0, then Aff1 from bit 8 on, then Aff2 from bit 16 on; bit 31 is RES1.
    @Test(arguments: [
        (0 as UInt32, 0x8000_0000 as UInt64), (1, 0x8000_0001), (15, 0x8000_000f),
        (16, 0x8000_0100), (17, 0x8000_0101), (255, 0x8000_0f0f), (256, 0x8000_1000),
        (4095, 0x8000_ff0f), (4096, 0x8001_0000),
    ])
    func affinityOfANumber(_ number: UInt32, _ affinity: UInt64) throws {
        let profile = try builtIn("6.12-neoverse-n1")
        let cpu = EmulatedCPU(profile: profile, index: number, initialized: true)
        #expect(try cpu.bits("MPIDR_EL1") == affinity)
        try cpu.set("MPIDR_EL1", 0x8000_0042)
        #expect(try cpu.bits("MPIDR_EL1") == 0x8000_0042)
        cpu.reset()
        #expect(try cpu.bits("MPIDR_EL1") == affinity)
    }

    @Test func vcpusAreNumbered() throws {
        let cpus = try vcpus(18)
        #expect(try cpus[0].bits("MPIDR_EL1") == 0x8000_0000)
        #expect(try cpus[1].bits("MPIDR_EL1") == 0x8000_0001)
        #expect(try cpus[17].bits("MPIDR_EL1") == 0x8000_0101)
    }

    // MARK: Reset

    @Test func resetKeepsWhatIsTheVMs() throws {
        let cpus = try vcpus(2)
        try cpus[0].set("PSCI_VERSION", 0x1_0000)
        try cpus[0].set("ID_AA64ISAR0_EL1", 0x1_1120)
        for cpu in cpus {
            try cpu.set("x0", 5)
            try cpu.set("FAR_EL1", 6)
        }
        cpus[1].reset()
        for cpu in cpus {
            #expect(try cpu.bits("PSCI_VERSION") == 0x1_0000)
            #expect(try cpu.bits("ID_AA64ISAR0_EL1") == 0x1_1120)
        }
        #expect(try cpus[1].bits("x0") == 0)
        #expect(try cpus[1].bits("FAR_EL1") == 0x1de7_ec7e_dbad_c0de)
        #expect(try cpus[1].bits("MPIDR_EL1") == 0x8000_0001)
        // The other one runs on.
        #expect(try cpus[0].bits("x0") == 5)
        #expect(try cpus[0].bits("FAR_EL1") == 6)
    }
}

@Suite("Emulation: vCPUs of one VM with other features")
struct MixedFeaturesTests {
    private func pair(_ host: String) throws -> [EmulatedCPU] {
        EmulatedHost(try builtIn(host)).makeVCPUs(2)
    }

    private func initialize(_ cpu: EmulatedCPU, _ features: VCPUFeatures) throws {
        try cpu.write(VCPUInit(features: features).value, to: .vcpuInit)
    }

    private func refusal(_ cpu: EmulatedCPU, _ features: VCPUFeatures) -> Errno? {
        do throws(RegisterBankError) {
            try cpu.write(VCPUInit(features: features).value, to: .vcpuInit)
            return nil
        } catch {
            return error.errno
        }
    }

    private static let differences: [(VCPUFeatures, VCPUFeatures)] = [
        ([.psci02, .pmuV3], [.psci02]), ([.psci02], [.psci02, .pmuV3]), ([.psci02], []),
        ([.psci02, .sve], [.psci02]), ([.psci02], [.psci02, .sve]),
        ([.psci02, .pointerAuthentication], [.psci02]),
    ]

    /// Since Linux 6.5; the vCPU that was refused can be made as the first one is.
    @Test(arguments: differences)
    func newKernelRefuses(_ first: VCPUFeatures, _ second: VCPUFeatures) throws {
        let cpus = try pair("6.12-max")
        try initialize(cpus[0], first)
        #expect(refusal(cpus[1], second) == .invalidArgument)
        #expect(cpus[1].list() == [.vcpuInit])
        #expect(try cpus[1].readFailure("x0") == .notExecutable)
        #expect(try cpus[1].refusal("x0", 5) == .notExecutable)
        try initialize(cpus[1], first)
        // Now neither can become another.
        #expect(refusal(cpus[0], second) == .invalidArgument)
        #expect(try cpus[1].bits("x0") == 0)
    }

    @Test(arguments: differences)
    func oldKernelTakes(_ first: VCPUFeatures, _ second: VCPUFeatures) throws {
        let cpus = try pair("6.1-max")
        try initialize(cpus[0], first)
        try initialize(cpus[1], second)
        #expect(try VCPUInit(cpus[1].read(.vcpuInit))?.features == second)
    }

    @Test(arguments: ["6.1-cortex-a57", "6.12-cortex-a57"])
    func everyKernelRefusesAnotherWidth(_ host: String) throws {
        for (first, second): (VCPUFeatures, VCPUFeatures) in [
            ([.psci02], [.psci02, .el1In32Bit]), ([.psci02, .el1In32Bit], [.psci02]),
        ] {
            let cpus = try pair(host)
            try initialize(cpus[0], first)
            #expect(refusal(cpus[1], second) == .invalidArgument)
        }
    }

    /// How a vCPU starts is no feature that it keeps, and each can be of either target.
    @Test func powerOffAndTargetMayDiffer() throws {
        let cpus = try pair("6.12-cortex-a57")
        try initialize(cpus[0], [.psci02])
        try initialize(cpus[1], [.psci02, .powerOff])
        let others = try pair("6.12-cortex-a57")
        try initialize(others[0], [.psci02])
        try others[1].write(VCPUInit(target: 2, features: [.psci02]).value, to: .vcpuInit)
        #expect(try VCPUInit(others[1].read(.vcpuInit))?.target == 2)
    }

    /// The only one can be made anew.
    @Test func vcpuThatIsAloneCanChange() throws {
        let cpus = try pair("6.12-max")
        try initialize(cpus[0], [.psci02])
        try initialize(cpus[0], [.psci02, .pmuV3])
        #expect(refusal(cpus[1], [.psci02]) == .invalidArgument)
        try initialize(cpus[1], [.psci02, .pmuV3])
    }

    /// Linux 6.1: what can be written of an ID register is the VM's, the rest is worked out for each vCPU.
    @Test func fieldsOfAFeatureStayTheVCPUs() throws {
        let cpus = try pair("6.1-max")
        try initialize(cpus[0], [.psci02, .sve])
        try initialize(cpus[1], [.psci02])
        #expect(try cpus[0].bits("SVE_VLS") == 0xffff)
        try cpus[0].set("VCPU_FINALIZED", 0x10)
        #expect(try cpus[0].bits("ID_AA64PFR0_EL1") == 0x1101_0011_2111_0222)
        try cpus[1].set("ID_AA64PFR0_EL1", 0x1001_0010_2111_0222)
        #expect(try cpus[0].bits("ID_AA64PFR0_EL1") == 0x1001_0011_2111_0222)
        #expect(try cpus[1].bits("ID_AA64PFR0_EL1") == 0x1001_0010_2111_0222)
    }

    /// Linux 6.1: without PSCI_0_2 a vCPU has PSCI 0.1, whatever the VM has.
    @Test func psciOfAVCPUWithoutTheFeature() throws {
        let cpus = try pair("6.1-max")
        try initialize(cpus[0], [.psci02])
        try initialize(cpus[1], [])
        #expect(try cpus[1].bits("PSCI_VERSION") == 1)
        #expect(try cpus[1].refusal("PSCI_VERSION", 0x1_0001) == .invalidArgument)
        try cpus[0].set("PSCI_VERSION", 0x1_0000)
        #expect(try cpus[0].bits("PSCI_VERSION") == 0x1_0000)
        #expect(try cpus[1].bits("PSCI_VERSION") == 1)
    }
}

@Suite("Host profiles: from a snapshot")
struct ProfileOfASnapshotTests {
    /// A guest that ran: its registers have other values than at reset.
    private func snapshot(on name: String = "6.12-neoverse-v1") throws -> Snapshot {
        let cpu = try vcpu(on: name)
        let changes: KeyValuePairs<String, UInt64> = [
            "ID_AA64ISAR0_EL1": 0x1_1120, "PSCI_VERSION": 0x1_0000, "STD_BMAP": 0, "CCSIDR0": 0x12,
            "x0": 5, "pc": 0x1000, "pstate": 0x6000_0005, "sp_el0": 6, "fpsr": 1, "z0": 3,
            "FAR_EL1": 7, "SCTLR_EL1": 0x1005, "TCR2_EL1": 2, "APIAKEYLO_EL1": 9,
            "CNTV_CTL_EL0": 1, "CNTVCT_EL0": 0x5555, "MP_STATE": 5,
        ]
        for (name, bits) in changes { try cpu.set(name, bits) }
        var snapshot = Snapshot(provenance: Provenance(), vcpus: [])
        snapshot.provenance[.kernel] = "6.12.117+deb13-cloud-arm64"
        snapshot.provenance[.counterFrequency] = "62500000"
        snapshot.provenance[.capability("KVM_CAP_ARM_SVE")] = "1"
        snapshot.provenance[.capability("KVM_CAP_COUNTER_OFFSET")] = "many"
        var registers = RegisterList()
        for id in cpu.list() { registers.set(try cpu.read(id), for: id) }
        snapshot.vcpus.append(VCPUState(index: 0, registers: registers))
        return snapshot
    }

    private func profile(of snapshot: Snapshot, name: String? = nil) throws -> HostProfile {
        try HostProfile(from: snapshot, name: name)
    }

    @Test func factsAreTheSnapshots() throws {
        let profile = try profile(of: snapshot())
        #expect(profile.name == "6.12-neoverse-v1")
        #expect(profile.kernelRelease == "6.12.117+deb13-cloud-arm64")
        #expect(profile.kernel == KernelVersion(6, 12, 117))
        #expect(profile.midr == 0x411f_d402)
        #expect(profile.counterFrequency == 62_500_000)
        #expect(profile.capabilities == ["KVM_CAP_ARM_SVE": 1])
        #expect(
            profile.features.names
                == ["PSCI_0_2", "PMU_V3", "SVE", "PTRAUTH_ADDRESS", "PTRAUTH_GENERIC"])
        #expect(profile.sveVectorLengths == [16, 32])
        #expect(profile.extensions == ["x-from snapshot"])
        #expect(profile.writableMasks.isEmpty && profile.featureSets.isEmpty)
        #expect(try self.profile(of: snapshot(), name: "mine").name == "mine")
    }

    @Test(arguments: [
        // What the guest was given is kept.
        ("ID_AA64ISAR0_EL1", 0x1_1120 as UInt64), ("PSCI_VERSION", 0x1_0000), ("STD_BMAP", 0),
        ("CCSIDR0", 0x12), ("MIDR_EL1", 0x411f_d402), ("CLIDR_EL1", 0x100_0004), ("SVE_VLS", 0x3),
        ("VCPU_INIT", 0x7c_0000_0005), ("VCPU_FINALIZED", 0x10),
        // What it did is not.
        ("x0", 0), ("pc", 0), ("pstate", 0x3c5), ("sp_el0", 0), ("fpsr", 0), ("z0", 0),
        ("FAR_EL1", 0x1de7_ec7e_dbad_c0de), ("TCR2_EL1", 0),
        ("APIAKEYLO_EL1", 0x1de7_ec7e_dbad_c0de), ("CNTV_CTL_EL0", 0), ("CNTVCT_EL0", 0),
        ("MP_STATE", 0), ("VCPU_EVENTS", 0),
        // A profile says nothing of bits that move by themselves.
        ("PMCCNTR_EL0", 0), ("PMEVCNTR0_EL0", 0), ("CNTPCT_EL0", 0),
    ])
    func registerOfTheProfile(_ name: String, _ bits: UInt64) throws {
        let value = try #require(try profile(of: snapshot()).registers[register(name)])
        #expect(value.lowBits == bits)
        #expect(try value.size == register(name).size)
        #expect(value.littleEndianBytes.dropFirst(8).allSatisfy { $0 == 0 })
    }

    @Test(arguments: HostProfile.builtInNames)
    func profileIsValid(_ name: String) throws {
        var snapshot = Snapshot(provenance: Provenance(), vcpus: [])
        let recorded = try builtIn(name)
        snapshot.provenance[.kernel] = recorded.kernelRelease
        snapshot.vcpus.append(VCPUState(index: 0, registers: recorded.registers))
        let profile = try profile(of: snapshot, name: "again")
        #expect(try HostProfile(parsing: profile.text.utf8, file: "again.vhost") == profile)
        // A guest that never ran tells all that its host's recording does.
        #expect(profile.registers.ids == recorded.registers.ids)
        let (made, original) = (
            EmulatedCPU(profile: profile, initialized: true), try vcpu(on: name)
        )
        #expect(made.list() == original.list())
    }

    @Test func guestThatRanGivesAValidProfile() throws {
        let profile = try profile(of: snapshot())
        #expect(try HostProfile(parsing: profile.text.utf8, file: "again.vhost") == profile)
        let cpu = EmulatedCPU(profile: profile, initialized: true)
        #expect(try cpu.bits("ID_AA64ISAR0_EL1") == 0x1_1120)
        #expect(try cpu.bits("x0") == 0)
    }

    /// A vCPU that was made powered off tells of the host what any other does.
    @Test func poweredOffVCPUGivesAValidProfile() throws {
        var snapshot = try snapshot()
        let made = try #require(snapshot.vcpus[0].registers[.vcpuInit].flatMap { VCPUInit($0) })
        let off = VCPUInit(target: made.target, features: made.features.union(.powerOff))
        snapshot.vcpus[0].registers.set(off.value, for: .vcpuInit)
        let profile = try profile(of: snapshot)
        #expect(profile.features == made.features)
        #expect(profile.registers[.vcpuInit] == made.value)
        #expect(try HostProfile(parsing: profile.text.utf8, file: "off.vhost") == profile)
    }

    @Test func whatDoesNotTellOfItsHost() throws {
        var withoutKernel = try snapshot()
        withoutKernel.provenance[.kernel] = nil
        #expect(throws: HostProfileError.noKernel) { try HostProfile(from: withoutKernel) }
        var withoutVCPUs = try snapshot()
        withoutVCPUs.vcpus = []
        #expect(throws: HostProfileError.noVCPU) { try HostProfile(from: withoutVCPUs) }
        var withoutInit = try snapshot()
        let rest = withoutInit.vcpus[0].registers.filter { $0.0 != .vcpuInit }
        withoutInit.vcpus[0].registers = try #require(RegisterList(rest))
        #expect(throws: HostProfileError.noInit(vcpu: 0)) { try HostProfile(from: withoutInit) }
        // What is not needed may be missing.
        var bare = try snapshot()
        bare.provenance[.counterFrequency] = nil
        let others = bare.vcpus[0].registers.filter { $0.0.name != "MIDR_EL1" }
        bare.vcpus[0].registers = try #require(RegisterList(others))
        let profile = try profile(of: bare)
        #expect(profile.counterFrequency == nil && profile.midr == nil)
        #expect(profile.name == "6.12-cpu")
    }

    @Test(arguments: [
        ("6.12.117+deb13", 0x411f_d402 as UInt64?, "6.12-neoverse-v1"),
        ("6.1.0-50-cloud-arm64", 0x410f_d083, "6.1-cortex-a72"), ("7.2.13", nil, "7.2-cpu"),
        ("custom", 0x414f_d0c1, "unknown-neoverse-n1"), ("6.12", 0xff00_0000, "6.12-cpu"),
    ])
    func nameOfAHost(_ kernel: String, _ midr: UInt64?, _ name: String) {
        #expect(HostProfile.defaultName(kernelRelease: kernel, midr: midr) == name)
    }
}
