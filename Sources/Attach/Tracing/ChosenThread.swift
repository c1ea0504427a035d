internal import CLinux
internal import LinuxSystem

/// A stopped thread in which calls can be made, and what it was when it stopped.
struct ChosenThread {
    var thread: TracedThread
    var registers: ThreadRegisters
    var signalMask: UInt64
    var vectors: VectorState
    var filter: CallFilter
    /// The mapping its stack pointer is in.
    var stack: Range<UInt64>

    /// Free memory below the stack pointer that ends at this address, at a distance.
    ///
    /// The procedure call standard (AAPCS64) lets nothing live below the stack pointer.
    var top: UInt64 { (registers.sp - Self.distance) & ~15 }

    private static let distance: UInt64 = 512
}

extension ChosenThread {
    /// A thread that has `room` bytes below its stack pointer; nil for another, or one whose state cannot
    /// be put back.
    static func candidate(
        _ thread: TracedThread, _ registers: ThreadRegisters, _ filter: CallFilter,
        _ mappings: [ProcessFiles.Mapping], _ room: UInt64
    ) throws(Errno) -> ChosenThread? {
        guard let stack = mappings.first(where: { $0.range.contains(registers.sp) }),
            stack.isWritable, registers.sp - stack.range.lowerBound > room + distance + 16,
            let vectors = try vectors(of: thread), vectors.fits
        else { return nil }
        return ChosenThread(
            thread: thread, registers: registers, signalMask: try thread.signalMask(),
            vectors: vectors, filter: filter, stack: stack.range)
    }

    /// Nil in streaming mode, whose state a signal frame of ours cannot put back, and with a guarded
    /// control stack, with which rt_sigreturn takes no frames but the kernel's.
    private static func vectors(of thread: TracedThread) throws(Errno) -> VectorState? {
        let simd = try thread.set(CLINUX_NT_PRFPREG, words: 66)
        guard simd.count == 66 else { return nil }
        if let streaming = try? thread.set(CLINUX_NT_ARM_SSVE, words: 2), isLive(streaming) {
            return nil
        }
        if let guarded = try? thread.set(CLINUX_NT_ARM_GCS, words: 3),
            (guarded.first ?? 0) & 1 != 0
        {
            return nil
        }
        // Threads that are in a system call have nothing beyond V0 to V31 (Documentation/arch/arm64/sve.rst).
        guard let header = try? thread.set(CLINUX_NT_ARM_SVE, words: 2), isLive(header) else {
            return VectorState(simd: Array(simd.prefix(65)), sve: nil)
        }
        let size = Int(header[0] & 0xffff_ffff)
        guard 16...longestSVE ~= size else { return nil }
        let sve = try thread.set(CLINUX_NT_ARM_SVE, words: (size + 7) / 8)
        guard sve.count == (size + 7) / 8 else { return nil }
        return VectorState(simd: Array(simd.prefix(65)), sve: sve)
    }

    /// In bytes: far above the state of vectors for which a signal frame has room.
    private static let longestSVE = 1 << 16

    /// SVE_PT_REGS_SVE in the flags of `struct user_sve_header`.
    private static func isLive(_ header: [UInt64]) -> Bool {
        header.count == 2 && header[1] >> 32 & 1 != 0
    }
}
