import Emulation
import LinuxSystem
import Registers
import TestSubjects
import Testing
import VCPUModel

struct IDRegisterTests {
    @Test func invariantRegisters() throws {
        for host in ["6.1-neoverse-n1", "6.12-neoverse-n1"] {
            let cpu = try vcpu(on: host)
            for name in ["MIDR_EL1", "REVIDR_EL1", "AIDR_EL1", "ID_AA64DFR1_EL1"] {
                let own = try cpu.bits(name)
                #expect(try cpu.refusal(name, own) == nil, "\(name)")
                #expect(try cpu.refusal(name, own ^ 1) == .invalidArgument, "\(name)")
            }
            // Unallocated encodings are listed, read as zero and accept only that.
            #expect(try cpu.refusal("S3_0_C0_C7_7", 1) == .invalidArgument)
            #expect(try cpu.refusal("S3_0_C0_C7_7", 0) == nil)
        }
    }

    @Test func loweringAFieldNeedsAKernelThatAllowsIt() throws {
        for (host, refusal) in [("6.1-max", Errno.invalidArgument), ("6.12-max", nil)] {
            let cpu = try vcpu(on: host)
            let lower = try cpu.bits("ID_AA64ISAR0_EL1") & ~0xf0
            #expect(try cpu.refusal("ID_AA64ISAR0_EL1", lower) == refusal)
            if refusal == nil { #expect(try cpu.bits("ID_AA64ISAR0_EL1") == lower) }
        }
    }

    @Test func claimingMoreThanTheHostIsRefused() throws {
        let cpu = try vcpu(on: "6.12-neoverse-n1")
        let own = try cpu.bits("ID_AA64ISAR0_EL1")
        #expect(own >> 60 == 0, "no RNDR")
        let error = try failure(RegisterBankError.self) {
            try cpu.set("ID_AA64ISAR0_EL1", own | 1 << 60)
        }
        #expect(error.errno == .invalidArgument)
        #expect(error.explanation == "RNDR is 0x1, the host offers 0x0")
        #expect(try cpu.bits("ID_AA64ISAR0_EL1") == own)
    }

    @Test func afterLoweringTheHostsValueIsStillAccepted() throws {
        let cpu = try vcpu(on: "6.12-neoverse-n1")
        let own = try cpu.bits("ID_AA64ISAR0_EL1")
        try cpu.set("ID_AA64ISAR0_EL1", 0)
        #expect(try cpu.refusal("ID_AA64ISAR0_EL1", own) == nil)
    }

    @Test func fieldsOutsideTheMaskMustBeTheHosts() throws {
        let cpu = try vcpu(on: "6.12-max")
        // ID_AA64MMFR1_EL1.VMIDBits cannot be changed.
        let own = try cpu.bits("ID_AA64MMFR1_EL1")
        #expect(own & 0xf0 != 0)
        #expect(try cpu.refusal("ID_AA64MMFR1_EL1", own & ~0xf0) == .invalidArgument)
    }

    @Test func recordedMaskDecides() throws {
        let line = "register ID_AA64ISAR0_EL1 0x603000000013c030 0x1120"
        let cpu = try vcpu(line, "writable-mask ID_AA64ISAR0_EL1 0xf0")
        #expect(try cpu.refusal("ID_AA64ISAR0_EL1", 0x1100) == nil)
        #expect(try cpu.refusal("ID_AA64ISAR0_EL1", 0x1020) == .invalidArgument)
    }

    @Test func signedAndHigherSafeFields() throws {
        let cpu = try vcpu(
            "register ID_AA64MMFR0_EL1 0x603000000013c038 0x0",
            "register ID_AA64MMFR1_EL1 0x603000000013c039 0x1000000")
        // TGRAN4 15 says that 4 KiB pages are missing: less than 0.
        #expect(try cpu.refusal("ID_AA64MMFR0_EL1", 0xf000_0000) == nil)
        #expect(try cpu.refusal("ID_AA64MMFR0_EL1", 0x1000_0000) == .invalidArgument)
        // SpecSEI: a guest must expect what can happen, so only more is safe.
        #expect(try cpu.refusal("ID_AA64MMFR1_EL1", 0x2000_0000 >> 4) == nil)
        #expect(try cpu.refusal("ID_AA64MMFR1_EL1", 0) == .invalidArgument)
    }

    @Test func oldKernelsLetOnlyMitigationFieldsChange() throws {
        let cpu = try vcpu(on: "6.1-max")
        let own = try cpu.bits("ID_AA64PFR0_EL1")
        #expect(own >> 56 != 0, "CSV2, CSV3")
        #expect(try cpu.refusal("ID_AA64PFR0_EL1", own & (.max >> 8)) == nil)
        #expect(try cpu.refusal("ID_AA64PFR0_EL1", own & ~(0xf << 48)) == .invalidArgument)
    }

    // MARK: Accepted and changed

    @Test func aarch32RegistersOfAHostWithoutAArch32() throws {
        for host in ["6.1-neoverse-v1", "6.12-neoverse-n1"] {
            let cpu = try vcpu(on: host)
            if try cpu.bits("ID_AA64PFR0_EL1") & 0xf == 2 { continue }
            #expect(try cpu.refusal("ID_ISAR0_EL1", 0x123) == nil)
            #expect(try cpu.bits("ID_ISAR0_EL1") == 0)
        }
        let cpu = try vcpu(
            kernel: "6.1.0", "register ID_AA64PFR0_EL1 0x603000000013c020 0x1111",
            "register ID_ISAR0_EL1 0x603000000013c010 0x0")
        #expect(try cpu.refusal("ID_ISAR0_EL1", 0x123) == nil)
        #expect(try cpu.bits("ID_ISAR0_EL1") == 0)
    }

    /// KVM derives PerfMon from its own PMU, whether or not the CPU has AArch32.
    @Test func performanceMonitorsOfAHostWithoutAArch32() throws {
        let cpu = try vcpu(
            kernel: "6.12.117", "register ID_AA64PFR0_EL1 0x603000000013c020 0x1111",
            "register ID_DFR0_EL1 0x603000000013c00a 0x4000000")
        #expect(try cpu.bits("ID_DFR0_EL1") == 0x400_0000)
        #expect(try cpu.refusal("ID_DFR0_EL1", 0x500_0009) == nil)
        #expect(try cpu.bits("ID_DFR0_EL1") == 0x400_0000)
    }

    struct Ignored: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var register: String
        var kernel: String
        /// The oldest kernel of the data that refuses the host's own value.
        var olderKernel: String
        var mask: UInt64
    }

