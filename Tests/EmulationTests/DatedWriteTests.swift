import Emulation
import LinuxSystem
import Registers
import TestSubjects
import Testing
import VCPUModel

/// What KVM takes before and since a kernel, at each date of the rules.
@Suite("Writes on either side of a kernel's date")
struct DatedWriteTests {
    struct Write: CustomTestStringConvertible, Sendable {
        var testDescription: String
        /// Lines of the host's profile.
        var lines: [String]
        var register: String
        var value: UInt64
        var taken: [String]
        var refused: [String]

        init(
            _ name: String, _ lines: [String], _ register: String, _ value: UInt64,
            taken: String, refused: String
        ) {
            testDescription = name
            self.lines = lines
            self.register = register
            self.value = value
            self.taken = taken.split(separator: " ").map(String.init)
            self.refused = refused.split(separator: " ").map(String.init)
        }
    }

    private static let aarch32 = "register ID_AA64PFR0_EL1 0x603000000013c020 0x2222"

    private static let writes = [
        Write(
            "ID_PFR1_EL1.GIC of a guest without GICv3",
            [aarch32, "register ID_PFR1_EL1 0x603000000013c009 0x10011001"], "ID_PFR1_EL1", 0x11001,
            taken: "6.12.60 6.12.117 6.17.9 6.17.13 6.18.0 7.3.4",
            refused: "6.1.0 6.12.0 6.12.59 6.13.0 6.16.12 6.17.8"),
        Write(
            "CLIDR_EL1",
            [
                "register CLIDR_EL1 0x603000000013c801 0x2000021",
                "register CTR_EL0 0x603000000013d801 0xb444c004",
            ], "CLIDR_EL1", 0xa20_0023, taken: "6.3.0 6.5.0 6.12.0 7.3.4", refused: "6.1.0 6.2.16"),
        Write(
            "CCSIDR0",
            [
                "register CCSIDR0 0x6020000000110000 0x2",
                "register CTR_EL0 0x603000000013d801 0xb444c004",
            ], "CCSIDR0", 0x701f_e01a, taken: "6.3.0 6.4.0 6.12.0 7.3.4", refused: "6.1.0 6.2.16"),
        Write(
            "CTR_EL0.IDC", ["register CTR_EL0 0x603000000013d801 0xb444c004"], "CTR_EL0",
            0xa444_c004, taken: "6.11.0 6.12.0 7.3.4", refused: "6.1.0 6.10.14"),
        Write(
            "CTR_EL0.L1Ip", ["register CTR_EL0 0x603000000013d801 0xb444c004"], "CTR_EL0",
            0xb444_8004, taken: "6.13.0 6.16.3 7.3.4", refused: "6.11.0 6.12.117"),
        Write(
            "ID_AA64ISAR0_EL1.AES", ["register ID_AA64ISAR0_EL1 0x603000000013c030 0x20"],
            "ID_AA64ISAR0_EL1", 0x10, taken: "6.7.0 6.12.0 7.3.4", refused: "6.1.0 6.6.99"),
        Write(
            "ID_AA64MMFR0_EL1.ASIDBITS", ["register ID_AA64MMFR0_EL1 0x603000000013c038 0x20"],
            "ID_AA64MMFR0_EL1", 0, taken: "6.7.0 6.12.6", refused: "6.12.7 6.13.0 6.18.5 7.3.4"),
        Write(
            "ID_AA64MMFR0_EL1.TGRAN4_2",
            ["register ID_AA64MMFR0_EL1 0x603000000013c038 0x30000000000"],
            "ID_AA64MMFR0_EL1", 0x100_0000_0000, taken: "6.15.0 6.16.3 6.17.8 7.3.4",
            refused: "6.12.0 6.14.99"),
        Write(
            "ID_AA64PFR0_EL1.RAS", ["register ID_AA64PFR0_EL1 0x603000000013c020 0x20001111"],
            "ID_AA64PFR0_EL1", 0x1000_1111, taken: "6.17.0 7.3.4", refused: "6.12.0 6.16.3"),
        Write(
            "ID_AA64PFR0_EL1.EL0 of 0", ["register ID_AA64PFR0_EL1 0x603000000013c020 0x1111"],
            "ID_AA64PFR0_EL1", 0x1110, taken: "6.12.0 6.14.99",
            refused: "6.15.0 6.16.0 6.18.5 7.3.4"),
        Write(
            "PMUVer 9 where the host has 6", ["register ID_AA64DFR0_EL1 0x603000000013c028 0x606"],
            "ID_AA64DFR0_EL1", 0x906, taken: "6.7.0 6.12.90 6.13.0 6.17.8",
            refused: "6.12.91 6.12.117 7.2.12 7.3.4"),
        Write(
            "PSCI 1.3", ["register PSCI_VERSION 0x6030000000140000 0x10001"], "PSCI_VERSION",
            0x1_0003, taken: "6.13.0 6.16.3 7.3.4", refused: "6.1.0 6.12.117"),
        Write(
            "ID_AA64PFR0_EL1.CSV2",
            ["register ID_AA64PFR0_EL1 0x603000000013c020 0x1100000000001111"],
            "ID_AA64PFR0_EL1", 0x1000_0000_0000_1111, taken: "5.10.0 5.15.0 6.1.0 7.3.4",
            refused: "4.14.0 4.15.0 5.4.0 5.9.16"),
        Write(
            "ID_AA64PFR0_EL1.CSV3",
            ["register ID_AA64PFR0_EL1 0x603000000013c020 0x1100000000001111"],
            "ID_AA64PFR0_EL1", 0x0100_0000_0000_1111, taken: "5.11.0 5.15.0 6.1.0 7.3.4",
            refused: "4.14.0 5.4.0 5.10.223"),
        Write(
            "MIDR_EL1 without the capability", ["register MIDR_EL1 0x603000000013c000 0x410fd0c1"],
            "MIDR_EL1", 0x410f_d0c0, taken: "", refused: "6.1.0 6.14.0 6.15.0 7.3.4"),
    ]

