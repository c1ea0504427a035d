/// What a thread was stopped in, by how little it matters to it that it makes calls of ours: best first.
enum StopContext: Comparable {
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
            let descriptor = try? memory.read(1, at: own &+ 8)[0], descriptor != 0,
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
