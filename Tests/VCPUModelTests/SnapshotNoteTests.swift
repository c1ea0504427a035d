import Registers
import TestSubjects
import Testing
import VCPUModel

@Suite("Snapshots: notes")
struct SnapshotNoteTests {
    /// Registers with their values, of a vCPU that lacks nothing.
    private func vcpu(
        _ index: UInt32 = 0, features: VCPUFeatures = [.psci02],
        _ values: KeyValuePairs<String, UInt64> = [:]
    ) throws -> VCPUState {
        var registers = RegisterList()
        registers.set(VCPUInit(features: features).value, for: .vcpuInit)
        for id in registers.missing {
            registers.set(try #require(RegisterValue.zero(size: id.size ?? 8)), for: id)
        }
        for (name, bits) in values {
            let id = try register(name)
            registers.set(try value(String(bits), of: id), for: id)
        }
        return VCPUState(index: index, registers: registers)
    }

    private func notes(_ vcpus: VCPUState...) -> [String] {
        Snapshot(provenance: Provenance(), vcpus: vcpus).notes.map(\.description)
    }

    private func without(_ vcpu: VCPUState, _ names: String...) throws -> VCPUState {
        let left = vcpu.registers.filter { !names.contains($0.0.name) }
        return VCPUState(index: vcpu.index, registers: try #require(RegisterList(left)))
    }

    @Test func nothingToNote() throws {
        #expect(try notes(vcpu()).isEmpty)
        #expect(try notes(vcpu(0), vcpu(1), vcpu(7)).isEmpty)
        #expect(try notes(vcpu(features: [.psci02, .sve])).isEmpty)
        #expect(try notes(vcpu(features: [.psci02, .el1In32Bit])).isEmpty)
    }

    @Test func noVCPU() {
        #expect(notes() == ["it holds no vCPU"])
    }

    // MARK: Complete vCPUs

    @Test(arguments: [
        "x0", "x30", "sp_el0", "pc", "pstate", "sp_el1", "elr_el1", "spsr_el1", "spsr_fiq", "fpsr",
        "fpcr", "v0", "v31", "SCTLR_EL1", "TTBR0_EL1", "VBAR_EL1", "TPIDR_EL0", "VCPU_INIT",
    ])
    func essentialRegister(_ name: String) throws {
        let vcpu = try without(try vcpu(3), name)
        #expect(vcpu.registers.missing.map(\.name) == [name])
        #expect(
            notes(vcpu) == [
                "vCPU 3 is incomplete: 1 of the registers that every vCPU needs are missing: \(name)"
            ])
    }

    @Test(arguments: [
        "MIDR_EL1", "PMCR_EL0", "CNTVCT_EL0", "MP_STATE", "VCPU_EVENTS", "PSCI_VERSION",
    ])
    func registerThatMayBeMissing(_ name: String) throws {
        #expect(try !vcpu().registers.contains(register(name)))
    }

    @Test func vectorsAreThoseOfTheFeatures() throws {
        let (plain, scalable) = (try vcpu(), try vcpu(features: [.psci02, .sve]))
        #expect(plain.registers.contains(.v(0)) && !plain.registers.contains(.z(0)))
        #expect(!scalable.registers.contains(.v(0)) && scalable.registers.contains(.z(31)))
        for name in ["z0", "p15", "ffr"] {
            #expect(try without(scalable, name).registers.missing.map(\.name) == [name])
        }
        // Without VCPU_INIT Z registers tell.
        #expect(
            try without(scalable, "VCPU_INIT").registers.missing == [.vcpuInit])
    }

    @Test func vcpuOfNothing() throws {
        let nothing = VCPUState(index: 1, registers: RegisterList())
        var only = RegisterList()
        only.set(VCPUInit(features: [.psci02]).value, for: .vcpuInit)
        #expect(nothing.registers.missing.count == 90)
        #expect(only.missing.count == 89)
        let text = try notes(vcpu(), nothing)
        // That it does not have what is alike in all vCPUs goes without saying.
        #expect(text.count == 1)
        #expect(text[0].hasPrefix("vCPU 1 is incomplete: 90 of the registers "), "\(text)")
    }

