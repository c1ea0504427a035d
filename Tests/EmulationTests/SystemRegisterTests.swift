import Emulation
import LinuxSystem
import Registers
import TestSubjects
import Testing
import VCPUModel

struct SystemRegisterTests {
    @Test func absentRegistersAndWrongSizes() throws {
        for host in ["6.1-neoverse-n1", "6.12-neoverse-n1"] {
            let cpu = try vcpu(on: host)
            #expect(try cpu.readFailure("SCTLR_EL2") == .noEntry)
            #expect(try cpu.refusal("SCTLR_EL2", 1) == .noEntry)
            #expect(try cpu.readFailure("APIAKEYLO_EL1") == .noEntry)
            let id = try register("SCTLR_EL1")
            let error = try failure(RegisterBankError.self) {
                try cpu.write(RegisterValue(1, size: 4), to: id)
            }
            #expect(error.errno == .invalidArgument)
            for unknown: UInt64 in [0, .max, 0x7620_0000_0000_0007, 0x4030_0000_0000_0000] {
                #expect(throws: RegisterBankError.self) {
                    try cpu.read(RegisterID(rawValue: unknown))
                }
            }
        }
        #expect(try vcpu(on: "6.1-neoverse-n1").readFailure("TCR2_EL1") == .noEntry)
        #expect(try vcpu(on: "6.12-neoverse-n1").readFailure("TCR2_EL1") == nil)
    }

    @Test func writableRegistersKeepEveryBit() throws {
        for host in ["6.1-max", "6.12-max"] {
            let cpu = try vcpu(on: host)
            for name in ["SCTLR_EL1", "TTBR1_EL1", "APIAKEYHI_EL1", "DBGBVR15_EL1", "MPIDR_EL1"] {
                try cpu.set(name, 0xfedc_ba98_7654_3210)
                #expect(try cpu.bits(name) == 0xfedc_ba98_7654_3210, "\(name)")
            }
        }
    }

    @Test func registersThatNeedAnIDField() throws {
        func cpu(_ features: String) throws -> EmulatedCPU {
            try vcpu(
                kernel: "6.14.0", "register ID_AA64MMFR3_EL1 0x603000000013c03b \(features)",
                "register TCR2_EL1 0x603000000013c103 0x0")
        }
        let with = try cpu("0x1")
        #expect(with.list().contains(try register("TCR2_EL1")))
        try with.set("ID_AA64MMFR3_EL1", 0)
        #expect(!with.list().contains(try register("TCR2_EL1")))
        #expect(try with.readFailure("TCR2_EL1") == .noEntry)
        // What a profile lists is there, whatever its ID registers say.
        #expect(try cpu("0x0").list().contains(register("TCR2_EL1")))
    }

    @Test func osLock() throws {
        for host in ["6.1-max", "6.12-max"] {
            let cpu = try vcpu(on: host)
            try cpu.set("OSLSR_EL1", 0xa)
            #expect(try cpu.bits("OSLSR_EL1") == 0xa)
            #expect(try cpu.refusal("OSLSR_EL1", 0x0) == .invalidArgument)
            #expect(try cpu.refusal("OSLSR_EL1", 0x18) == .invalidArgument)
        }
    }

    // MARK: Timers

    @Test func countersMoveByAFixedStepAndTakeWrites() throws {
        let cpu = try vcpu(
            "counter-frequency 62500000", "register CNTVCT_EL0 0x603000000013df1a 0x64")
        #expect(try cpu.bits("CNTVCT_EL0") == 100)
        #expect(try cpu.bits("CNTVCT_EL0") == 162)
        try cpu.set("CNTVCT_EL0", .max)
        #expect(try cpu.bits("CNTVCT_EL0") == .max)
        #expect(try cpu.bits("CNTVCT_EL0") == 61, "it wraps")
    }

    @Test func timerStatusIsComputedAndNeverStored() throws {
        let lines = [
            "register CNTVCT_EL0 0x603000000013df1a 0x64",
            "register CNTV_CVAL_EL0 0x603000000013df02 0x0",
            "register CNTV_CTL_EL0 0x603000000013df19 0x0",
        ]
        let old = try vcpu(kernel: "6.1.0", lines[0], lines[1], lines[2])
        #expect(try old.bits("CNTV_CTL_EL0") == 4)
        try old.set("CNTV_CVAL_EL0", .max)
        try old.set("CNTV_CTL_EL0", 0xf_0000_0007)
        #expect(try old.bits("CNTV_CTL_EL0") == 3)
        let new = try vcpu(kernel: "7.0.0", lines[0], lines[1], lines[2])
        try new.set("CNTV_CTL_EL0", 7)
        #expect(try new.bits("CNTV_CTL_EL0") == 3)
    }

    // MARK: PMU

    @Test func setAndClearBeforeLinux67() throws {
        let cpu = try vcpu(on: "6.1-max")
        try cpu.set("PMCNTENSET_EL0", 0x8000_0003)
        try cpu.set("PMCNTENCLR_EL0", 0x1)
        #expect(try cpu.bits("PMCNTENSET_EL0") == 1, "both names assign")
    }

    @Test func setAndClearFrom67To614() throws {
        let cpu = try vcpu(on: "6.12-max")
        let counters = try cpu.bits("PMCR_EL0") >> 11 & 0x1f
        let valid = 1 << 31 | (1 << counters) - 1
        for (set, clear) in [
            ("PMCNTENSET_EL0", "PMCNTENCLR_EL0"), ("PMINTENSET_EL1", "PMINTENCLR_EL1"),
            ("PMOVSSET_EL0", "PMOVSCLR_EL0"),
        ] {
            try cpu.set(clear, .max)
            try cpu.set(set, 0x1)
            try cpu.set(set, 0x8000_0000)
            #expect(try cpu.bits(set) == 0x8000_0001)
            #expect(try cpu.bits(clear) == 0x8000_0001)
            try cpu.set(clear, 0x1)
            #expect(try cpu.bits(set) == 0x8000_0000)
            try cpu.set(set, .max)
            #expect(try cpu.bits(set) == valid)
        }
    }

    @Test func setAndClearSince615() throws {
        let cpu = try vcpu(
            kernel: "6.17.0", "register PMCR_EL0 0x603000000013dce0 0x1000",
            "register PMCNTENSET_EL0 0x603000000013dce1 0x0",
            "register PMCNTENCLR_EL0 0x603000000013dce2 0x0")
        try cpu.set("PMCNTENSET_EL0", 0x8000_00ff)
        #expect(try cpu.bits("PMCNTENCLR_EL0") == 0x8000_0003)
        try cpu.set("PMCNTENCLR_EL0", 0x1)
        #expect(try cpu.bits("PMCNTENSET_EL0") == 1)
    }

    /// A guest with fewer counters than a new vCPU has: what is said of the others is not shown.
    @Test(arguments: ["6.12.117", "7.3.4"])
    func fewerCountersShowFewerBits(_ kernel: String) throws {
        let cpu = try vcpu(
            kernel: kernel, "register PMCR_EL0 0x603000000013dce0 0x4040",
            "register PMCNTENSET_EL0 0x603000000013dce1 0x800000de",
            "register PMCNTENCLR_EL0 0x603000000013dce2 0x800000de")
        #expect(try cpu.bits("PMCNTENSET_EL0") == 0x8000_00de)
        try cpu.set("PMCR_EL0", 0x3040)
        #expect(try cpu.bits("PMCNTENSET_EL0") == 0x8000_001e)
        #expect(try cpu.bits("PMCNTENCLR_EL0") == 0x8000_001e)
    }

    @Test func pmuControl() throws {
        let old = try vcpu(on: "6.1-max")
        try old.set("PMCR_EL0", 0xffff_ffff)
        #expect(try old.bits("PMCR_EL0") == 0xffff_ffff)
        let new = try vcpu(on: "6.12-max")
        let own = try new.bits("PMCR_EL0")
        let counters = own >> 11 & 0x1f
        try new.set("PMCR_EL0", 0xff00_0001 | (counters - 1) << 11)
        #expect(try new.bits("PMCR_EL0") == 1 | (counters - 1) << 11)
        try new.set("PMCR_EL0", 2 | (counters + 1) << 11)
        #expect(try new.bits("PMCR_EL0") == 2 | (counters - 1) << 11, "too large N is ignored")
        try new.set("PMCNTENSET_EL0", .max)
        #expect(try new.bits("PMCNTENSET_EL0") == 1 << 31 | (1 << (counters - 1)) - 1)
        // Without AArch32 the cycle counter is always long.
        let narrow = try vcpu(
            "register PMCR_EL0 0x603000000013dce0 0x1040",
            "register ID_AA64PFR0_EL1 0x603000000013c020 0x11")
        try narrow.set("PMCR_EL0", 0x1000)
        #expect(try narrow.bits("PMCR_EL0") == 0x1040)
    }

    @Test func eventCountersAreWideWithPMUv3p5Only() throws {
        for (host, kept) in [("6.1-max", UInt64(UInt32.max)), ("6.12-max", .max)] {
            let cpu = try vcpu(on: host)
            try cpu.set("PMEVCNTR30_EL0", .max)
            #expect(try cpu.bits("PMEVCNTR30_EL0") == kept)
            try cpu.set("PMCCNTR_EL0", .max)
            #expect(try cpu.bits("PMCCNTR_EL0") == .max)
        }
        let cpu = try vcpu(on: "6.12-max")
        try cpu.set("ID_AA64DFR0_EL1", cpu.bits("ID_AA64DFR0_EL1") & ~0xf00 | 0x500)
        try cpu.set("PMEVCNTR0_EL0", .max)
        #expect(try cpu.bits("PMEVCNTR0_EL0") == 0xffff_ffff)
    }

    @Test func softwareIncrementReadsAsZero() throws {
        for host in ["6.1-max", "6.12-max"] {
            let cpu = try vcpu(on: host)
            #expect(try cpu.refusal("PMSWINC_EL0", .max) == nil)
            #expect(try cpu.bits("PMSWINC_EL0") == 0)
        }
    }

    @Test func pmuMachineIdentification() throws {
        let cpu = try vcpu(kernel: "7.3.4", "register PMMIR_EL1 0x603000000013c4f6 0x8")
        #expect(try cpu.refusal("PMMIR_EL1", 8) == nil)
        #expect(try cpu.refusal("PMMIR_EL1", 4) == .invalidArgument)
        #expect(try cpu.refusal("PMMIR_EL1", 0) == nil)
    }

    // MARK: Firmware

    @Test func psciVersions() throws {
        for host in ["6.1-max", "6.12-max"] {
            let cpu = try vcpu(on: host)
            for version: UInt64 in [2, 0x1_0000, 0x1_0001] {
                #expect(try cpu.refusal("PSCI_VERSION", version) == nil)
                #expect(try cpu.bits("PSCI_VERSION") == version)
            }
            for version: UInt64 in [0, 1, 3, 0x1_0003, 0x2_0000] {
                #expect(try cpu.refusal("PSCI_VERSION", version) == .invalidArgument)
            }
        }
        let new = try vcpu(kernel: "6.14.0", "register PSCI_VERSION 0x6030000000140000 0x10003")
        #expect(try new.refusal("PSCI_VERSION", 0x1_0003) == nil)
        #expect(try new.refusal("PSCI_VERSION", 0x1_0004) == .invalidArgument)
    }

    @Test func workaroundsAreCheckedAndNotStored() throws {
        let cpu = try vcpu(
            "register SMCCC_ARCH_WORKAROUND_1 0x6030000000140001 0x1",
            "register SMCCC_ARCH_WORKAROUND_2 0x6030000000140002 0x3",
            "register SMCCC_ARCH_WORKAROUND_3 0x6030000000140003 0x0")
        #expect(try cpu.refusal("SMCCC_ARCH_WORKAROUND_1", 0) == nil)
        #expect(try cpu.bits("SMCCC_ARCH_WORKAROUND_1") == 1)
        #expect(try cpu.refusal("SMCCC_ARCH_WORKAROUND_1", 2) == .invalidArgument)
        #expect(try cpu.refusal("SMCCC_ARCH_WORKAROUND_1", 0x10) == .invalidArgument)
        for level: UInt64 in [0, 1, 2, 3, 0x12] {
            #expect(try cpu.refusal("SMCCC_ARCH_WORKAROUND_2", level) == nil)
        }
        for level: UInt64 in [4, 0x13, 0x22] {
            #expect(try cpu.refusal("SMCCC_ARCH_WORKAROUND_2", level) == .invalidArgument)
        }
        #expect(try cpu.bits("SMCCC_ARCH_WORKAROUND_2") == 3)
        #expect(try cpu.refusal("SMCCC_ARCH_WORKAROUND_3", 1) == .invalidArgument)
    }

    @Test func hypercallServices() throws {
        for host in ["6.1-max", "6.12-max"] {
            let cpu = try vcpu(on: host)
            try cpu.set("VENDOR_HYP_BMAP", 1)
            #expect(try cpu.bits("VENDOR_HYP_BMAP") == 1)
            #expect(try cpu.refusal("VENDOR_HYP_BMAP", 3) == nil)
            #expect(try cpu.refusal("VENDOR_HYP_BMAP", 4) == .invalidArgument)
        }
        let new = try vcpu(
            kernel: "6.17.0", "register STD_BMAP 0x6030000000160000 0x0",
            "register VENDOR_HYP_BMAP_2 0x6030000000160003 0x0")
        #expect(try new.refusal("STD_BMAP", 1) == .invalidArgument)
        #expect(try new.refusal("VENDOR_HYP_BMAP_2", 3) == nil)
        #expect(try new.refusal("VENDOR_HYP_BMAP_2", 4) == .invalidArgument)
    }
}
