import LinuxSystem
import QEMUStream
import Registers
import TestFiles
import TestSubjects
import Testing
import VCPUModel

/// Where registers stand, by sections made field by field.
@Suite("Places of registers")
struct RegisterPlaceTests {
    private static let hcr: UInt64 = RegisterID.hcrEL2.rawValue
    private static let scr: UInt64 = 0x6030_0000_0013_f088
    private static let firmware: UInt64 = RegisterID.psciVersion.rawValue

    private static let elr3 = id(0x6030_0000_0013_f201)
    private static let spsr3 = id(0x6030_0000_0013_f200)

    private func bank(_ cpu: CraftedCPU) throws -> QEMUVCPUBank {
        try #require(try QEMUStream(CraftedStream(cpu).bytes).banks.first)
    }

    private func filled(
        _ pstate: UInt64, _ change: (inout CraftedCPU) -> Void = { _ in }
    ) throws -> QEMUVCPUBank {
        var cpu = CraftedCPU()
        cpu.fill()
        cpu.set(pstate, 4, at: 328)
        change(&cpu)
        return try bank(cpu)
    }

    private func number(_ bank: QEMUVCPUBank, at offset: Int, _ width: Int) -> UInt64 {
        bank.section.body[offset..<offset + width].reduce(0) { $0 << 8 | UInt64($1) }
    }

    // MARK: AArch64