    @Test func thoseThatLackTheSameAreTogether() throws {
        let only = try (0..<4096).map {
            VCPUState(index: $0, registers: try vcpu(without: 0).registers)
        }
        let text = Snapshot(provenance: Provenance(), vcpus: only).notes.map(\.description)
        #expect(
            text.count == 1 && text[0].hasPrefix("vCPUs 0 to 4095 are incomplete: 1 of"), "\(text)")
    }

    private func vcpu(without index: Int) throws -> VCPUState {
        try without(try vcpu(), "x\(index)")
    }

    // MARK: vCPUs that disagree

    @Test(arguments: [
        "CLIDR_EL1", "MIDR_EL1", "CTR_EL0", "ID_AA64ISAR0_EL1", "ID_ISAR6_EL1", "CCSIDR0",
        "PSCI_VERSION", "STD_BMAP", "SMCCC_ARCH_WORKAROUND_1", "SVE_VLS",
    ])
    func commonRegister(_ name: String) throws {
        let id = try register(name)
        let vcpus = try [0x23, 0x23, 0x42, 0x23].enumerated().map {
            try vcpu(UInt32($0), [name: UInt64($1)])
        }
        let text = Snapshot(provenance: Provenance(), vcpus: vcpus).notes.map(\.description)
        #expect(
            text == ["the vCPUs disagree on \(id.label): 0x23 on 0 to 1, 3; 0x42 on 2"])
    }

    @Test(arguments: ["x0", "TTBR0_EL1", "MPIDR_EL1", "CNTVCT_EL0", "PMCCNTR_EL0", "FAR_EL1"])
    func registerOfTheVCPU(_ name: String) throws {
        #expect(try notes(vcpu(0, [name: 1]), vcpu(1, [name: 2])).isEmpty)
    }

    /// PMCR_EL0 is the vCPU's but for N.
    @Test func countersOfThePMU() throws {
        #expect(try notes(vcpu(0, ["PMCR_EL0": 0x3041]), vcpu(1, ["PMCR_EL0": 0x3000])).isEmpty)
        let text = try notes(vcpu(0, ["PMCR_EL0": 0x3041]), vcpu(1, ["PMCR_EL0": 0x1041]))
        #expect(text.count == 1 && text[0].contains("0x3041 on 0; 0x1041 on 1"), "\(text)")
    }

    /// A vCPU is made powered off and is as the others all the same.
    @Test func features() throws {
        let first = try vcpu(0)
        #expect(try notes(first, vcpu(1, features: [.psci02, .powerOff])).isEmpty)
        let text = try notes(first, vcpu(1, features: [.psci02, .pmuV3]))
        #expect(text.count == 1 && text[0].contains("VCPU_INIT"), "\(text)")
    }

    @Test func registerThatOneLacks() throws {
        let text = try notes(vcpu(0, ["CLIDR_EL1": 1]), vcpu(5))
        #expect(text.count == 1 && text[0].hasSuffix(": 0x1 on 0; no register on 5"), "\(text)")
    }

    /// What is said stays short, however many vCPUs there are.
    @Test func manyVCPUsAreCutShort() throws {
        let vcpus = try (0..<100).map { try vcpu($0, ["CLIDR_EL1": UInt64($0 % 2)]) }
        let text = Snapshot(provenance: Provenance(), vcpus: vcpus).notes.map(\.description)
        #expect(
            text[0].hasSuffix("; 0x1 on 1, 3, 5, 7, 9, 11, 13, 15 and 42 more"), "\(text)")
    }

    @Test func manyValuesAreCutShort() throws {
        let vcpus = try (0..<40).map { try vcpu($0, ["CLIDR_EL1": UInt64($0)]) }
        let text = Snapshot(provenance: Provenance(), vcpus: vcpus).notes.map(\.description)
        #expect(text.count == 1 && text[0].hasSuffix("; 0x7 on 7; and 32 more"), "\(text)")
    }
}
