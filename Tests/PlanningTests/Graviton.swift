import Emulation
import Registers
import TestSubjects
import Testing
import VCPUModel

/// What Firecracker 1.16 saw in fresh vCPUs on Graviton2 (Neoverse N1) and Graviton3 (Neoverse V1), each under three kernels
/// of Amazon Linux: tests/data/cpu_template_helper of its repository (Apache-2.0), without the X and V
/// registers, and with the two counters, which are not told there.
enum Graviton {
    /// The machines, by their CPUs.
    static let machines = ["NEOVERSE_N1", "NEOVERSE_V1"]
    /// Their kernels.
    static let kernels = [
        "5.10.255-253.1008.amzn2.aarch64", "6.1.172-216.329.amzn2023.aarch64",
        "6.18.30-61.116.amzn2023.aarch64",
    ]

    /// What a machine has with a kernel, as a recording of vCPUs without PMU, SVE and pointer authentication.
    static func profile(_ machine: Int, _ kernel: Int) throws -> HostProfile {
        var profile = try builtIn("6.1-neoverse-n1")
        profile.name = "\(kernels[kernel].prefix { $0 != "-" })-\(machines[machine])"
        profile.kernelRelease = kernels[kernel]
        profile.features = .psci02
        (profile.featureSets, profile.extensions) = ([], ["x-from fingerprint"])
        var registers = RegisterList(
            profile.registers.filter { id, _ in
                !isShown(id) && id != .vcpuFinalized && !id.isSVE
            })
        registers?.set(
            VCPUInit(target: VCPUInit.genericTarget, features: .psci02).value, for: .vcpuInit)
        for (name, value) in try values(machine * kernels.count + kernel) {
            let id = try register(name)
            registers?.set(
                RegisterValue(value, size: id.size ?? 8).withoutMotion(of: id), for: id)
        }
        profile.registers = registers ?? RegisterList()
        profile.midr = profile.registers[.midrEL1]?.bits
        return profile
    }

    /// Whether it stands below.
    private static func isShown(_ id: RegisterID) -> Bool {
        id.architecture == .arm64 && id.rawValue >> 16 & 0xfff != 0x10
    }

    private static func values(_ column: Int) throws -> [(name: String, value: UInt64)] {
        let zero = zeros.split { $0 == " " || $0 == "\n" }.flatMap { names(String($0)) }
        return zero.map { ($0, 0) }
            + table.split(separator: "\n").flatMap { line in
                let words = line.split(separator: " ")
                let value = words[1...(column + 1)].last { $0 != "=" } ?? "-"
                let bits = UInt64(value.dropFirst(2), radix: 16)
                return bits.map { bits in names(String(words[0])).map { ($0, bits) } } ?? []
            }
    }

    /// `CCSIDR3..13` is eleven registers.
    private static func names(_ word: String) -> [String] {
        guard let dots = word.firstRange(of: "..") else { return [word] }
        let head = word[..<dots.lowerBound].prefix { !$0.isNumber }
        let first = word[..<dots.lowerBound].dropFirst(head.count)
        let last = word[dots.upperBound...].prefix { $0.isNumber }
        let tail = word[dots.upperBound...].dropFirst(last.count)
        guard let low = Int(first), let high = Int(last) else { return [] }
        return (low...high).map { "\(head)\($0)\(tail)" }
    }

