import Emulation
import LinuxSystem
import Registers
import TestSubjects
import Testing
import VCPUModel

struct RegisterTableTests {
    private func flags(_ name: String, on cpu: EmulatedCPU) throws -> RegisterDefinition.Flags {
        try #require(cpu.table[try register(name)], "no \(name)").flags
    }

    @Test(arguments: ["6.1-neoverse-n1", "6.12-neoverse-n1"])
    func flagsOfBothKernels(_ host: String) throws {
        let cpu = try vcpu(on: host)
        #expect(try flags("MIDR_EL1", on: cpu) == [.constant, .readOnly])
        #expect(try flags("ID_AA64AFR0_EL1", on: cpu) == [.constant, .readOnly])
        #expect(try flags("SMCCC_ARCH_WORKAROUND_1", on: cpu) == [.constant, .readOnly])
        #expect(try flags("PMSWINC_EL0", on: cpu) == [.noRaw])
        #expect(try flags("PMCNTENCLR_EL0", on: cpu).contains(.alias))
        #expect(try flags("PMCNTENSET_EL0", on: cpu).isDisjoint(with: [.alias, .constant, .noRaw]))
        #expect(try flags("SCTLR_EL1", on: cpu) == [.resettable])
        #expect(try flags("CNTVCT_EL0", on: cpu) == [])
        #expect(try flags("PMCCNTR_EL0", on: cpu) == [.resettable])
        #expect(try flags("CNTV_CTL_EL0", on: cpu) == [.maskedWrite, .resettable])
        #expect(try flags("ID_AA64PFR0_EL1", on: cpu) == [.readOnly, .maskedWrite])
        #expect(try flags("OSLSR_EL1", on: cpu) == [.maskedWrite, .resettable])
    }

    @Test func flagsThatDependOnTheKernel() throws {
        let (old, new) = (try vcpu(on: "6.1-neoverse-n1"), try vcpu(on: "6.12-neoverse-n1"))
        for name in ["ID_AA64ISAR0_EL1", "CTR_EL0", "CLIDR_EL1"] {
            #expect(try flags(name, on: old) == [.constant, .readOnly], "\(name)")
            #expect(try flags(name, on: new) == [.readOnly, .maskedWrite], "\(name)")
        }
        #expect(try flags("CCSIDR0", on: old) == [.constant, .readOnly])
        #expect(try flags("CCSIDR0", on: new) == [.readOnly])
        #expect(try flags("PMCR_EL0", on: old) == [.resettable])
        #expect(try flags("PMCR_EL0", on: new) == [.maskedWrite, .resettable])
        #expect(old.table[try register("CNTPCT_EL0")] == nil)
    }

    @Test func writableMasksAreTheRecordedOnesWhereThereAreSome() throws {
        let line = "register ID_AA64ISAR0_EL1 0x603000000013c030 0x100000"
        let byKernel = try vcpu(line)
        let recorded = try vcpu(line, "writable-mask ID_AA64ISAR0_EL1 0xf0")
        let id = try register("ID_AA64ISAR0_EL1")
        #expect(byKernel.table[id]?.writableMask == 0xffff_ffff_ffff_fff0)
        #expect(recorded.table[id]?.writableMask == 0xf0)
        let fixed = try vcpu(line, "writable-mask ID_AA64ISAR0_EL1 0x0")
        #expect(fixed.table[id]?.flags.contains(.constant) == true)
    }

    @Test func overridesReplaceTheDictionary() throws {
        let cpu = try vcpu(
            "register MPIDR_EL1 0x603000000013c005 0x80000000 class=invariant",
            "register VBAR_EL1 0x603000000013c600 0x1000 class=sanitised mask=0xf000",
            "register TPIDR_EL1 0x603000000013c684 0x0 class=raz",
            "register FAR_EL1 0x603000000013c300 0x0 class=writeIgnored",
            "register MIDR_EL1 0x603000000013c000 0x1 class=writable")
        #expect(try cpu.refusal("MPIDR_EL1", 1) == .invalidArgument)
        #expect(try cpu.refusal("VBAR_EL1", 0x2345) == nil)
        #expect(try cpu.bits("VBAR_EL1") == 0x2000)
        #expect(try cpu.refusal("TPIDR_EL1", 1) == .invalidArgument)
        #expect(try cpu.refusal("FAR_EL1", 1) == nil)
        #expect(try cpu.bits("FAR_EL1") == 0)
        #expect(try cpu.refusal("MIDR_EL1", 2) == nil)
        #expect(try cpu.bits("MIDR_EL1") == 2)
    }

    @Test func rawAccess() throws {
        let cpu = try vcpu(on: "6.12-neoverse-n1")
        var state = cpu.state
        func write(_ name: String, _ bits: UInt64) throws -> UInt64? {
            let id = try register(name)
            let size = try #require(id.size)
            cpu.table.rawWrite(RegisterValue(bits, size: size), to: id, in: &state)
            return cpu.table.rawRead(id, from: state)?.bits
        }
        #expect(try write("MIDR_EL1", 1) == cpu.profile.midr)
        #expect(try write("PMSWINC_EL0", 1) == nil)
        #expect(try write("SCTLR_EL1", 0x1234) == 0x1234)
        #expect(try write("CNTV_CTL_EL0", 0x7) == 0x3)
        #expect(try write("OSLSR_EL1", 0xff) == 0xa)
        #expect(try write("PMCNTENSET_EL0", 0x1) == 0x1)
        #expect(try write("PMCNTENCLR_EL0", 0x8000_0000) == 0x8000_0000)
        let set = cpu.table.rawRead(try register("PMCNTENSET_EL0"), from: state)
        #expect(set?.bits == 0x8000_0000, "both names are one register")
        // Fields the host offers are taken, others keep their value.
        let id = try register("ID_AA64ISAR0_EL1")
        let host = try #require(cpu.profile.registers[id]?.bits)
        let taken = try write("ID_AA64ISAR0_EL1", host & ~0xf0 | 0xf << 60)
        #expect(taken == host & ~0xf0)
        #expect(cpu.state != state, "the state of the CPU was not touched")
    }

    @Test func generalAndVectorRegistersHaveFieldsOfTheState() throws {
        let cpu = try vcpu(on: "6.12-neoverse-n1")
        try cpu.set("x7", 7)
        try cpu.set("pc", 0x4000)
        try cpu.set("sp_el1", 0x5000)
        try cpu.set("spsr_fiq", 0x1d1)
        try cpu.set("fpcr", 0x100)
        try cpu.set("v31", 0x31)
        #expect(cpu.state[x: 7] == 7 && cpu.state.programCounter == 0x4000)
        #expect(cpu.state[.general(34), size: 8].lowBits == 0x5000 && cpu.state.fpcr == 0x100)
        let saved = (36...40).map { cpu.state[.general($0), size: 8].lowBits }
        #expect(saved == [0, 0, 0, 0, 0x1d1])
        #expect(cpu.state[.vector(31), size: 16].lowBits == 0x31)
    }
}
