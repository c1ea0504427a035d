import QEMUStream
import Registers
import TestFiles
import TestSubjects
import Testing
import VCPUModel

/// Streams of real QEMU and KVM, read here and by another reader.
@Suite("Real streams")
struct FixtureTests {
    @Test("Each has the vCPUs and registers it has", arguments: StreamFixture.allCases)
    func counts(fixture: StreamFixture) throws {
        let stream = try fixture.stream
        #expect(stream.cpus.map(\.instance) == Array(0..<UInt32(fixture.sections.count)))
        for cpu in stream.cpus {
            #expect(cpu.registerCount == fixture.registerCount)
            #expect(cpu.entries.count == fixture.registerCount)
            #expect(!cpu.isMProfile)
        }
        #expect(stream.hasDescription == (fixture != .kvmDevices))
        #expect(stream.header.machineType == (fixture == .kvmDevices ? nil : "virt-10.0"))
        #expect(stream.header.capabilities == [])
        let isKVM = fixture.rawValue.hasPrefix("kvm")
        #expect(stream.origin == (isKVM ? .kvm : .tcg))
    }

    @Test("Sections are their bytes, without header and footer", arguments: StreamFixture.allCases)
    func bodies(fixture: StreamFixture) throws {
        let bytes = try fixture.bytes
        let stream = try fixture.stream
        for (cpu, place) in zip(stream.cpus, fixture.sections) {
            #expect(cpu.body == Array(bytes[place.lowerBound + 17..<place.upperBound - 5]))
        }
    }

    @Test("The description and the search find the same", arguments: StreamFixture.described)
    func searchAgrees(fixture: StreamFixture) throws {
        let start = try #require(fixture.descriptionStart)
        let stripped = try QEMUStream(
            Array(fixture.bytes[..<(start - 5)]), reading: .undescribed)
        #expect(stripped.isSearched && stripped.problem == nil)
        let whole = try fixture.stream
        #expect(whole.hasDescription && !stripped.hasDescription)
        #expect(stripped.cpus.map(\.instance) == whole.cpus.map(\.instance))
        #expect(stripped.cpus.map(\.body) == whole.cpus.map(\.body))
        #expect(stripped.cpus.map(\.subsections) == whole.cpus.map(\.subsections))
        #expect(stripped.header == whole.header)
        #expect(stripped.origin == whole.origin)
        #expect(stripped.warnings == whole.warnings)
    }

    @Test("Zeros after the description change nothing", arguments: StreamFixture.described)
    func zerosAfterward(fixture: StreamFixture) throws {
        let padded = try QEMUStream(fixture.bytes + [UInt8](repeating: 0, count: 70_000))
        #expect(padded.hasDescription)
        #expect(try padded.cpus.map(\.body) == fixture.stream.cpus.map(\.body))
    }

    @Test("Nothing before the devices is read but the header")
    func memoryIsNotRead() throws {
        let head = try StreamFixture.kvmN1.bytes
        let memory = [UInt8](repeating: 0x5a, count: 2 << 20)
        let padded = MemoryBytes(Array(head[..<8]) + memory + head[8...])
        let stream = try QEMUStream(padded)
        #expect(stream.cpus.count == 2)
        #expect(padded.lowestOffset > memory.count - (128 << 10))
        #expect(padded.maximumAtOnce <= 128 << 10)
    }

    // MARK: Values

