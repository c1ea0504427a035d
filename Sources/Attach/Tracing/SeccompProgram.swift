/// A seccomp filter: the classic BPF program that the kernel runs for each system call of a thread.
///
/// The instructions are those that `seccomp_check_filter` of `kernel/seccomp.c` lets in, the data they
/// look at is `struct seccomp_data` (Documentation/userspace-api/seccomp_filter.rst).
package struct SeccompProgram: Hashable, Sendable {
    /// `struct sock_filter` in 64 bits: code (16 bits, lowest), two jump offsets (8 each), operand (32).
    package var instructions: [UInt64]

    package init(instructions: [UInt64]) {
        self.instructions = instructions
    }

    /// What a filter sees of a system call of arm64.
    package struct Data {
        /// The words of `struct seccomp_data`: number, architecture, address of the next instruction in
        /// two halves, then the six arguments in two halves each.
        fileprivate let words: [UInt32]

        package init(number: UInt64, arguments: [UInt64], returningTo address: UInt64) {
            let all = arguments.prefix(6) + Array(repeating: 0, count: max(0, 6 - arguments.count))
            words =
                [UInt32(truncatingIfNeeded: number), Self.arm64]
                + ([address] + all).flatMap {
                    [UInt32(truncatingIfNeeded: $0), UInt32(truncatingIfNeeded: $0 >> 32)]
                }
        }

        /// AUDIT_ARCH_AARCH64.
        private static let arm64: UInt32 = 0xc000_00b7
    }

    /// What the program returns; `kill` for one that the kernel would not have let in.
    package func run(on data: Data) -> UInt32 {
        var machine = Machine(data: data)
        while machine.counter < instructions.count {
            let instruction = Instruction(instructions[machine.counter])
            machine.counter += 1
            if let result = machine.execute(instruction) { return result }
        }
        return Self.kill
    }

    /// Whether a system call is made when filters return this, nobody else being asked.
    package static func isAllowed(_ result: UInt32) -> Bool {
        [allow, log].contains(result & actionMask)
    }

    // SECCOMP_RET_* of `include/uapi/linux/seccomp.h`.
    package static let kill: UInt32 = 0
    package static let log: UInt32 = 0x7ffc_0000
    package static let allow: UInt32 = 0x7fff_0000
    private static let actionMask: UInt32 = 0xffff_0000
}

private struct Instruction {
    let code: UInt16
    let jumpIfTrue: Int
    let jumpIfFalse: Int
    let operand: UInt32

    init(_ word: UInt64) {
        code = UInt16(truncatingIfNeeded: word)
        jumpIfTrue = Int(word >> 16 & 0xff)
        jumpIfFalse = Int(word >> 24 & 0xff)
        operand = UInt32(truncatingIfNeeded: word >> 32)
    }
}

/// The accumulator, the index and the sixteen words of scratch memory.
private struct Machine {
    let data: SeccompProgram.Data
    var counter = 0
    var accumulator: UInt32 = 0
    var index: UInt32 = 0
    var scratch = [UInt32](repeating: 0, count: 16)

    /// The result; nil while there is none.
    ///
    /// The codes are those of `include/uapi/linux/bpf_common.h`.
    mutating func execute(_ instruction: Instruction) -> UInt32? {
        let operand = instruction.operand
        switch instruction.code {
        case 0x20:
            guard operand % 4 == 0, let word = word(of: data.words, operand / 4) else {
                return SeccompProgram.kill
            }
            accumulator = word
        case 0x80: accumulator = Self.dataSize
        case 0x81: index = Self.dataSize
        case 0x00: accumulator = operand
        case 0x01: index = operand
        case 0x60, 0x61:
            guard let word = word(of: scratch, operand) else { return SeccompProgram.kill }
            if instruction.code == 0x60 { accumulator = word } else { index = word }
        case 0x02, 0x03:
            guard word(of: scratch, operand) != nil else { return SeccompProgram.kill }
            scratch[Int(operand)] = instruction.code == 0x02 ? accumulator : index
        case 0x06: return operand
        case 0x16: return accumulator
        case 0x07: index = accumulator
        case 0x87: accumulator = index
        default: return compute(instruction)
        }
        return nil
    }

    private func word(of words: [UInt32], _ place: UInt32) -> UInt32? {
        place < words.count ? words[Int(place)] : nil
    }

    /// Arithmetic and jumps, whose second operand is the index where the code has bit 3.
    private mutating func compute(_ instruction: Instruction) -> UInt32? {
        let other = instruction.code & 8 == 0 ? instruction.operand : index
        switch instruction.code & ~8 {
        case 0x04: accumulator &+= other
        case 0x14: accumulator &-= other
        case 0x24: accumulator &*= other
        case 0x34:
            // The kernel ends the program so.
            guard other != 0 else { return SeccompProgram.kill }
            accumulator /= other
        case 0x44: accumulator |= other
        case 0x54: accumulator &= other
        case 0x64: accumulator &<<= other
        case 0x74: accumulator &>>= other
        case 0x84: accumulator = 0 &- accumulator
        case 0xa4: accumulator ^= other
        case 0x05: counter += Int(instruction.operand)
        case 0x15: jump(instruction, accumulator == other)
        case 0x25: jump(instruction, accumulator > other)
        case 0x35: jump(instruction, accumulator >= other)
        case 0x45: jump(instruction, accumulator & other != 0)
        default: return SeccompProgram.kill
        }
        return nil
    }

    private mutating func jump(_ instruction: Instruction, _ isTrue: Bool) {
        counter += isTrue ? instruction.jumpIfTrue : instruction.jumpIfFalse
    }

    /// The bytes of `struct seccomp_data`.
    private static let dataSize: UInt32 = 64
}
