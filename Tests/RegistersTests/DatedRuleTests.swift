import Registers
import Testing

/// The dates of the dictionary, each with a kernel on either side of it.
///
/// A register's line is what its history must be: the kernels from which it is treated otherwise.
/// Formats/registers/changes.jsonl says where each is from.
@Suite("Dates of the register dictionary")
struct DatedRuleTests {
    struct History: CustomTestStringConvertible, Sendable {
        var kernels: [String]
        var registers: [String]

        init(_ kernels: String, _ registers: String) {
            self.kernels = kernels.split(separator: " ").map(String.init)
            self.registers = registers.split(separator: " ").map(String.init)
        }

        var testDescription: String {
            kernels.joined(separator: ", ") + ": " + registers[0]
        }
    }

    /// Those that the oldest kernel lists, and those that came with 4.15.
    private static let oldAArch32 =
        "ID_PFR0_EL1 ID_PFR1_EL1 ID_MMFR0_EL1 ID_MMFR1_EL1 ID_MMFR2_EL1 ID_MMFR3_EL1 ID_ISAR0_EL1 "
        + "ID_ISAR1_EL1 ID_ISAR2_EL1 ID_ISAR3_EL1 ID_ISAR4_EL1 ID_ISAR5_EL1"
    private static let newAArch32 =
        "ID_MMFR4_EL1 ID_ISAR6_EL1 MVFR0_EL1 MVFR1_EL1 MVFR2_EL1 ID_PFR2_EL1 ID_MMFR5_EL1"

    private static let histories = [
        History("6.1 6.3 6.10", "CLIDR_EL1"),
        History("6.1 6.3", "CCSIDR0 CCSIDR1 CCSIDR5 CCSIDR13"),
        History("6.1 6.11 6.13", "CTR_EL0"),
        History("6.1 6.15", "MIDR_EL1 REVIDR_EL1 AIDR_EL1"),
        History("4.14 6.1 6.12.60<6.13 6.17.9<6.18 6.18", oldAArch32),
        History("4.15 6.1 6.12.60<6.13 6.17.9<6.18 6.18", newAArch32),
        History("4.14 6.1 6.2 6.7 6.12.60<6.13 6.17.9<6.18 6.18", "ID_DFR0_EL1"),
        History("6.1 6.2 6.7 6.12", "ID_AA64DFR0_EL1"),
        History("4.15 5.10 5.11 6.7 6.12 6.17", "ID_AA64PFR0_EL1"),
        History("6.1 6.12 6.17", "ID_AA64PFR1_EL1"),
        History("6.1 6.12 6.17 7.1", "ID_AA64PFR2_EL1"),
        History("6.1 6.12 6.14 7.1", "ID_AA64FPFR0_EL1"),
        History("6.1 6.7 6.12.7 6.15", "ID_AA64MMFR0_EL1"),
        History("6.1 6.7 6.18", "ID_AA64MMFR1_EL1"),
        History("6.1 6.7", "ID_AA64MMFR2_EL1 ID_AA64ISAR1_EL1"),
        History("6.1 6.5 6.12 6.17", "ID_AA64MMFR3_EL1"),
        History("6.1 6.9 6.15", "ID_AA64MMFR4_EL1"),
        History("6.1 6.7 7.0", "ID_AA64ISAR0_EL1"),
        History("6.1 6.7 6.14", "ID_AA64ISAR2_EL1 ID_AA64ZFR0_EL1"),
        History("6.1 6.14 6.18 7.1", "ID_AA64ISAR3_EL1"),
        History("6.5 6.13", "TCR2_EL1 PIR_EL1 PIRE0_EL1"),
        History("6.12", "POR_EL0 POR_EL1 FPMR SVCR"),
        History("6.1 6.7 6.15 7.4", "PMCNTENSET_EL0 PMCNTENCLR_EL0 PMINTENSET_EL1 PMOVSSET_EL0"),
        History("6.1 6.7 6.16 7.3 7.4", "PMCR_EL0"),
        History("4.14 5.15 7.4", "PMSWINC_EL0"),
        History("5.3 5.10", "SMCCC_ARCH_WORKAROUND_2"),
        History("6.1 7.4", "PMCCNTR_EL0 PMSELR_EL0 PMUSERENR_EL0 PMEVCNTR0_EL0 PMEVTYPER30_EL0"),
        History("7.3 7.4", "PMMIR_EL1"),
        History("6.1 6.18", "CNTV_CTL_EL0"),
        History("6.4 6.18", "CNTP_CTL_EL0"),
        History("6.1 6.4", "CNTVCT_EL0"),
        History("6.4", "CNTPCT_EL0 CNTP_CVAL_EL0"),
        History("6.14 6.18", "CNTHP_CTL_EL2 CNTHV_CTL_EL2 CNTHV_CVAL_EL2"),
        History("6.3 6.17", "RVBAR_EL2"),
        History("6.16 6.17", "ICH_HCR_EL2 ICH_VMCR_EL2 ICH_LR0_EL2 ICH_LR15_EL2 ICH_AP1R3_EL2"),
        History("6.3", "VPIDR_EL2 CNTVOFF_EL2 SP_EL2"),
        History("6.3 6.9", "HCR_EL2 VTTBR_EL2 VMPIDR_EL2"),
        History("6.3 6.13", "MDCR_EL2"),
        History("6.3 6.14", "CNTHCTL_EL2"),
        History("6.3 7.0", "SCTLR_EL2"),
        History("6.6 6.9 6.17", "HFGRTR_EL2"),
        History("6.6 6.9", "HCRX_EL2 HFGITR_EL2"),
        History("6.8 6.9 6.17", "HAFGRTR_EL2"),
        History("6.11 7.2", "ZCR_EL2"),
        History("6.16", "VNCR_EL2 HFGRTR2_EL2"),
        History("6.17", "VSESR_EL2 VDISR_EL2 SCTLR2_EL1"),
        History("6.15", "VENDOR_HYP_BMAP_2"),
    ]

