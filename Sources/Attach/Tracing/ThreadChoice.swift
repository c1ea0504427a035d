internal import CLinux
internal import LinuxSystem

/// Code that is in the process anyway.
struct ExistingCode: Hashable {
    /// `mov x8, #139; svc #0`, rt_sigreturn: the kernel puts it into every process (vdso).
    var trampoline: UInt64
    /// `svc #0; ret`.
    var systemCall: UInt64

    /// Where a call made there returns to.
    var behindSystemCall: UInt64 { systemCall + 4 }

    fileprivate static let supervisorCall: UInt32 = 0xd400_0001
    private static let moveNumber: UInt32 = 0xd280_1168
    private static let goBack: UInt32 = 0xd65f_03c0

    /// Nil when it has not both.
    init?(in memory: ProcessMemory, _ mappings: [ProcessFiles.Mapping]) {
        let executable = mappings.filter { $0.isExecutable }
        // The vdso, which is small, has both on every kernel so far.
        let ordered =
            executable.filter { $0.name == "[vdso]" } + executable.filter { $0.name != "[vdso]" }
        var trampoline: UInt64?
        var systemCall: UInt64?
        for mapping in ordered {
            let code = Self.instructions(in: mapping, memory)
            trampoline =
                trampoline
                ?? Self.find(Self.moveNumber, Self.supervisorCall, code, mapping.range.lowerBound)
            systemCall =
                systemCall
                ?? Self.find(Self.supervisorCall, Self.goBack, code, mapping.range.lowerBound)
            if let trampoline, let systemCall {
                self.trampoline = trampoline
                self.systemCall = systemCall
                return
            }
        }
        return nil
    }

    private static func instructions(
        in mapping: ProcessFiles.Mapping, _ memory: ProcessMemory
    ) -> [UInt64] {
        let size = min(mapping.range.upperBound - mapping.range.lowerBound, mostSearched)
        return (try? memory.read(Int(size / 8), at: mapping.range.lowerBound)) ?? []
    }

    private static func find(
        _ first: UInt32, _ second: UInt32, _ code: [UInt64], _ base: UInt64
    ) -> UInt64? {
        var previous: UInt32 = 0
        for (index, word) in code.enumerated() {
            let low = UInt32(truncatingIfNeeded: word)
            let high = UInt32(truncatingIfNeeded: word >> 32)
            if previous == first, low == second { return base + UInt64(index * 8) - 4 }
            if low == first, high == second { return base + UInt64(index * 8) }
            previous = high
        }
        return nil
    }

    private static let mostSearched: UInt64 = 1 << 24
}

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

/// What a thread was stopped in, by how little it matters to it that it makes calls of ours: best first.
enum Interrupted: Int, Comparable {
    /// `KVM_RUN`, which says EINTR to its caller: every VMM expects that.
    case runOfVCPU
    /// The program's own code, or the end of a system call.
    case program
    /// A system call that will be made again.
    case call
    /// A wait for a time from when the call is made: made again, it would wait longer.
    case relativeWait
    /// Such a wait, interrupted before. The kernel knows when it ends, and forgets that upon rt_sigreturn(2):
    /// the wait would then end with EINTR.
    case resumedWait
    /// A restartable sequence (rseq(2)), which the kernel begins anew when the thread goes on. If it went
    /// elsewhere first, it would not.
    case sequence

    static func < (left: Interrupted, right: Interrupted) -> Bool { left.rawValue < right.rawValue }

    init(_ thread: TracedThread, _ registers: ThreadRegisters, _ memory: ProcessMemory) {
        guard !registers.isOutOfKVMRun else {
            self = .runOfVCPU
            return
        }
        // The kernel has put the program counter back to the instruction of a call it will repeat.
        let aligned = registers.pc & ~7
        let word = try? memory.read(1, at: aligned)[0]
        let instruction = word.map {
            UInt32(truncatingIfNeeded: $0 >> ((registers.pc - aligned) * 8))
        }
        if let instruction, instruction != ExistingCode.supervisorCall {
            let isInSequence = Self.isInSequence(thread, registers.pc, memory)
            self = isInSequence ? .sequence : .program
        } else if registers.words[8] == SystemCall.restart.number {
            self = .resumedWait
        } else {
            self = registers.isRelativeWait ? .relativeWait : .call
        }
    }