    @Test(arguments: writes)
    func write(_ write: Write) throws {
        for (kernels, refusal) in [(write.taken, nil), (write.refused, Errno.invalidArgument)] {
            for kernel in kernels {
                let text = profileText(kernel: kernel, write.lines)
                let cpu = EmulatedCPU(
                    profile: try HostProfile(parsing: text, file: "test"), initialized: true)
                #expect(try cpu.refusal(write.register, write.value) == refusal, "on \(kernel)")
                let held = try cpu.bits(write.register)
                #expect((held == write.value) == (refusal == nil), "on \(kernel)")
            }
        }
    }

    /// Seen on KVM of 6.12.69, 6.16.3 and 6.18.5: SET 3 on 0x8000001e.
    @Test(
        arguments: [("6.7.0", 0x1f), ("6.14.0", 0x1f), ("6.15.0", 3), ("7.3.4", 3)]
            as [(String, UInt64)])
    func setRegisterOfThePMU(_ kernel: String, _ held: UInt64) throws {
        let cpu = try vcpu(
            kernel: kernel, "register PMCR_EL0 0x603000000013dce0 0x3000",
            "register PMCNTENSET_EL0 0x603000000013dce1 0x1e")
        try cpu.set("PMCNTENSET_EL0", 3)
        #expect(try cpu.bits("PMCNTENSET_EL0") == held)
    }

    /// Seen on KVM of 6.17.13 and 6.18.5: 0xff00000007 became 7 (ISTATUS is computed) and 0xff00000003.
    @Test(arguments: [("6.17.13", 7), ("6.18.0", 0xff_0000_0003)] as [(String, UInt64)])
    func controlOfATimer(_ kernel: String, _ held: UInt64) throws {
        let cpu = try vcpu(
            kernel: kernel, "register CNTV_CTL_EL0 0x603000000013df19 0x0",
            "register CNTV_CVAL_EL0 0x603000000013df02 0x0",
            "register CNTVCT_EL0 0x603000000013df1a 0x10")
        try cpu.set("CNTV_CTL_EL0", 0xff_0000_0007)
        #expect(try cpu.bits("CNTV_CTL_EL0") == held)
    }

