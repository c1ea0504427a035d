internal import CLinux

/// A signal frame that no signal made: rt_sigreturn(2) takes all of a thread's registers from it.
///
/// The layout is `struct rt_sigframe` of `arch/arm64/kernel/signal.c`, with `struct ucontext` and
/// `struct sigcontext` of `arch/arm64/include/uapi/asm`: 128 bytes of siginfo, the context, and a list
/// of records with the vector registers, of which `fpsimd_context` must be there.
struct SignalFrame {
    var registers: ThreadRegisters
    var signalMask: UInt64
    var vectors: VectorState

    /// The frame in memory; its size is a multiple of 16.
    var words: [UInt64] {
        var words = [UInt64](repeating: 0, count: Self.recordsAt)
        words[Self.stackFlagsAt] = Self.keepSignalStack
        words[Self.maskAt] = signalMask
        for (offset, word) in registers.words.enumerated() {
            words[Self.registersAt + offset] = word
        }
        return words + vectors.records + [0, 0]
    }

    /// Where X0 is in a frame, in bytes.
    static let firstRegisterOffset = UInt64(CLINUX_FRAME_REGISTERS)

    // In words of eight bytes.
    private static let stackFlagsAt = Int(CLINUX_FRAME_STACK_FLAGS) / 8
    private static let maskAt = Int(CLINUX_FRAME_SIGNAL_MASK) / 8
    private static let registersAt = Int(CLINUX_FRAME_REGISTERS) / 8
    private static let recordsAt = Int(CLINUX_FRAME_RECORDS) / 8

    /// Flags that sigaltstack(2) refuses: rt_sigreturn then leaves the thread's signal stack alone
    /// (`restore_altstack` in `kernel/signal.c` passes on no error but EFAULT).
    private static let keepSignalStack: UInt64 = 0x7fff_ffff
}

/// The vector registers of a thread.
struct VectorState: Hashable {
    /// NT_PRFPREG: V0 to V31, then FPSR and FPCR in one word.
    var simd: [UInt64]
    /// NT_ARM_SVE, when the registers are longer than V0 to V31 shows.
    var sve: [UInt64]?

    /// The same without what is beyond V0 to V31.
    var short: VectorState { VectorState(simd: simd, sve: nil) }

    /// `fpsimd_context` and, where it takes one, `sve_context`.
    var records: [UInt64] {
        let head = Self.fpsimdMagic | Self.fpsimdSize << 32
        return [head, simd[Self.statusAt]] + simd[..<Self.statusAt] + (sveRecord ?? [])
    }

    /// Whether the records fit in a frame without an `extra_context`.
    var fits: Bool { records.count * 8 + 16 <= Self.room }

    private var sveRecord: [UInt64]? {
        guard let sve else { return nil }
        let length = Int(sve[1] & 0xffff)
        // Z0 to Z31, P0 to P15 and FFR follow a header of 16 bytes in both places.
        let size = 16 + 32 * length + 17 * length / 8
        let padded = (size + 15) / 16 * 16
        var payload = Array(sve.dropFirst(2).prefix((size - 16 + 7) / 8))
        payload += Array(repeating: 0, count: padded / 8 - 2 - payload.count)
        return [Self.sveMagic | UInt64(padded) << 32, UInt64(length)] + payload
    }

    static let statusAt = 64
    private static let fpsimdMagic = UInt64(CLINUX_FPSIMD_MAGIC)
    private static let fpsimdSize = UInt64(CLINUX_FPSIMD_SIZE)
    private static let sveMagic = UInt64(CLINUX_SVE_MAGIC)
    private static let room = 4096
}