    @Test(arguments: histories)
    func history(_ expected: History) throws {
        for name in expected.registers {
            let entry = try #require(RegisterDictionary.entry(named: name), "\(name)")
            let kernels = entry.behaviorHistory.map { change in
                change.from.description + (change.until.map { "<\($0)" } ?? "")
            }
            #expect(kernels == expected.kernels, "\(name)")
        }
    }

    /// On each side of every date the register is treated in another way.
    @Test(arguments: histories)
    func kernelsOnEitherSide(_ expected: History) throws {
        for name in expected.registers {
            let entry = try #require(RegisterDictionary.entry(named: name), "\(name)")
            for change in entry.behaviorHistory.dropFirst() {
                let before = entry.behavior(onKernel: change.from.predecessor)
                let now = entry.behavior(onKernel: change.from)
                #expect(now == change.behavior, "\(name) on \(change.from)")
                // 6.18 is as 6.17.9 was, and 6.17.8 was not.
                let isAfterBackport = change.from == KernelVersion(6, 18) && now == before
                #expect(now != before || isAfterBackport, "\(name) before \(change.from)")
                guard let until = change.until else { continue }
                #expect(
                    entry.behavior(onKernel: until.predecessor) == now, "\(name) until \(until)")
            }
        }
    }

    /// 3f9eacf4f070 of Linux 6.18, in the stable kernels 6.17.9 and 6.12.60.
    @Test(arguments: [
        (KernelVersion(6, 11), false), (KernelVersion(6, 12, 59), false),
        (KernelVersion(6, 12, 60), true), (KernelVersion(6, 12, 117), true),
        (KernelVersion(6, 13), false), (KernelVersion(6, 16, 12), false),
        (KernelVersion(6, 17, 8), false), (KernelVersion(6, 17, 9), true),
        (KernelVersion(6, 18), true), (KernelVersion(7, 3, 4), true),
    ])
    func aarch32IDRegistersCanBeWritten(_ kernel: KernelVersion, _ isWritable: Bool) throws {
        for name in (Self.oldAArch32 + " " + Self.newAArch32).split(separator: " ") {
            let entry = try #require(RegisterDictionary.entry(named: name))
            #expect(
                entry.writableMask(onKernel: kernel) == (isWritable ? 0xffff_ffff : 0), "\(name)")
        }
    }

    // MARK: Fields

    struct Special: CustomTestStringConvertible, Sendable {
        var field: String
        var kind: IDFieldRule.Special.Kind
        /// Kernels that have it, and kernels that do not.
        var with: [KernelVersion]
        var without: [KernelVersion]

        var testDescription: String { "\(field) \(kind)" }
    }

    private static let specials = [
        Special(
            field: "ID_AA64DFR0_EL1.PMUVer", kind: .remapped, with: [KernelVersion(6, 5)],
            without: [KernelVersion(6, 4, 99)]),
        Special(
            field: "ID_AA64DFR0_EL1.PMUVer", kind: .signed,
            with: [KernelVersion(6, 12, 90), KernelVersion(6, 13), KernelVersion(6, 17, 13)],
            without: [KernelVersion(6, 12, 91), KernelVersion(7, 2, 12)]),
        Special(
            field: "ID_DFR0_EL1.PerfMon", kind: .minimum, with: [KernelVersion(6, 2)],
            without: [KernelVersion(6, 1, 99)]),
        Special(
            field: "ID_DFR0_EL1.PerfMon", kind: .remapped, with: [KernelVersion(6, 5)],
            without: [KernelVersion(6, 4, 99)]),
        Special(
            field: "ID_DFR0_EL1.PerfMon", kind: .signed,
            with: [KernelVersion(6, 12, 90), KernelVersion(6, 13), KernelVersion(6, 17, 13)],
            without: [KernelVersion(6, 12, 91), KernelVersion(7, 2, 12)]),
        Special(
            field: "ID_AA64DFR0_EL1.DebugVer", kind: .minimum, with: [KernelVersion(6, 7)],
            without: [KernelVersion(6, 6, 99)]),
        Special(
            field: "ID_DFR0_EL1.CopDbg", kind: .minimum, with: [KernelVersion(6, 7)],
            without: [KernelVersion(6, 6, 99)]),
        Special(
            field: "ID_AA64PFR0_EL1.MPAM", kind: .ignoredIfHostValue,
            with: [KernelVersion(6, 12, 6), KernelVersion(6, 13)],
            without: [KernelVersion(6, 12, 5)]),
        Special(
            field: "ID_AA64PFR1_EL1.MPAM_frac", kind: .ignoredIfHostValue,
            with: [KernelVersion(6, 12, 6), KernelVersion(6, 13)],
            without: [KernelVersion(6, 12, 5)]),
        Special(
            field: "ID_AA64PFR0_EL1.EL0", kind: .minimum, with: [KernelVersion(6, 15)],
            without: [KernelVersion(6, 14, 99)]),
        Special(
            field: "ID_AA64PFR0_EL1.EL1", kind: .minimum, with: [KernelVersion(6, 15)],
            without: [KernelVersion(6, 14, 99)]),
        Special(
            field: "ID_AA64PFR0_EL1.EL2", kind: .minimum, with: [KernelVersion(6, 15)],
            without: [KernelVersion(6, 14, 99)]),
        Special(
            field: "ID_AA64MMFR2_EL1.NV", kind: .ignoredIfHostValue, with: [KernelVersion(6, 15)],
            without: [KernelVersion(6, 14, 99)]),
        Special(
            field: "ID_AA64MMFR0_EL1.TGRAN4_2", kind: .values, with: [KernelVersion(6, 18)],
            without: [KernelVersion(6, 17, 13)]),
        Special(
            field: "ID_AA64MMFR0_EL1.TGRAN16_2", kind: .values, with: [KernelVersion(6, 18)],
            without: [KernelVersion(6, 17, 13)]),
        Special(
            field: "ID_AA64MMFR0_EL1.TGRAN64_2", kind: .values, with: [KernelVersion(6, 18)],
            without: [KernelVersion(6, 17, 13)]),
        Special(
            field: "ID_AA64DFR0_EL1.DoubleLock", kind: .remapped, with: [KernelVersion(7, 0)],
            without: [KernelVersion(6, 19, 99)]),
        Special(
            field: "ID_AA64ISAR2_EL1.BC", kind: .higherSafe, with: [KernelVersion(6, 5, 6)],
            without: [KernelVersion(6, 1, 99), KernelVersion(6, 5, 7), KernelVersion(6, 6)]),
        Special(
            field: "ID_AA64PFR1_EL1.MTE_frac", kind: .remapped, with: [KernelVersion(6, 16)],
            without: [KernelVersion(6, 15, 99)]),
        Special(
            field: "CLIDR_EL1.LoC", kind: .values, with: [KernelVersion(6, 3)],
            without: [KernelVersion(6, 2, 99)]),
        Special(
            field: "CTR_EL0.L1Ip", kind: .values, with: [KernelVersion(6, 13)],
            without: [KernelVersion(6, 12, 117)]),
    ]

    @Test(arguments: specials)
    func deviationOfAField(_ expected: Special) throws {
        let parts = expected.field.split(separator: ".")
        let entry = try #require(RegisterDictionary.entry(named: parts[0]))
        let rule = try #require(entry.idFieldRules.first { $0.field == parts[1] })
        let specials = rule.specials.filter { $0.kind == expected.kind }
        #expect(!specials.isEmpty)
        for kernel in expected.with {
            #expect(specials.contains { $0.applies(to: kernel) }, "\(kernel)")
        }
        for kernel in expected.without {
            #expect(!specials.contains { $0.applies(to: kernel) }, "\(kernel)")
        }
    }

    // MARK: Lists

    @Test(arguments: [
        ("CNTPCT_EL0", KernelVersion(6, 4)), ("TCR2_EL1", KernelVersion(6, 5)),
        ("POR_EL0", KernelVersion(6, 12)), ("VENDOR_HYP_BMAP_2", KernelVersion(6, 15)),
        // No kernel before 6.16 makes a vCPU with HAS_EL2, whatever its table had.
        ("VPIDR_EL2", KernelVersion(6, 16)), ("CNTVOFF_EL2", KernelVersion(6, 16)),
        ("HFGRTR_EL2", KernelVersion(6, 16)), ("CNTHP_CTL_EL2", KernelVersion(6, 16)),
        ("VNCR_EL2", KernelVersion(6, 16)), ("ICH_LR0_EL2", KernelVersion(6, 16)),
        ("VSESR_EL2", KernelVersion(6, 17)), ("SCTLR2_EL1", KernelVersion(6, 17)),
        ("PMMIR_EL1", KernelVersion(7, 3)),
    ])
    func listed(_ name: String, since kernel: KernelVersion) throws {
        let entry = try #require(RegisterDictionary.entry(named: name))
        #expect(entry.listedSince == kernel)
    }

    @Test(arguments: [
        ("KVM_CAP_COUNTER_OFFSET", KernelVersion(6, 4)),
        ("KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE", KernelVersion(6, 5)),
        ("KVM_CAP_ARM_SUPPORTED_BLOCK_SIZES", KernelVersion(6, 5)),
        ("KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES", KernelVersion(6, 7)),
        ("KVM_CAP_GUEST_MEMFD", KernelVersion(6, 8)),
        ("KVM_CAP_ARM_WRITABLE_IMP_ID_REGS", KernelVersion(6, 15)),
        ("KVM_CAP_ARM_EL2", KernelVersion(6, 16)), ("KVM_CAP_ARM_EL2_E2H0", KernelVersion(6, 16)),
        ("KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED", KernelVersion(6, 17)),
        ("KVM_CAP_ARM_SEA_TO_USER", KernelVersion(6, 19)),
        ("KVM_CAP_ARM_PMU_V3_STRICT", KernelVersion(7, 3)),
    ])
    func capability(_ name: String, since kernel: KernelVersion) throws {
        #expect(try #require(KVMCapability.all.first { $0.name == name }).since == kernel)
    }

    @Test(arguments: [
        (RegisterID.pmcrEL0, Behavior.Traits.countersFixedWithEL2, KernelVersion(6, 16), true),
        (.cntvCTLEL0, .statusComputed, KernelVersion(6, 18), false),
        (.cntpCTLEL0, .statusComputed, KernelVersion(6, 18), false),
        (.vcpuInit, .sameFeaturesInVM, KernelVersion(6, 5), true),
    ])
    func trait(
        of id: RegisterID, _ trait: Behavior.Traits, changed kernel: KernelVersion, has: Bool
    ) throws {
        let entry = try #require(RegisterDictionary.entry(for: id))
        #expect(entry.traits(onKernel: kernel).contains(trait) == has)
        #expect(entry.traits(onKernel: nil).contains(trait) == has)
        #expect(entry.traits(onKernel: kernel.predecessor).contains(trait) != has)
    }

    @Test func caches() {
        #expect(RegisterDictionary.cachesChosenSince == KernelVersion(6, 3))
    }

    @Test func psciVersions() {
        let names = PSCIVersion.all.map(\.description)
        #expect(names == ["0.1", "0.2", "1.0", "1.1", "1.2", "1.3"])
        for version in PSCIVersion.all {
            let isNew = version.rawValue > 0x1_0001
            let isOld = version.rawValue < 0x1_0001
            let since = isNew ? KernelVersion(6, 13) : KernelVersion(5, 18)
            #expect(version.since == (isOld ? nil : since))
            #expect(version.isKnown(to: KernelVersion(6, 12, 999)) == !isNew)
            #expect(version.isKnown(to: KernelVersion(6, 13)) && version.isKnown(to: nil))
        }
        #expect(!PSCIVersion(rawValue: 0x1_0004).isKnown(to: nil))
    }

    /// 5346f7e13e51: CORTEX_A57 has a type of its own, NEOVERSE_N1 has none.
    @Test func targets() {
        let (own, other) = (CPUIdentity(midr: 0x411f_d070), CPUIdentity(midr: 0x413f_d0c1))
        #expect(own.targets(onKernel: KernelVersion(6, 5, 999)) == [2])
        #expect(own.targets(onKernel: KernelVersion(6, 6)) == [2, 5])
        #expect(own.targets(onKernel: nil) == [2, 5])
        #expect(other.targets(onKernel: KernelVersion(6, 1)) == [5])
    }

    @Test(arguments: [
        ("HAS_EL2", KernelVersion(6, 16)), ("HAS_EL2_E2H0", KernelVersion(6, 16)),
        ("PMU_V3_STRICT", KernelVersion(7, 3)),
    ])
    func feature(_ name: String, since kernel: KernelVersion) throws {
        #expect(try #require(VCPUFeature.all.first { $0.name == name }).since == kernel)
    }
}

extension KernelVersion {
    /// The last one before it.
    fileprivate var predecessor: KernelVersion {
        if patch > 0 { return KernelVersion(major, minor, patch - 1) }
        return minor > 0
            ? KernelVersion(major, minor - 1, 999) : KernelVersion(major - 1, 999, 999)
    }
}