    /// `struct rseq` has the address of `struct rseq_cs` in word 1; that has the start of the sequence in
    /// word 1 and its size in word 2 (`include/uapi/linux/rseq.h`).
    private static func isInSequence(
        _ thread: TracedThread, _ address: UInt64, _ memory: ProcessMemory
    ) -> Bool {
        guard let own = thread.restartableSequences(),
            let descriptor = try? memory.read(1, at: own + 8)[0], descriptor != 0,
            let sequence = try? memory.read(3, at: descriptor)
        else { return false }
        return address &- sequence[1] < sequence[2]
    }
}

extension ThreadRegisters {
    /// Whether the system call they are about to make waits for a time from then.
    fileprivate var isRelativeWait: Bool {
        switch words[8] {
        case SystemCall.nanosleep: true
        // Flags that are not TIMER_ABSTIME.
        case SystemCall.clockNanosleep: words[1] & 1 == 0
        // FUTEX_WAIT, whatever its flags, with a time.
        case SystemCall.futex: words[1] & 0x7f == 0 && words[3] != 0
        default: false
        }
    }
}

/// The threads of a stopped process, to choose one from.
struct ThreadChoice {
    let threads: [(thread: TracedThread, filter: CallFilter)]
    let code: ExistingCode
    let memory: ProcessMemory
    let mappings: [ProcessFiles.Mapping]

    /// The best thread that may make all the calls; nil when there is none with room on its stack.
    func best(making calls: [SystemCall]) throws(Errno) -> ChosenThread? {
        var best: (ChosenThread, Interrupted)?
        for (thread, filter) in threads {
            guard let registers = try thread.registers() else { throw .notExecutable }
            let interrupted = Interrupted(thread, registers, memory)
            if let best, best.1 <= interrupted { continue }
            guard forbidden(of: calls, by: filter).isEmpty,
                let chosen = try ChosenThread.candidate(
                    thread, registers, filter, mappings, StackCalls.room)
            else { continue }
            best = (chosen, interrupted)
            if interrupted == .runOfVCPU { break }
        }
        return best?.0
    }

    /// Those of some calls that the thread which may make most of them may not make.
    func leastForbidden(of calls: [SystemCall]) -> [SystemCall] {
        threads.map { forbidden(of: calls, by: $0.filter) }.min { $0.count < $1.count } ?? []
    }

    private func forbidden(of calls: [SystemCall], by filter: CallFilter) -> [SystemCall] {
        filter == .none
            ? [] : calls.filter { !filter.allows($0, returningTo: code.behindSystemCall) }
    }
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
        if let streaming = try? thread.set(CLINUX_NT_ARM_SSVE, words: 2), isLive(streaming) {
            return nil
        }
        if let guarded = try? thread.set(CLINUX_NT_ARM_GCS, words: 3), guarded[0] & 1 != 0 {
            return nil
        }
        // Threads that are in a system call have nothing beyond V0 to V31 (Documentation/arch/arm64/sve.rst).
        guard let header = try? thread.set(CLINUX_NT_ARM_SVE, words: 2), isLive(header) else {
            return VectorState(simd: Array(simd.prefix(65)), sve: nil)
        }
        let size = Int(header[0] & 0xffff_ffff)
        let sve = try thread.set(CLINUX_NT_ARM_SVE, words: (size + 7) / 8)
        return VectorState(simd: Array(simd.prefix(65)), sve: sve)
    }

    /// SVE_PT_REGS_SVE in the flags of `struct user_sve_header`.
    private static func isLive(_ header: [UInt64]) -> Bool {
        header.count == 2 && header[1] >> 32 & 1 != 0
    }
}