    /// What a kernel before 6.1 does with a field of each ID register that is lowered: it refuses all but two.
    @Test(
        arguments: [
            ("4.14.0", []), ("5.4.0", []), ("5.10.0", ["CSV2"]), ("5.15.0", ["CSV3", "CSV2"]),
        ] as [(String, [String])])
    func fieldsThatCanBeLowered(_ kernel: String, _ expected: [String]) throws {
        let ones: UInt64 = 0x1111_1111_1111_1111
        let entries = RegisterDictionary.all.filter(\.isFeatureIDRegister)
        let lines = entries.map { "register \($0.name) \($0.id.hex) \(RegisterValue(ones))" }
        let profile = try HostProfile(parsing: profileText(kernel: kernel, lines), file: "test")
        let cpu = EmulatedCPU(profile: profile, initialized: true)
        var lowered: [String] = []
        for entry in entries {
            for field in entry.fields where !field.isReserved && field.touches(ones) {
                guard try cpu.refusal(entry.name, ones & ~field.mask) == nil else { continue }
                #expect(entry.id == .idAA64PFR0EL1, "\(entry.name).\(field.name)")
                lowered.append(field.name)
                try cpu.set(entry.name, ones)
            }
        }
        #expect(entries.count > 40)
        #expect(lowered == expected)
    }

    /// 7a3ba3095a32 of Linux 5.15.
    @Test(
        arguments: [("4.14.0", 7), ("5.10.223", 7), ("5.15.0", 0), ("7.3.4", 0)]
            as [(String, UInt64)])
    func softwareIncrement(_ kernel: String, _ held: UInt64) throws {
        let cpu = try vcpu(
            kernel: kernel, "register ID_AA64DFR0_EL1 0x603000000013c028 0x606",
            "register PMSWINC_EL0 0x603000000013dce4 0x0")
        try cpu.set("PMSWINC_EL0", 7)
        #expect(try cpu.bits("PMSWINC_EL0") == held)
    }

