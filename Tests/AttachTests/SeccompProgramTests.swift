import Attach
import Testing

/// Programs in the kernel's own encoding, against what the kernel says they mean.
@Suite struct SeccompProgramTests {
    /// BPF_STMT and BPF_JUMP of `<linux/filter.h>`.
    private static func statement(
        _ code: UInt16, _ operand: UInt32 = 0, _ jumpIfTrue: UInt8 = 0, _ jumpIfFalse: UInt8 = 0
    ) -> UInt64 {
        UInt64(code) | UInt64(jumpIfTrue) << 16 | UInt64(jumpIfFalse) << 24 | UInt64(operand) << 32
    }

    private static let load: UInt16 = 0x20
    private static let returnAccumulator: UInt16 = 0x16
    private static let returnOperand: UInt16 = 0x06

    private let call = SeccompProgram.Data(
        number: 29, arguments: [7, 0x1_4010_aeab, 0xffff_8000_1234], returningTo: 0xab_0000_0010)

    private func run(_ instructions: UInt64...) -> UInt32 {
        SeccompProgram(instructions: instructions).run(on: call)
    }

    /// What is in the accumulator after some instructions.
    private func accumulator(_ instructions: UInt64...) -> UInt32 {
        SeccompProgram(instructions: instructions + [Self.statement(Self.returnAccumulator)])
            .run(on: call)
    }

    @Test(
        arguments: [
            (0, 29), (4, 0xc000_00b7), (8, 0x10), (12, 0xab), (16, 7), (20, 0), (24, 0x4010_aeab),
            (28, 1), (32, 0x8000_1234), (36, 0xffff), (40, 0), (60, 0),
        ] as [(UInt32, UInt32)])
    func theDataIsWhereTheKernelHasIt(offset: UInt32, value: UInt32) {
        #expect(accumulator(Self.statement(Self.load, offset)) == value)
    }

    @Test(arguments: [64, 1, 62, 0xffff_fffc] as [UInt32])
    func dataThatIsNotThereKills(offset: UInt32) {
        #expect(
            run(Self.statement(Self.load, offset), Self.statement(Self.returnOperand, 0x7fff_0000))
                == SeccompProgram.kill)
    }

    /// The accumulator is 0x4010aeab and the index 12.
    @Test(
        arguments: [
            (0x04, 5, 0x4010_aeb0), (0x0c, 0, 0x4010_aeb7), (0x14, 0xb, 0x4010_aea0),
            (0x1c, 0, 0x4010_ae9f), (0x24, 16, 0x010a_eab0), (0x2c, 0, 0x00c8_3004),
            (0x34, 0x10000, 0x4010), (0x3c, 0, 0x0556_b938), (0x44, 0x100, 0x4010_afab),
            (0x4c, 0, 0x4010_aeaf), (0x54, 0xffff, 0xaeab), (0x5c, 0, 8), (0x64, 4, 0x010a_eab0),
            (0x6c, 0, 0x0aea_b000), (0x74, 16, 0x4010), (0x7c, 0, 0x0004_010a),
            (0x84, 0, 0xbfef_5155), (0xa4, 0xff, 0x4010_ae54), (0xac, 0, 0x4010_aea7),
            (0x00, 3, 3), (0x80, 0, 64), (0x87, 0, 12),
        ] as [(UInt16, UInt32, UInt32)])
    func arithmetic(code: UInt16, operand: UInt32, result: UInt32) {
        #expect(
            accumulator(
                Self.statement(Self.load, 24), Self.statement(0x01, 12),
                Self.statement(code, operand)) == result)
    }

    @Test func divisionByZeroKills() {
        #expect(
            run(
                Self.statement(0x01, 0), Self.statement(0x00, 1), Self.statement(0x3c),
                Self.statement(Self.returnOperand, 0x7fff_0000)) == SeccompProgram.kill)
    }

    @Test func indexAndScratchMemory() {
        // 29 to M[3], 64 to M[15], and back the other way round.
        #expect(
            accumulator(
                Self.statement(Self.load, 0), Self.statement(0x02, 3), Self.statement(0x81),
                Self.statement(0x03, 15), Self.statement(0x61, 3), Self.statement(0x60, 15),
                Self.statement(0x1c)) == 64 - 29)
        #expect(
            accumulator(Self.statement(Self.load, 0), Self.statement(0x07), Self.statement(0x0c))
                == 58)
        #expect(run(Self.statement(0x60, 16)) == SeccompProgram.kill)
        #expect(run(Self.statement(0x02, 16)) == SeccompProgram.kill)
    }

    /// Compared with 0x4010aeab, in the accumulator.
    @Test(
        arguments: [
            (0x15, 0x4010_aeab, true), (0x15, 0x4010_aeac, false), (0x25, 0x4010_aeaa, true),
            (0x25, 0x4010_aeab, false), (0x35, 0x4010_aeab, true), (0x35, 0x4010_aeac, false),
            (0x45, 0x8000, true), (0x45, 0x4, false), (0x1d, 0, false), (0x2d, 0, true),
            (0x3d, 0, true), (0x4d, 0, true),
        ] as [(UInt16, UInt32, Bool)])
    func jumps(code: UInt16, operand: UInt32, isTrue: Bool) {
        #expect(
            run(
                Self.statement(Self.load, 24), Self.statement(0x01, 12),
                Self.statement(code, operand, 1, 2), Self.statement(Self.returnOperand, 1),
                Self.statement(Self.returnOperand, 2), Self.statement(Self.returnOperand, 3))
                == (isTrue ? 2 : 3))
    }

    @Test func jumpWithoutACondition() {
        #expect(
            run(
                Self.statement(0x05, 1), Self.statement(Self.returnOperand, 1),
                Self.statement(Self.returnOperand, 2)) == 2)
    }

    @Test(arguments: [0x28, 0x30, 0x40, 0xa0, 0x94, 0x9c, 0xb0, 0xffff] as [UInt16])
    func whatTheKernelWouldNotLetInKills(code: UInt16) {
        #expect(
            run(Self.statement(code), Self.statement(Self.returnOperand, 0x7fff_0000))
                == SeccompProgram.kill)
    }

    @Test func programsWithoutAnEndKill() {
        #expect(run() == SeccompProgram.kill)
        #expect(run(Self.statement(0x05, .max)) == SeccompProgram.kill)
    }

    /// SECCOMP_RET_* of `<linux/seccomp.h>`, with data in the low half.
    @Test(
        arguments: [
            (0x7fff_0000, true), (0x7ffc_0000, true), (0x7ffc_1234, true), (0x8000_0000, false),
            (0, false), (0x0003_0000, false), (0x0005_0001, false), (0x7fc0_0000, false),
            (0x7ff0_0000, false),
        ] as [(UInt32, Bool)])
    func onlyTwoResultsLetACallThrough(result: UInt32, isAllowed: Bool) {
        #expect(SeccompProgram.isAllowed(result) == isAllowed)
    }
}