    @Test(arguments: [
        Ignored(
            testDescription: "MPAM", register: "ID_AA64PFR0_EL1", kernel: "6.12.6",
            olderKernel: "6.12.5", mask: 0xf << 40),
        Ignored(
            testDescription: "MPAM_frac", register: "ID_AA64PFR1_EL1", kernel: "6.12.6",
            olderKernel: "6.12.5", mask: 0xf << 16),
        Ignored(
            testDescription: "NV", register: "ID_AA64MMFR2_EL1", kernel: "6.15.0",
            olderKernel: "6.14.0", mask: 0xf << 24),
    ])
    func theHostsOwnValueOfAHiddenFieldIsIgnored(_ field: Ignored) throws {
        let id = try register(field.register)
        func cpu(_ kernel: String) throws -> EmulatedCPU {
            try vcpu(
                kernel: kernel, "register \(id) \(id.hex) 0x0",
                "hardware \(id) \(RegisterValue(0x1111_1111_1111_1111))")
        }
        let new = try cpu(field.kernel)
        let one = field.mask & 0x1111_1111_1111_1111
        #expect(try new.refusal(field.register, one) == nil)
        #expect(try new.bits(field.register) == 0)
        #expect(try new.refusal(field.register, one << 1) == .invalidArgument)
        #expect(try cpu(field.olderKernel).refusal(field.register, one) == .invalidArgument)
    }

    @Test func tagCheckFractionIsRemapped() throws {
        let (id, value) = (try register("ID_AA64PFR1_EL1"), "0xf0000000200")
        let cpu = try vcpu(
            kernel: "6.17.0", "register \(id) \(id.hex) \(value)", "hardware \(id) \(value)")
        #expect(try cpu.refusal("ID_AA64PFR1_EL1", 0x200) == nil)
        #expect(try cpu.bits("ID_AA64PFR1_EL1") == 0xf00_0000_0200)
    }