    @Test(
        "Registers of AArch64 vCPUs are those of another reader",
        arguments: StreamFixture.allCases.filter { $0 != .tcgA15 })
    func aarch64(fixture: StreamFixture) throws {
        let bytes = try fixture.bytes
        for (bank, place) in zip(try fixture.stream.banks, fixture.sections) {
            let wire = WireCPU(bytes[place])
            try #require(wire.cpsr & 0x1f == 5 || wire.cpsr & 0x1f == 4)
            for index in 0...30 { #expect(try bank.bits(.x(index)) == wire.xregs[index]) }
            #expect(try bank.bits(.pc) == wire.pc)
            #expect(try bank.bits(.pstate) == wire.cpsr)
            let usesEL1 = wire.cpsr & 1 == 1
            #expect(try bank.bits(.spEL0) == (usesEL1 ? wire.sp[0] : wire.xregs[31]))
            #expect(try bank.bits(.spEL1) == (usesEL1 ? wire.xregs[31] : wire.sp[1]))
            #expect(try bank.bits(.elrEL1) == wire.elr[1])
            for index in 0...4 {
                #expect(try bank.bits(.spsr(index)) == wire.bankedSPSR[index + 1])
            }
            #expect(try bank.bits(.mpState) == (wire.isOff ? 5 : 0))
            try expectVectors(bank, wire)
        }
    }

    private func expectVectors(_ bank: QEMUVCPUBank, _ wire: WireCPU) throws {
        let hasSVE = wire.subsections["cpu/sve"] != nil
        for index in 0..<32 {
            let low = try #require(wire.number("cpu/vfp", at: 16 * index, 8))
            let high = try #require(wire.number("cpu/vfp", at: 16 * index + 8, 8))
            let value = try bank.read(hasSVE ? .z(index) : .v(index))
            #expect(value.size == (hasSVE ? 256 : 16))
            #expect(value.words.prefix(2) == [low, high])
            guard hasSVE else { continue }
            let upper = (0..<14).map { wire.number("cpu/sve", at: 112 * index + 8 * $0, 8) }
            #expect(value.words[2..<16].map(Optional.some) == upper)
            #expect(value.words[16...].allSatisfy { $0 == 0 })
            #expect(try bank.read(.v(index)).words == [low, high])
        }
        for index in 0..<(hasSVE ? 17 : 0) {
            let words = (0..<4).map { wire.number("cpu/sve", at: 3584 + 32 * index + 8 * $0, 8) }
            #expect(try bank.read(.p(index)).words.map(Optional.some) == words)
        }
        let fpscr = try #require(wire.number("cpu/vfp", at: 572, 4))
        #expect(try bank.bits(.fpcr) == fpscr & 0x07ff_9f00)
        #expect(try bank.bits(.fpsr) == fpscr & 0xf800_009f)
    }

    @Test("The list is what stands there, by KVM's ids", arguments: StreamFixture.allCases)
    func lists(fixture: StreamFixture) throws {
        let bytes = try fixture.bytes
        let stream = try fixture.stream
        for (bank, place) in zip(stream.banks, fixture.sections) {
            let wire = WireCPU(bytes[place])
            #expect(bank.section.entries.map(\.id.rawValue) == wire.list.map(\.id))
            #expect(bank.section.entries.map(\.value) == wire.list.map(\.value))
            let listed = Set(bank.list())
            #expect(listed.count == bank.list().count)
            for (number, value) in wire.list {
                let register = id(exchanged(number, stream.origin))
                #expect(listed.contains(register))
                let mask = register.size == 4 ? UInt64(UInt32.max) : .max
                #expect(try bank.bits(register) == value & mask, "\(register.label)")
            }
        }
    }

    /// Lists of QEMU's own have the architecture's ids of the virtual timer.
    private func exchanged(_ number: UInt64, _ origin: StreamOrigin) -> UInt64 {
        guard origin != .kvm else { return number }
        return switch number {
        case 0x6030_0000_0013_df1a: 0x6030_0000_0013_df02
        case 0x6030_0000_0013_df02: 0x6030_0000_0013_df1a
        default: number
        }
    }

    @Test(
        "Every listed register can be read, and written as it is", arguments: StreamFixture.allCases
    )
    func everyRegister(fixture: StreamFixture) throws {
        for bank in try fixture.stream.banks {
            let before = bank.section.body
            for register in bank.list() {
                let value = try bank.read(register)
                #expect(value.size == register.size)
                try bank.write(value, to: register)
            }
            // The stack pointer in use stands twice, and one of the two is stale.
            let changed = zip(before, bank.section.body).enumerated().filter { $1.0 != $1.1 }
            #expect(
                changed.allSatisfy {
                    400..<464 ~= $0.offset || 336..<400 ~= $0.offset
                        || 536..<568 ~= $0.offset
                })
        }
    }

    @Test("Chosen values of a guest on KVM with two vCPUs")
    func valuesOfKVM() throws {
        let banks = try StreamFixture.kvmN1.stream.banks
        #expect(try banks[0].bits("x0") == 0xffff_fdff_c008_7f40)
        #expect(try banks[0].bits("pc") == 0xffff_bec0_9dfb_ffa4)
        #expect(try banks[0].bits("pstate") == 0x40_0005)
        #expect(try banks[0].bits("sp_el0") == 0xffff_0000_02ce_5c80)
        #expect(try banks[0].bits("sp_el1") == 0xffff_8000_8052_3ad0)
        #expect(try banks[0].bits("spsr_el1") == 0x6000_1000)
        #expect(try banks[0].read(.v(1)).words == [0xffff_ff00_0000_0000, 0xffff_ffff_ffff_ffff])
        #expect(try banks[1].bits("pc") == 0xffff_bec0_9d9f_aed4)
        #expect(try banks[1].bits("x5") == 0x1_1d26_0c00)
        for (bank, affinity) in zip(banks, [0x8000_0000, 0x8000_0001] as [UInt64]) {
            #expect(try bank.bits(.midrEL1) == 0x414f_d0c1)
            #expect(try bank.bits(.mpidrEL1) == affinity)
            #expect(try bank.bits(.psciVersion) == 0x10001)
        }
        // The ids of the virtual timer are KVM's: CNTVCT_EL0 and CNTV_CVAL_EL0.
        #expect(try banks[0].bits(.cntvctEL0) == 0x238d_7375)
        #expect(try banks[1].bits(.cntvCVALEL0) == 0x238d_77bf)
    }