    /// A register with its values on Graviton2 with the three kernels, then on Graviton3; `=` is the value before it, `-`
    /// that it is not listed.
    private static let table = """
        CCSIDR0 0x701fe01a = 0x2 0x1a = 0x2
        CCSIDR1 0x201fe01a = 0x2 0x1a = 0x2
        CCSIDR2 0x70ffe03a = 0x2 0x3a = 0x2
        CCSIDR3..13 - = 0x2 - = 0x2
        OSLSR_EL1 - 0x8 = - 0x8 =
        MIDR_EL1 0x413fd0c1 = = 0x411fd401 = =
        MPIDR_EL1 0x80000000 = = = = =
        REVIDR_EL1 0xff = = 0x1 = =
        ID_PFR0_EL1 0x10131 = = 0x1010131 = =
        ID_PFR1_EL1 0x10010000 = = 0x30010000 = =
        ID_DFR0_EL1 0x4010088 0x10088 = 0x4011099 0x11099 =
        ID_MMFR0_EL1 0x10201105 = = = = =
        ID_MMFR1_EL1 0x40000000 = = = = =
        ID_MMFR2_EL1 0x1260000 = = = = =
        ID_MMFR3_EL1 0x2122211 = = = = =
        ID_ISAR0_EL1 0x2101110 = = = = =
        ID_ISAR1_EL1 0x13112111 = = = = =
        ID_ISAR2_EL1 0x21232042 = = = = =
        ID_ISAR3_EL1 0x1112131 = = = = =
        ID_ISAR4_EL1 0x10142 = = = = =
        ID_ISAR5_EL1 0x1011121 = = = = =
        ID_MMFR4_EL1 0x21110 = = 0x1021110 0x21110 =
        ID_ISAR6_EL1 0x10 = = 0x1100111 = =
        MVFR0_EL1 0x10110222 = = = = =
        MVFR1_EL1 0x13211111 = = = = =
        MVFR2_EL1 0x43 = = = = =
        ID_PFR2_EL1 0x11 = = = = =
        ID_AA64PFR0_EL1 0x1100000011111112 = = 0x1101010023111112 0x1101010021111112 0x1101000021111112
        ID_AA64PFR1_EL1 0x20 = = = = =
        ID_AA64DFR0_EL1 0x110305408 0x10305006 0x10305008 0xf210305409 0xf010305006 0xf010305009
        ID_AA64ISAR0_EL1 0x100010211120 = = 0x1011111110212120 = =
        ID_AA64ISAR1_EL1 0x100001 = = 0x11100000211002 = =
        ID_AA64MMFR0_EL1 0x101125 = = = = =
        ID_AA64MMFR1_EL1 0x10212122 = = = = =
        ID_AA64MMFR2_EL1 0x100000000000011 = = 0x220011102101011 0x220011102001011 0x220011100001011
        SCTLR_EL1 0xc50078 = = = = =
        TTBR0_EL1 0x1de7ec7edbadc0de = = = = =
        TTBR1_EL1 0x1de7ec7edbadc0de = = = = =
        AFSR0..1_EL1 0x1de7ec7edbadc0de = = = = =
        ESR_EL1 0x1de7ec7edbadc0de = = = = =
        FAR_EL1 0x1de7ec7edbadc0de = = = = =
        PAR_EL1 0x1de7ec7edbadc0de = = = = =
        PMINTENSET_EL1 0x1de7ec7edbadc0de - = 0x1de7ec7edbadc0de - =
        PMINTENCLR_EL1 0x1de7ec7edbadc0de - = 0x1de7ec7edbadc0de - =
        MAIR_EL1 0x1de7ec7edbadc0de = = = = =
        TPIDR_EL1 0x1de7ec7edbadc0de = = = = =
        CLIDR_EL1 0x82000023 = 0x3000123 0x82000023 = 0x3000123
        CSSELR_EL1 0x1de7ec7edbadc0de = = = = =
        CTR_EL0 0xb444c004 = = = = =
        PMCR_EL0 0x410c30ac - = 0x412030ac - =
        PMCNTENSET_EL0 0x1de7ec7edbadc0de - = 0x1de7ec7edbadc0de - =
        PMCNTENCLR_EL0 0x1de7ec7edbadc0de - = 0x1de7ec7edbadc0de - =
        PMOVSCLR_EL0 0x1de7ec7edbadc0de - = 0x1de7ec7edbadc0de - =
        PMSWINC_EL0 0x1de7ec7edbadc0de - = 0x1de7ec7edbadc0de - =
        PMSELR_EL0 0x1de7ec7edbadc0de - = 0x1de7ec7edbadc0de - =
        PMCCNTR_EL0 0x1de7ec7edbadc0de - = 0x1de7ec7edbadc0de - =
        PMUSERENR_EL0 0x0 - = 0x0 - =
        PMOVSSET_EL0 0x1de7ec7edbadc0de - = 0x1de7ec7edbadc0de - =
        CNTVCT_EL0 0x0 = = = = =
        CNTPCT_EL0 - = 0x0 - = 0x0
        TPIDR_EL0 0x1de7ec7edbadc0de = = = = =
        TPIDRRO_EL0 0x1de7ec7edbadc0de = = = = =
        CNTP_CTL_EL0 0x4 = 0x0 0x4 = 0x0
        CNTV_CTL_EL0 0x4 = 0x0 0x4 = 0x0
        PMEVCNTR0..30_EL0 0x1de7ec7edbadc0de - = 0x1de7ec7edbadc0de - =
        PMEVTYPER0..30_EL0 0x1de7ec7edbadc0de - = 0x1de7ec7edbadc0de - =
        PMCCFILTR_EL0 0x0 - = 0x0 - =
        DACR32_EL2 0x1de7ec7edbadc0de = = = = =
        IFSR32_EL2 0x1de7ec7edbadc0de = = = = =
        FPEXC32_EL2 0x700 = = = = =
        PSCI_VERSION 0x10000 0x10001 0x10003 0x10000 0x10001 0x10003
        SMCCC_ARCH_WORKAROUND_1 0x2 = = = = =
        SMCCC_ARCH_WORKAROUND_3 0x1 = = = = =
        STD_BMAP - 0x1 = - 0x1 =
        STD_HYP_BMAP - 0x1 = - 0x1 =
        VENDOR_HYP_BMAP - 0x3 = - 0x3 =
        VENDOR_HYP_BMAP_2 - = 0x0 - = 0x0
        """

    /// Those that are 0 in all six.
    private static let zeros = """
        MDCCINT_EL1 MDSCR_EL1 DBGVCR32_EL2 ID_AFR0_EL1 S3_0_C0_C3_3 ID_DFR1_EL1 ID_MMFR5_EL1
        S3_0_C0_C3_7 ID_AA64PFR2_EL1 S3_0_C0_C4_3 ID_AA64ZFR0_EL1 ID_AA64SMFR0_EL1 S3_0_C0_C4_6
        ID_AA64FPFR0_EL1 ID_AA64DFR1_EL1 ID_AA64DFR2_EL1 S3_0_C0_C5_3 ID_AA64AFR0_EL1
        ID_AA64AFR1_EL1 S3_0_C0_C5_6 S3_0_C0_C5_7 ID_AA64ISAR2_EL1 ID_AA64ISAR3_EL1 S3_0_C0_C6_4
        S3_0_C0_C6_5 S3_0_C0_C6_6 S3_0_C0_C6_7 ID_AA64MMFR3_EL1 ID_AA64MMFR4_EL1 S3_0_C0_C7_5
        S3_0_C0_C7_6 S3_0_C0_C7_7 ACTLR_EL1 CPACR_EL1 TCR_EL1 AMAIR_EL1 VBAR_EL1 DISR_EL1
        CONTEXTIDR_EL1 CNTKCTL_EL1 AIDR_EL1 CNTV_CVAL_EL0 CNTP_CVAL_EL0 SMCCC_ARCH_WORKAROUND_2
        DBGBCR0..15_EL1 DBGBVR0..15_EL1 DBGWCR0..15_EL1 DBGWVR0..15_EL1
        """
}