    @Test(
        "The stack pointer in use is X31, the others their own fields",
        arguments: [
            (0x3c0, 0x401f, 0x5b1, 0x5b2), (0x3c4, 0x401f, 0x5b1, 0x5b2),
            (0x3c5, 0x5b0, 0x401f, 0x5b2), (0x3c8, 0x401f, 0x5b1, 0x5b2),
            (0x3c9, 0x5b0, 0x5b1, 0x401f), (0x3cd, 0x5b0, 0x5b1, 0x5b2),
        ] as [(UInt64, UInt64, UInt64, UInt64)])
    func stackPointers(pstate: UInt64, el0: UInt64, el1: UInt64, el2: UInt64) throws {
        let bank = try filled(pstate) { $0.list.append((Self.hcr, 0)) }
        #expect(try bank.bits("sp_el0") == el0)
        #expect(try bank.bits("sp_el1") == el1)
        #expect(try bank.bits(.spEL2) == el2)
        #expect(try bank.bits("pc") == 0x8000)
        #expect(try bank.bits("elr_el1") == 0xe11)
        #expect(try (0...30).map { try bank.bits(.x($0)) } == (0x4000...0x401e).map { $0 })
        #expect(
            try (0...4).map { try bank.bits(.spsr($0)) }
                == [0x501, 0x502, 0x503, 0x504, 0x505])
    }

    @Test("A stack pointer in use is written to both its places, another to its own")
    func writingStackPointers() throws {
        let bank = try filled(0x3c5)
        try bank.write(RegisterValue(0xabcd), to: .spEL1)
        #expect(number(bank, at: 64 + 8 * 31, 8) == 0xabcd)
        #expect(number(bank, at: 536 + 8, 8) == 0xabcd)
        try bank.write(RegisterValue(0x1234), to: .spEL0)
        #expect(number(bank, at: 536, 8) == 0x1234)
        #expect(number(bank, at: 64 + 8 * 31, 8) == 0xabcd)
    }

    @Test("Registers of EL2 and EL3 are there where the list shows these levels")
    func higherLevels() throws {
        let none = try filled(0x3c5)
        for id in [RegisterID.elrEL2, .spsrEL2, .spEL2, Self.elr3, Self.spsr3] {
            #expect(!none.list().contains(id))
            #expect(throws: RegisterBankError.self) { try none.read(id) }
        }
        let both = try filled(0x3c5) { $0.list += [(Self.hcr, 1), (Self.scr, 2)] }
        #expect(try both.bits(.elrEL2) == 0xe12)
        #expect(try both.bits(.spsrEL2) == 0x506)
        #expect(try both.bits(.spEL2) == 0x5b2)
        #expect(try both.bits(Self.elr3) == 0xe13)
        #expect(try both.bits(Self.spsr3) == 0x507)
        // What the list has itself is not taken from elsewhere.
        let listed = try filled(0x3c5) {
            $0.list += [(Self.hcr, 1), (RegisterID.elrEL2.rawValue, 0x77)]
        }
        #expect(try listed.bits(.elrEL2) == 0x77)
    }

    @Test("A PSTATE of more than 32 bits stands in a subsection, and decides")
    func longPSTATE() throws {
        let bank = try filled(0x3c5) {
            $0.subsections = [
                CraftedSubsection("cpu/pstate64", bigEndian(0x1_0000_03c4 as UInt64, 8))
            ]
        }
        #expect(bank.section.programState == 0x1_0000_03c4)
        #expect(try bank.bits(.pstate) == 0x1_0000_03c4)
        #expect(try bank.bits(.spEL0) == 0x401f)
        try bank.write(RegisterValue(0x2_0000_03c5), to: .pstate)
        #expect(try bank.bits(.pstate) == 0x2_0000_03c5)
        #expect(try bank.bits(.spEL1) == 0x401f)
    }

    // MARK: AArch32

    /// What each X register holds of a filled section in User mode.
    private static let userView: [UInt64] =
        (0x100...0x10e).map { $0 }
        + [0x1306, 0x1404, 0x1304, 0x1401, 0x1301, 0x1402, 0x1302, 0x1403, 0x1303]
        + (0xf08...0xf0c).map { $0 } + [0x1305, 0x1405]

    /// X registers that another mode has in R13 and R14, and the number of its SPSR.
    private static let banked: [UInt64: (sp: Int, lr: Int, saved: Int)] = [
        0x11: (29, 30, 4), 0x12: (17, 16, 3), 0x13: (19, 18, 0), 0x17: (21, 20, 1),
        0x1b: (23, 22, 2),
    ]

    @Test(
        "An AArch32 guest's registers are mapped as the architecture says",
        arguments: [0x10, 0x1f, 0x11, 0x12, 0x13, 0x17, 0x1b] as [UInt64])
    func modes(mode: UInt64) throws {
        let bank = try filled(0x1c0 | mode)
        var expected = Self.userView
        var saved: [UInt64] = [0x501, 0x502, 0x503, 0x504, 0x505]
        if let own = Self.banked[mode] {
            expected[13] = 0x1300
            expected[14] = 0x1400
            expected[own.sp] = 0x10d
            expected[own.lr] = 0x10e
            saved[own.saved] = 0x332
        }
        if mode == 0x11 {
            for index in 8...12 {
                expected[index] = 0x800 + UInt64(index)
                expected[index + 16] = 0x100 + UInt64(index)
            }
        }
        #expect(try (0...30).map { try bank.bits(.x($0)) } == expected)
        #expect(try (0...4).map { try bank.bits(.spsr($0)) } == saved)
        #expect(try bank.bits("pc") == 0x10f)
        #expect(try bank.bits(.pstate) == 0x1c0 | mode)
        #expect(bank.section.isAArch32)
    }

    @Test("Hyp mode has its own SP and SPSR, and LR of User mode")
    func hypMode() throws {
        let bank = try filled(0x1da) { $0.list.append((Self.hcr, 0)) }
        var expected = Self.userView
        expected[13] = 0x1300
        expected[15] = 0x10d
        #expect(try (0...30).map { try bank.bits(.x($0)) } == expected)
        #expect(try bank.bits(.spsrEL2) == 0x332)
        #expect(
            try (0...4).map { try bank.bits(.spsr($0)) }
                == [0x501, 0x502, 0x503, 0x504, 0x505])
        try bank.write(RegisterValue(0x99), to: .x(15))
        #expect(number(bank, at: 4 * 13, 4) == 0x99)
        #expect(number(bank, at: 400 + 4 * 6, 4) == 0x99)
    }

    @Test("In Monitor mode its own SP and LR are in no register, which is said")
    func monitorMode() throws {
        var cpu = CraftedCPU()
        cpu.fill()
        cpu.set(0x1d6, 4, at: 328)
        cpu.list.append((Self.scr, 0))
        let stream = try QEMUStream(CraftedStream(cpu).bytes)
        let bank = try #require(stream.banks.first)
        var expected = Self.userView
        expected[13] = 0x1300
        expected[14] = 0x1400
        #expect(try (0...30).map { try bank.bits(.x($0)) } == expected)
        #expect(try bank.bits(Self.spsr3) == 0x332)
        #expect(stream.warnings.contains(.monitorMode(vcpu: 0)))
    }

    @Test("Writing PSTATE into another mode moves nothing, and other places count from then on")
    func changeOfMode() throws {
        let bank = try filled(0x1d0)
        #expect(try bank.bits(.x(13)) == 0x10d)
        try bank.write(RegisterValue(0x1d3), to: .pstate)
        #expect(try bank.bits(.x(13)) == 0x1300)
        #expect(try bank.bits(.x(19)) == 0x10d)
        try bank.write(RegisterValue(0x77), to: .x(19))
        #expect(number(bank, at: 4 * 13, 4) == 0x77)
        #expect(number(bank, at: 400 + 4, 4) == 0x77)
    }

    @Test("A register of 32 bits in AArch32 state reads as what was kept of a wider write")
    func wideWriteInAArch32() throws {
        let bank = try filled(0x1d0)
        try bank.write(RegisterValue(0x1_0000_0002), to: .x(1))
        #expect(try bank.bits(.x(1)) == 2)
    }

    // MARK: Vectors

    private func vectors(fpscr: UInt32, _ parts: CraftedSubsection...) -> CraftedSubsection {
        var fields = (0..<64).flatMap { bigEndian(0x1000 + $0, 8) }
        fields += [UInt8](repeating: 0, count: 60) + bigEndian(fpscr, 4)
        var result = CraftedSubsection("cpu/vfp", fields)
        result.parts = parts
        return result
    }

    @Test("FPSCR is FPCR and FPSR, each by its bits")
    func fpscr() throws {
        let bank = try filled(0x3c5) { $0.subsections = [vectors(fpscr: 0xffff_ffff)] }
        #expect(try bank.bits(.fpcr) == 0x07ff_9f00)
        #expect(try bank.bits(.fpsr) == 0xf800_009f)
        try bank.write(RegisterValue(0x0340_0000, size: 4), to: .fpcr)
        #expect(try bank.bits(.fpsr) == 0xf800_009f)
        try bank.write(RegisterValue(0x0800_0001, size: 4), to: .fpsr)
        #expect(try bank.bits(.fpcr) == 0x0340_0000)
        let place = try #require(bank.section.subsection("cpu/vfp")).fields.upperBound - 4
        #expect(number(bank, at: place, 4) == 0x0fff_ffff & ~0x07ff_9f9f | 0x0b40_0001)
    }

    @Test("Bits that FPSCR cannot hold stand in a subsection of the subsection")
    func fpcrAndFPSR() throws {
        let own = CraftedSubsection(
            "cpu/vfp/fpcr_fpsr", bigEndian(0x0700_0001 as UInt64, 8) + bigEndian(0x9f as UInt64, 8))
        let bank = try filled(0x3c5) { $0.subsections = [vectors(fpscr: 0, own)] }
        #expect(bank.section.subsections.map(\.name) == ["cpu/vfp"])
        #expect(bank.section.subsection("cpu/vfp/fpcr_fpsr") != nil)
        #expect(try bank.bits(.fpcr) == 0x0700_0001)
        #expect(try bank.bits(.fpsr) == 0x9f)
        #expect(bank.list().filter { $0 == .fpcr }.count == 1)
    }

    @Test("Without SVE there are V registers, and with it Z registers of two parts")
    func vectorsOfBothKinds() throws {
        let plain = try filled(0x3c5) { $0.subsections = [vectors(fpscr: 0)] }
        #expect(try plain.read(.v(3)).words == [0x1006, 0x1007])
        #expect(!plain.list().contains(.z(3)))
        let upper = (0..<516).flatMap { bigEndian(0x2000 + $0, 8) }
        let wide = try filled(0x3c5) {
            $0.subsections = [vectors(fpscr: 0), CraftedSubsection("cpu/sve", upper)]
        }
        let expected: [UInt64] =
            [0x1006, 0x1007] + (0..<14).map { 0x2000 + 14 * 3 + $0 }
            + [UInt64](repeating: 0, count: 16)
        #expect(try wide.read(.z(3)).words == expected)
        #expect(try wide.read(.p(0)).words == (0..<4).map { 0x2000 + 14 * 32 + $0 })
        #expect(try wide.read(.p(16)).words == (0..<4).map { 0x2000 + 14 * 32 + 64 + $0 })
        #expect(!wide.list().contains(.v(3)) && wide.list().contains(.z(3)))
        // Writing one part leaves the other.
        let value = try #require(
            RegisterValue(littleEndian: [UInt8](repeating: 0xee, count: 16)))
        try wide.write(value, to: .v(3))
        #expect(
            try wide.read(.z(3)).words == [
                0xeeee_eeee_eeee_eeee,
                0xeeee_eeee_eeee_eeee,
            ] + expected[2...])
        let all = try #require(RegisterValue(littleEndian: [UInt8](repeating: 0xdd, count: 256)))
        try wide.write(all, to: .z(3))
        #expect(try wide.read(.z(3)).words[15] == 0xdddd_dddd_dddd_dddd)
        #expect(try wide.read(.z(3)).words[16] == 0)
        #expect(
            try wide.read(.z(2)).words == [0x1004, 0x1005] + (0..<14).map { 0x201c + $0 }
                + [UInt64](repeating: 0, count: 16))
    }

    @Test("A CPU without floating point has no such registers")
    func withoutFloatingPoint() throws {
        let bank = try filled(0x3c5)
        for id in [RegisterID.fpcr, .fpsr, .v(0), .z(0), .p(0)] {
            #expect(!bank.list().contains(id))
            #expect(throws: RegisterBankError.self) { try bank.read(id) }
        }
    }

    // MARK: Outside the list

    @Test("The power state is on or stopped")
    func powerState() throws {
        var cpu = CraftedCPU()
        #expect(try bank(cpu).bits(.mpState) == 0)
        cpu.tail[64] = 1
        let off = try bank(cpu)
        #expect(try off.bits(.mpState) == 5)
        try off.write(RegisterValue(0, size: 4), to: .mpState)
        #expect(try off.bits(.mpState) == 0)
        #expect(off.section.body == (try bank(CraftedCPU())).section.body)
        for other in [1, 2, 6] as [UInt64] {
            #expect(throws: RegisterBankError.self) {
                try off.write(RegisterValue(other, size: 4), to: .mpState)
            }
        }
    }

    @Test("A pending SError stands in its subsection, and cannot be made where there is none")
    func pendingSError() throws {
        let without = try bank(CraftedCPU())
        #expect(VCPUEvents(try without.read(.vcpuEvents)) == .none)
        let pending = VCPUEvents(isPending: true, hasSyndrome: true, syndrome: 0x12_3456)
        #expect(throws: RegisterBankError.self) {
            try without.write(pending.value, to: .vcpuEvents)
        }
        try without.write(VCPUEvents.none.value, to: .vcpuEvents)
        var cpu = CraftedCPU()
        cpu.subsections = [
            CraftedSubsection("cpu/serror", [1, 1] + bigEndian(0x12_3456 as UInt64, 8))
        ]
        let with = try bank(cpu)
        #expect(VCPUEvents(try with.read(.vcpuEvents)) == pending)
        let other = VCPUEvents(isPending: true, hasSyndrome: false, syndrome: 0)
        try with.write(other.value, to: .vcpuEvents)
        #expect(VCPUEvents(try with.read(.vcpuEvents)) == other)
    }

    @Test("The features of a KVM guest follow from its registers")
    func features() throws {
        func features(
            _ ids: [UInt64] = [], pstate: UInt64 = 0x3c5, sve: Bool = false
        ) throws -> VCPUFeatures? {
            let bank = try filled(pstate) { cpu in
                cpu.list = (cpu.list.map(\.id) + ids).sorted().map { (id: $0, value: 0) }
                if sve {
                    cpu.subsections = [
                        vectors(fpscr: 0),
                        CraftedSubsection("cpu/sve", [UInt8](repeating: 0, count: 4128)),
                    ]
                }
            }
            #expect(bank.list().contains(.vcpuFinalized) == sve)
            return VCPUInit(try bank.read(.vcpuInit))?.features
        }
        #expect(try features() == .psci02)
        #expect(try features([RegisterID.pmcrEL0.rawValue]) == [.psci02, .pmuV3])
        #expect(
            try features([RegisterID.apiaKeyLoEL1.rawValue]) == [.psci02, .pointerAuthentication])
        #expect(try features([Self.hcr]) == [.psci02, .hasEL2])
        #expect(try features(sve: true) == [.psci02, .sve])
        #expect(try features(pstate: 0x1d3) == [.psci02, .el1In32Bit])
        // User mode can be that of a kernel of 64 bits.
        #expect(try features(pstate: 0x1d0) == .psci02)
        let bank = try filled(0x3c5)
        #expect(throws: RegisterBankError.self) {
            try bank.write(VCPUInit(features: [.sve]).value, to: .vcpuInit)
        }
        try bank.write(VCPUInit(features: .psci02).value, to: .vcpuInit)
    }

    @Test("A vCPU that QEMU emulated shows what one of KVM would need, and never EL2")
    func emulatedInit() throws {
        let bank = try #require(try StreamFixture.tcgMax.stream.banks.first)
        let value = try #require(VCPUInit(try bank.read(.vcpuInit)))
        #expect(value.features == [.psci02, .pmuV3, .sve, .pointerAuthentication])
        #expect(bank.list().contains(.vcpuFinalized))
    }

    // MARK: The list

    @Test("A register of 32 bits takes the low half, and leaves the other alone")
    func narrowRegisters() throws {
        let cache: UInt64 = RegisterID.ccsidr0.rawValue
        let bank = try filled(0x3c5) { $0.list.insert((cache, 0xaaaa_bbbb_1234_5678), at: 0) }
        #expect(try bank.read(id(cache)) == RegisterValue(0x1234_5678, size: 4))
        try bank.write(RegisterValue(0x77, size: 4), to: id(cache))
        #expect(bank.section.entries.first?.value == 0xaaaa_bbbb_0000_0077)
        #expect(throws: RegisterBankError.self) {
            try bank.write(RegisterValue(0x77, size: 8), to: id(cache))
        }
    }

    @Test("Ids of sizes that no list has are not shown, and stay")
    func otherSizes() throws {
        let odd: [UInt64] = [0x6000_0000_0013_c000, 0x6040_0000_0013_c000]
        let bank = try filled(0x3c5) {
            $0.list.append((odd[1], 1))
            $0.list.insert((odd[0], 1), at: 0)
        }
        #expect(bank.list().allSatisfy { !odd.contains($0.rawValue) })
        #expect(bank.section.registerCount == 3)
    }

    @Test("An id whose size is none at all is not shown either")
    func noSize() throws {
        let odd: UInt64 = 0x60f0_0000_0013_c000
        let bank = try filled(0x3c5) { $0.list.append((odd, 1)) }
        #expect(id(odd).size == nil)
        let isListed = bank.list().contains(id(odd))
        #expect(!isListed)
    }

    @Test("Origins are told by their lists")
    func origins() throws {
        func origin(_ ids: UInt64...) throws -> StreamOrigin {
            var cpu = CraftedCPU()
            cpu.list = ids.sorted().map { ($0, 0) }
            return try QEMUStream(CraftedStream(cpu).bytes).origin
        }
        let sctlr: UInt64 = RegisterID.sctlrEL1.rawValue
        #expect(try origin() == .unknown)
        #expect(try origin(sctlr) == .unknown)
        #expect(try origin(sctlr, Self.firmware) == .kvm)
        #expect(try origin(sctlr, RegisterID.ccsidr0.rawValue) == .kvm)
        #expect(try origin(sctlr, RegisterID.stdBmap.rawValue) == .kvm)
        #expect(try origin(sctlr, RegisterID.midrEL1.rawValue) == .kvm)
        #expect(try origin(0x4020_0000_200f_0380, sctlr) == .tcg)
        #expect(try origin(0x4020_0000_200f_0380, sctlr, Self.firmware) == .kvm)
        #expect(try origin(sctlr, 0x6030_0000_0013_c208) == .hvf)
        #expect(try origin(0x4020_0000_200f_0380, 0x6030_0000_0013_c208) == .tcg)
    }

    @Test("The virtual timer's ids are exchanged but for KVM")
    func timer() throws {
        func timer(_ marker: UInt64) throws -> [UInt64] {
            var cpu = CraftedCPU()
            cpu.list = [
                (marker, 0), (0x6030_0000_0013_df02, 0xc0), (0x6030_0000_0013_df1a, 0xca),
            ].sorted { $0.0 < $1.0 }
            let bank = try bank(cpu)
            return [
                try bank.bits(.cntvCVALEL0), try bank.bits(.cntvctEL0),
            ]
        }
        #expect(try timer(Self.firmware) == [0xc0, 0xca])
        #expect(try timer(0x4020_0000_200f_0380) == [0xca, 0xc0])
        #expect(try timer(0x6030_0000_0013_c208) == [0xca, 0xc0])
    }

    @Test("State that TCG lists under an AArch32 id only has its AArch64 register")
    func aarch64Names() throws {
        let stream = try StreamFixture.tcgMax.stream
        let bank = stream.banks[0]
        let own = try #require(RegisterID(parsing: "PAR_EL1"))
        #expect(!stream.cpus[0].entries.contains { $0.id == own })
        // PAR of 64 bits, Non-secure: coprocessor 15, CRm 7, opc1 0.
        let listed = try #require(
            stream.cpus[0].entries.first { $0.id.rawValue == 0x4030_0000_200f_0380 })
        #expect(listed.value == 0x7c88_b319_5b65_cf75)
        #expect(bank.list().contains(own))
        #expect(try bank.bits(own) == listed.value)
        try bank.write(RegisterValue(0x5_1234), to: own)
        #expect(bank.section.entries.first { $0.id == listed.id }?.value == 0x5_1234)
    }

    @Test(
        "What QEMU's model fixes is not changed in a stream of QEMU's own",
        arguments: [
            "REVIDR_EL1", "ID_AA64ISAR0_EL1", "ID_AA64MMFR1_EL1", "CLIDR_EL1", "CTR_EL0",
        ])
    func constants(name: String) throws {
        let register = try #require(RegisterID(parsing: name))
        let bank = try StreamFixture.tcgMax.stream.banks[0]
        try #require(bank.list().contains(register))
        let value = try bank.read(register)
        let before = bank.section.body
        try bank.write(value, to: register)
        do throws(RegisterBankError) {
            try bank.write(RegisterValue(value.lowBits ^ 1), to: register)
            Issue.record("it was written")
        } catch {
            #expect(error.errno == .invalidArgument)
        }
        #expect(bank.section.body == before)
        // A stream of KVM is for the destination's KVM to judge.
        let kvm = try StreamFixture.kvmMax.stream.banks[0]
        let own = try kvm.bits(register)
        try kvm.write(RegisterValue(own ^ 1), to: register)
        #expect(try kvm.bits(register) == own ^ 1)
    }

    @Test("A register that is not there can be neither read nor written")
    func missingRegister() throws {
        let bank = try bank(CraftedCPU())
        let missing = RegisterID.sctlrEL1
        for body in [
            { _ = try bank.read(missing) }, { try bank.write(RegisterValue(0), to: missing) },
        ] {
            #expect(throws: RegisterBankError.self) { try body() }
        }
    }

    // MARK: Warnings

    /// Those of a stream whose second vCPU was changed.
    private func warnings(_ change: (inout CraftedCPU) -> Void) throws -> [StreamWarning] {
        var cpu = CraftedCPU()
        (cpu.instance, cpu.number) = (1, 8)
        cpu.set(0x3c5, 4, at: 328)
        change(&cpu)
        return try QEMUStream(CraftedStream(CraftedCPU(), cpu).bytes).warnings
    }

    @Test("Vectors and matrices that are lost have their warning, and a stream without them none")
    func vectorWarnings() throws {
        var sve = [UInt8](repeating: 0, count: 4128)
        let control: UInt64 = RegisterID.zcrEL1.rawValue
        #expect(try warnings { _ in }.isEmpty)
        #expect(try warnings { $0.list.append((control, 8)) }.isEmpty)
        for (length, isLong) in [(7, false), (8, true), (15, true), (0x17, false)] {
            let found = try warnings {
                $0.list.append((control, UInt64(length)))
                $0.subsections = [CraftedSubsection("cpu/sve", sve)]
            }
            #expect(found == (isLong ? [.longVectors(vcpu: 1)] : []))
        }
        sve[3584 + 15] = 0xff
        #expect(try warnings { $0.subsections = [CraftedSubsection("cpu/sve", sve)] }.isEmpty)
        sve[3584 + 32 * 16 + 16] = 1
        #expect(
            try warnings { $0.subsections = [CraftedSubsection("cpu/sve", sve)] }
                == [.longVectors(vcpu: 1)])
        for (name, count) in [("cpu/sme", 65_536), ("cpu/zt0", 64)] {
            let part = CraftedSubsection(name, [UInt8](repeating: 0, count: count))
            #expect(try warnings { $0.subsections = [part] } == [.matrixState(vcpu: 1)])
        }
    }

    @Test("Registers that no snapshot can hold have their warning")
    func registerWarnings() throws {
        // Of 1, 512 and no bytes, and one of this project's own.
        for odd in [
            0x6000_0000_0013_c000, 0x6070_0000_0016_0002, 0x60f0_0000_0013_c000,
            0x7630_0000_0000_0001,
        ] as [UInt64] {
            let strange = StreamWarning.strangeIDs(
                vcpu: 1, count: 1, first: RegisterID(rawValue: odd))
            #expect(try warnings { $0.list = [(odd, 0)] } == [strange])
            #expect(strange.description.contains("0x" + String(odd, radix: 16)))
        }
        // SCR_EL3, without and with ID_AA64ISAR1_EL1.
        let (secure, id) = (UInt64(0x6030_0000_0013_f088), UInt64(0x6030_0000_0013_c031))
        #expect(try warnings { $0.list = [(secure, 0)] } == [.secureBank(vcpu: 1)])
        #expect(try warnings { $0.list = [(id, 0), (secure, 0)] }.isEmpty)
        #expect(try warnings { $0.set(1, 8, at: 536 + 24) } == [.stackPointerEL3(vcpu: 1)])
        #expect(try warnings { $0.set(0x3cd, 4, at: 328) } == [.stackPointerEL3(vcpu: 1)])
        #expect(try warnings { $0.set(0x1d6, 4, at: 328) } == [.monitorMode(vcpu: 1)])
        #expect(StreamWarning.monitorMode(vcpu: 1).description.hasPrefix("vCPU 1: "))
    }

    @Test("Warnings of real streams", arguments: StreamFixture.allCases)
    func warningsOfFixtures(fixture: StreamFixture) throws {
        let warnings = try fixture.stream.warnings
        switch fixture {
        case .kvmMax, .kvmN1, .kvmDevices, .tcgA15: #expect(warnings.isEmpty)
        case .tcgMax:
            // Its guest uses vectors of 2048 bits.
            #expect(warnings == [.longVectors(vcpu: 0), .longVectors(vcpu: 1)])
        }
    }
}