    @Test("Chosen values of an AArch32 guest in FIQ mode")
    func valuesOfAArch32() throws {
        let bank = try #require(try StreamFixture.tcgA15.stream.banks.first)
        #expect(bank.section.isAArch32)
        let expected: [UInt64] = [
            0x272d_600a, 0x8b08_8249, 0xe489_3d34, 0x314d_b34f, 0x300a_deaf, 0x3b03_661b,
            0x608a_4da9, 0xd67e_4614, 0x9448_0093, 0x8a86_2608, 0x4ee3_d381, 0x4abf_0ed9,
            0xd664_ad40, 0xcf6f_fc8b, 0xe433_6915, 0, 0x8f47_da4f, 0x403b_46ad, 0xddf6_72f8,
            0xdb6e_b9e4, 0xe8a5_f0a2, 0x1eab_0bda, 0x3739_cd75, 0xc791_b009, 0x3a39_b23c,
            0x3ff0_64ef, 0x3998_96c5, 0xf3b8_9662, 0x9268_ef2d, 0xf4b4_82c5, 0x1fdc_f08c,
        ]
        #expect(try (0...30).map { try bank.bits(.x($0)) } == expected)
        #expect(try bank.bits(.pc) == 0x4020_1278)
        #expect(try bank.bits(.pstate) == 0xa000_01d1)
        let saved: [UInt64] = [0x7602_9c33, 0xac03_cab7, 0xe02_589b, 0x8e07_1cd2, 0xf806_7111]
        #expect(try (0...4).map { try bank.bits(.spsr($0)) } == saved)
        #expect(
            try bank.read(.v(0)).words == [0x6f44_837a_9722_9b33, 0x7292_7894_fb71_e232])
        #expect(try bank.bits(.fpcr) == 0x3c0_0000)
        #expect(try bank.bits(.fpsr) == 0xa800_009f)
    }

    @Test("Chosen values of vectors in two parts")
    func valuesOfVectors() throws {
        let banks = try StreamFixture.tcgMax.stream.banks
        let z0 = try banks[0].read(.z(0)).words
        #expect(
            Array(z0[..<17]) == [
                0xcf69_d3c2_8e7a_ca78, 0x2327_0835_c8d0_5a6a, 0xe42f_ff13_fec9_b5a1,
                0xf9a8_5228_e2d9_7776, 0x469f_31e3_1922_182f, 0xc87a_333a_5623_e66b,
                0x46b5_aaaa_9e9b_0aa3, 0xe684_78c1_cc07_7137, 0x094e_cb3b_6ce7_5e13,
                0x6a19_8272_2f90_cfcd, 0xb996_d918_7b96_8b79, 0x6da7_62d7_4811_ed26,
                0x80f9_155d_2d4e_7d18, 0xd3ac_1bfe_4d0b_fd34, 0x3e6c_63a6_d995_7177,
                0x4f94_7d4a_1ab7_b251, 0,
            ])
        #expect(
            try banks[1].read(.p(16)).words == [
                0x93b9_7eb6_1ecd_e880, 0x4cd9_8def_0ecd_1ef9, 0xd474_0732_f824_c7d3,
                0xc339_d0c5_c36d_8f3f,
            ])
        #expect(
            try banks[1].read(.z(31)).words.prefix(2)
                == [0x2c5b_498b_190d_12e4, 0xb5f7_7ea5_c944_1e0f])
    }
}

extension RegisterValue {
    /// In numbers of 64 bits, the least significant first.
    var words: [UInt64] {
        stride(from: 0, to: size, by: 8).map { start in
            littleEndianBytes[start..<min(start + 8, size)].reversed().reduce(0) {
                $0 << 8 | UInt64($1)
            }
        }
    }
}