    @Test func implementationDefinedPMUBecomesNone() throws {
        let cpu = try vcpu(on: "6.12-max")
        let own = try cpu.bits("ID_AA64DFR0_EL1")
        #expect(try cpu.refusal("ID_AA64DFR0_EL1", own | 0xf00) == nil)
        #expect(try cpu.bits("ID_AA64DFR0_EL1") == own & ~0xf00)
    }

    @Test func valuesThatAreTooSmall() throws {
        let cpu = try vcpu(on: "6.12-max")
        let own = try cpu.bits("ID_AA64DFR0_EL1")
        #expect(try cpu.refusal("ID_AA64DFR0_EL1", own & ~0xf | 5) == .invalidArgument)
        #expect(try cpu.refusal("ID_AA64DFR0_EL1", own & ~0xf | 6) == nil)
        let line = "register ID_AA64PFR0_EL1 0x603000000013c020 0x11"
        #expect(
            try vcpu(kernel: "6.17.0", line).refusal("ID_AA64PFR0_EL1", 0x1) == .invalidArgument)
        #expect(try vcpu(kernel: "6.14.0", line).refusal("ID_AA64PFR0_EL1", 0x1) == nil)
    }

    // MARK: Caches

    @Test func cacheType() throws {
        let old = try vcpu(on: "6.1-max")
        let new = try vcpu(on: "6.12-max")
        let own = try new.bits("CTR_EL0")
        // A smaller DminLine (bits 19:16).
        #expect(own >> 16 & 0xf == 4)
        #expect(try old.refusal("CTR_EL0", own - 1 << 16) == .invalidArgument)
        #expect(try new.refusal("CTR_EL0", own - (1 << 16)) == nil)
        #expect(try new.refusal("CTR_EL0", own + (1 << 16)) == .invalidArgument)
        #expect(try new.refusal("CTR_EL0", own ^ 1 << 14) == .invalidArgument, "L1Ip on 6.12")
    }

    @Test func cacheLevels() throws {
        let old = try vcpu(on: "6.1-max")
        #expect(try old.refusal("CLIDR_EL1", old.bits("CLIDR_EL1") ^ 1) == .invalidArgument)
        // CTR_EL0.IDC is bit 28.
        func cpu(_ cacheType: String) throws -> EmulatedCPU {
            try vcpu(
                "register CLIDR_EL1 0x603000000013c801 0xa200023",
                "register CTR_EL0 0x603000000013d801 \(cacheType)")
        }
        let plain = try cpu("0x8444c004")
        #expect(try plain.refusal("CLIDR_EL1", 0xa20_0003) == nil)
        #expect(try plain.refusal("CLIDR_EL1", 1 << 47 | 0xa20_0003) == .invalidArgument)
        #expect(try plain.refusal("CLIDR_EL1", 0x820_0003 & ~(7 << 24)) == .invalidArgument)
        #expect(try plain.refusal("CLIDR_EL1", 0x200_0003) == .invalidArgument, "LoUU, LoUIS are 0")
        #expect(try cpu("0x9444c004").refusal("CLIDR_EL1", 0x200_0003) == nil)
    }

    @Test func cacheGeometry() throws {
        let old = try vcpu(on: "6.1-neoverse-n1")
        #expect(try old.refusal("CCSIDR0", 0x701f_e01b) == .invalidArgument)
        #expect(try old.readFailure("CCSIDR13") == .noEntry)
        let new = try vcpu(on: "6.12-neoverse-n1")
        #expect(try new.refusal("CCSIDR0", 0x001f_e01a) == nil)
        #expect(try new.bits("CCSIDR0") == 0x001f_e01a)
        #expect(try new.refusal("CCSIDR0", 0x701f_e01a) == nil, "bits 31:28 are UNKNOWN, not RES0")
        #expect(try new.refusal("CCSIDR0", 0x001f_e019) == .invalidArgument, "lines of 32 bytes")
        let beyond = RegisterID(rawValue: 0x6020_0000_0011_000e)
        let error = try failure(RegisterBankError.self) { _ = try new.read(beyond) }
        #expect(error.errno == .noEntry)
    }
}