    /// The host is at AVAIL, and up to 5.9 KVM keeps whether the guest has switched the mitigation on (29e8910a566a).
    @Test(
        arguments: [
            ("5.4.0", 2, 2), ("5.4.0", 0x12, 0x12), ("5.4.0", 1, 2), ("5.4.0", 3, nil),
            ("5.10.0", 2, nil),
            ("5.10.0", 0x12, nil), ("5.10.0", 1, 2),
        ] as [(String, UInt64, UInt64?)])
    func levelOfSpectreV4(_ kernel: String, _ value: UInt64, _ held: UInt64?) throws {
        let cpu = try vcpu(
            kernel: kernel, "register SMCCC_ARCH_WORKAROUND_2 0x6030000000140002 0x2")
        #expect(
            try cpu.refusal("SMCCC_ARCH_WORKAROUND_2", value)
                == (held == nil ? .invalidArgument : nil))
        #expect(try cpu.bits("SMCCC_ARCH_WORKAROUND_2") == held ?? 2)
    }

    /// d5efec7ed826 of Linux 6.1, on a host without AArch32.
    @Test(arguments: [("5.15.0", false), ("6.1.0", true)])
    func aarch32OfAHostWithoutIt(_ kernel: String, _ isIgnored: Bool) throws {
        let cpu = try vcpu(
            kernel: kernel, "register ID_AA64PFR0_EL1 0x603000000013c020 0x1111",
            "register ID_ISAR0_EL1 0x603000000013c010 0x0")
        #expect(try cpu.refusal("ID_ISAR0_EL1", 1) == (isIgnored ? nil : .invalidArgument))
        #expect(try cpu.bits("ID_ISAR0_EL1") == 0)
    }

    @Test(
        arguments: [
            ("4.14.0", false, false), ("4.19.0", true, false), ("5.18.0", true, false),
            ("5.19.0", true, true),
        ])
    func stateOutsideTheList(_ kernel: String, _ hasEvents: Bool, _ canSuspend: Bool) throws {
        let cpu = try vcpu(kernel: kernel, "register x0 0x6030000000100000 0x0")
        #expect(cpu.list().contains(.vcpuEvents) == hasEvents)
        #expect(cpu.list().contains(.mpState))
        // KVM_MP_STATE_STOPPED is 5, KVM_MP_STATE_SUSPENDED 10.
        #expect(try cpu.refusal("MP_STATE", 5) == nil)
        #expect(try cpu.refusal("MP_STATE", 10) == (canSuspend ? nil : .invalidArgument))
    }

    /// Before 6.6 KVM takes the target of the CPU only (5346f7e13e51).
    @Test(
        arguments: [("6.1.0", 2), ("6.5.0", 2), ("6.6.0", 5), ("7.3.4", 5)] as [(String, UInt32)])
    func genericTarget(_ kernel: String, _ target: UInt32) throws {
        // KVM_ARM_TARGET_CORTEX_A57 is 2, the generic one 5.
        let profile = try HostProfile(
            parsing: profileText(
                kernel: kernel, ["midr 0x411fd070", "register x0 0x6030000000100000 0x0"]
            ).replacing("0xc00000005", with: "0xc00000002"), file: "test")
        let cpu = EmulatedCPU(profile: profile)
        try cpu.write(VCPUInit(target: 5, features: [.psci02]).value, to: .vcpuInit)
        #expect(VCPUInit(try cpu.read(.vcpuInit))?.target == target)
    }

    /// Up to 7.3 the feature PMU_V3 alone decides whether there are registers of the PMU.
    @Test(arguments: [("7.3.4", true), ("7.4.0", false)] as [(String, Bool)])
    func monitorsOfAGuestWithoutPMUVer(_ kernel: String, _ areThere: Bool) throws {
        let cpu = try vcpu(
            kernel: kernel, "register ID_AA64DFR0_EL1 0x603000000013c028 0x606",
            "register PMCR_EL0 0x603000000013dce0 0x3000",
            "register PMCCNTR_EL0 0x603000000013dce8 0x0",
            "register PMMIR_EL1 0x603000000013c4f6 0x0")
        let names = ["PMCR_EL0", "PMCCNTR_EL0", "PMMIR_EL1"]
        for name in names { _ = try cpu.bits(name) }
        try cpu.set("ID_AA64DFR0_EL1", 0x6)
        let listed = cpu.list()
        for name in names {
            #expect(try listed.contains(register(name)) == areThere, "\(name)")
            #expect(try cpu.refusal(name, 0) == (areThere ? nil : .noEntry), "\(name)")
        }
        try cpu.set("ID_AA64DFR0_EL1", 0x606)
        #expect(try names.allSatisfy { try cpu.list().contains(register($0)) })
    }

    // MARK: KVM_CAP_ARM_WRITABLE_IMP_ID_REGS

    private func cpu(
        _ kernel: String, offers value: Int32?, enabling: [KVMCapability]
    ) throws -> EmulatedCPU {
        let capability = value.map { ["capability KVM_CAP_ARM_WRITABLE_IMP_ID_REGS \($0)"] } ?? []
        let text = profileText(
            kernel: kernel,
            capability + [
                "register MIDR_EL1 0x603000000013c000 0x410fd0c1",
                "register REVIDR_EL1 0x603000000013c006 0x0",
                "register AIDR_EL1 0x603000000013c807 0x0",
            ])
        let profile = try HostProfile(parsing: text, file: "test")
        let cpu = EmulatedHost(profile).makeVCPUs(1, enabling: enabling)[0]
        try cpu.write(try #require(profile.vcpuInit).value, to: .vcpuInit)
        return cpu
    }

    @Test func capabilitiesThatMakeRegistersWritable() {
        #expect(
            KVMCapability.ofWritableRegisters.map(\.name) == ["KVM_CAP_ARM_WRITABLE_IMP_ID_REGS"])
    }

    @Test(
        arguments: [
            ("6.15.0", 1, true, true), ("7.3.4", 1, true, true), ("6.15.0", 1, false, false),
            ("6.15.0", 0, true, false), ("6.15.0", nil, true, false), ("6.14.0", 1, true, false),
        ] as [(String, Int32?, Bool, Bool)])
    func implementationOfAnotherCPU(
        _ kernel: String, _ value: Int32?, _ isEnabled: Bool, _ isTaken: Bool
    ) throws {
        let cpu = try cpu(
            kernel, offers: value, enabling: isEnabled ? KVMCapability.ofWritableRegisters : [])
        let refusal = isTaken ? nil : Errno.invalidArgument
        #expect(try cpu.refusal("MIDR_EL1", 0x410f_d0c0) == refusal)
        #expect(try cpu.refusal("REVIDR_EL1", 0x1234_5678_9abc_def0) == refusal)
        #expect(try cpu.refusal("AIDR_EL1", 7) == refusal)
        #expect(try cpu.bits("MIDR_EL1") == (isTaken ? 0x410f_d0c0 : 0x410f_d0c1))
        // Bits 63:32 of MIDR_EL1 are RES0, and KVM refuses them (seen on 6.16.3 and 7.3.4).
        #expect(try cpu.refusal("MIDR_EL1", 1 << 40 | cpu.bits("MIDR_EL1")) == .invalidArgument)
    }

    /// A kernel that a vendor patched says so by its writable masks.
    @Test func recordedCacheMasksAreBelieved() throws {
        let lines = [
            "register CLIDR_EL1 0x603000000013c801 0x2000021",
            "register CCSIDR0 0x6020000000110000 0x2",
            "register CTR_EL0 0x603000000013d801 0xb444c004",
        ]
        func cpu(_ more: [String]) throws -> EmulatedCPU {
            let text = profileText(kernel: "5.14.0-503.el9", lines + more)
            return EmulatedCPU(
                profile: try HostProfile(parsing: text, file: "test"), initialized: true)
        }
        let masks = ["writable-mask CLIDR_EL1 0x7fffffffffff", "writable-mask CTR_EL0 0x300f000f"]
        for (name, bits) in [
            ("CLIDR_EL1", 0xa20_0023), ("CCSIDR0", 0x701f_e01a), ("CTR_EL0", 0xa444_c004),
        ] as [(String, UInt64)] {
            #expect(try cpu(masks).refusal(name, bits) == nil, "\(name)")
            #expect(try cpu([]).refusal(name, bits) == .invalidArgument, "\(name)")
        }
    }

    /// A host that says of itself that nothing of them can be changed is believed, too.
    @Test(
        arguments: [
            ("CLIDR_EL1", "CLIDR_EL1", 0xa20_0023), ("CLIDR_EL1", "CCSIDR0", 0x701f_e01a),
            ("CTR_EL0", "CTR_EL0", 0xa444_c004),
        ] as [(String, String, UInt64)])
    func masksOfNothingAreBelieved(of mask: String, name: String, bits: UInt64) throws {
        let lines = [
            "register CLIDR_EL1 0x603000000013c801 0x2000021",
            "register CCSIDR0 0x6020000000110000 0x2",
            "register CTR_EL0 0x603000000013d801 0xb444c004",
        ]
        for (more, refusal) in [([], nil), (["writable-mask \(mask) 0x0"], .invalidArgument)]
            as [([String], Errno?)]
        {
            let text = profileText(kernel: "6.12.0", lines + more)
            let cpu = EmulatedCPU(
                profile: try HostProfile(parsing: text, file: "test"), initialized: true)
            #expect(try cpu.refusal(name, bits) == refusal)
        }
    }
}
