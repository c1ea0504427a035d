internal import CLinux
internal import LinuxSystem

/// The general registers of a thread.
struct ThreadRegisters: Hashable {
    /// X0 to X30, SP, PC and PSTATE.
    var words: [UInt64]

    static let sp = 31
    static let pc = 32
    static let pstate = 33
    static let count = 34

    /// PSTATE.BTYPE and PSTATE.SS, which belong to the instruction that comes next.
    private static let momentary: UInt64 = 3 << 10 | 1 << 21

    var sp: UInt64 { words[Self.sp] }
    var pc: UInt64 { words[Self.pc] }

    /// PSTATE for other code in the same thread.
    var pstateElsewhere: UInt64 { words[Self.pstate] & ~Self.momentary }

    /// Whether the thread has just been interrupted in `KVM_RUN`.
    var isOutOfKVMRun: Bool {
        words[8] == SystemCall.ioctl && words[1] == UInt64(CLINUX_KVM_RUN)
            && words[0] == UInt64(bitPattern: -Int64(Errno.interrupted.rawValue))
    }
}

/// A thread that this one traces; the calls are those of ptrace(2).
struct TracedThread: Hashable {
    let id: Int

    private var number: Int32 { Int32(truncatingIfNeeded: id) }

    func seize() throws(Errno) { try Errno.check(clinux_ptrace_seize(number)) }

    func interrupt() throws(Errno) { try Errno.check(clinux_ptrace_interrupt(number)) }

    func resume(signal: Int, toSystemCall: Bool) throws(Errno) {
        let resume = toSystemCall ? clinux_ptrace_to_system_call : clinux_ptrace_continue
        try Errno.check(resume(number, Int32(truncatingIfNeeded: signal)))
    }

    func detach(signal: Int) throws(Errno) {
        try Errno.check(clinux_ptrace_detach(number, Int32(truncatingIfNeeded: signal)))
    }

    /// Waits until the thread stops or is gone; nil when the time is up.
    func wait(milliseconds: Int) throws(Errno) -> clinux_stop? {
        var stop = clinux_stop()
        let limit = Int32(clamping: milliseconds)
        return try Errno.check(clinux_wait_for_stop(number, limit, &stop)) == 0 ? nil : stop
    }

    /// Has the kernel forget the thread if it has ended.
    func takeEnd() { clinux_take_end(number) }

    /// Has the thread not get the signal that it has stopped for should this program end.
    func forgetSignal() throws(Errno) { try Errno.check(clinux_forget_signal(number)) }

    /// The general registers; nil when the thread runs AArch32 code.
    func registers() throws(Errno) -> ThreadRegisters? {
        let words = try set(CLINUX_NT_PRSTATUS, words: ThreadRegisters.count + 1)
        return words.count == ThreadRegisters.count ? ThreadRegisters(words: words) : nil
    }

    func setRegisters(_ registers: ThreadRegisters) throws(Errno) {
        try change(CLINUX_NT_PRSTATUS, to: registers.words)
    }

    /// A register set as 64-bit words; a last partial word is filled with zero bits.
    func set(_ type: some BinaryInteger, words count: Int) throws(Errno) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: count)
        // SAFETY: the kernel writes at most as many bytes as the array has.
        let size = try Errno.check(clinux_ptrace_get_set(number, Int32(type), &words, count * 8))
        return Array(words.prefix((Int(size) + 7) / 8))
    }

    func change(_ type: some BinaryInteger, to words: [UInt64]) throws(Errno) {
        // SAFETY: the kernel reads as many bytes as the array has.
        try Errno.check(clinux_ptrace_set_set(number, Int32(type), words, words.count * 8))
    }

    /// The blocked signals: bit n stands for signal n + 1.
    func signalMask() throws(Errno) -> UInt64 {
        var mask: UInt64 = 0
        try Errno.check(clinux_ptrace_get_mask(number, &mask))
        return mask
    }

    func setSignalMask(_ mask: UInt64) throws(Errno) {
        try Errno.check(clinux_ptrace_set_mask(number, mask))
    }

    /// Has the kernel repeat no system call when the thread goes on.
    func forgetSystemCall() throws(Errno) {
        var none: Int32 = -1
        // SAFETY: the kernel reads the four bytes of the number.
        try Errno.check(clinux_ptrace_set_set(number, Int32(CLINUX_NT_ARM_SYSTEM_CALL), &none, 4))
    }

    /// Where its `struct rseq` is; nil when it has none.
    func restartableSequences() -> UInt64? {
        let address = clinux_ptrace_get_rseq(number)
        return address == 0 ? nil : address
    }

    /// Sends the thread a signal, which waits while the thread blocks it.
    func send(_ signal: Int, process: Int) throws(Errno) {
        try Errno.check(
            clinux_signal_thread(
                Int32(truncatingIfNeeded: process), number, Int32(truncatingIfNeeded: signal)))
    }

    /// The signal that it has stopped for.
    func signal() throws(Errno) -> CaughtSignal {
        var words = [UInt64](repeating: 0, count: Int(CLINUX_SIGNAL_WORDS))
        // SAFETY: the kernel writes a siginfo_t, of 128 bytes.
        try Errno.check(clinux_ptrace_get_signal(number, &words))
        return CaughtSignal(information: words)
    }

    /// Its seccomp filters, newest first.
    /// - Throws: `EINVAL` when it has none, or the kernel cannot tell; `EACCES` without CAP_SYS_ADMIN, or
    ///   when this program has filters itself.
    func filters() throws(Errno) -> [SeccompProgram] {
        var programs: [SeccompProgram] = []
        while true {
            do throws(Errno) {
                programs.append(try filter(UInt64(programs.count)))
            } catch {
                guard error == .noEntry, !programs.isEmpty else { throw error }
                return programs
            }
        }
    }

    private func filter(_ index: UInt64) throws(Errno) -> SeccompProgram {
        var words = [UInt64](repeating: 0, count: Self.longestFilter)
        // SAFETY: the kernel writes an instruction, of eight bytes, for each it returns: at most that many.
        let count = try Errno.check(clinux_ptrace_get_filter(number, index, &words))
        return SeccompProgram(instructions: Array(words.prefix(Int(count))))
    }

    /// BPF_MAXINSNS.
    private static let longestFilter = 4096

    func poke(_ word: UInt64, at address: UInt64) throws(Errno) {
        try Errno.check(clinux_ptrace_poke(number, address, word))
    }
}

/// A signal that a thread stopped for instead of getting it.
struct CaughtSignal: Hashable {
    /// `siginfo_t`.
    var information: [UInt64]

    var number: Int { Int(UInt32(truncatingIfNeeded: information[0])) }

    /// What stands for a signal in a mask.
    static func bit(_ signal: Int) -> UInt64 { 1 << (signal - 1) }

    private var code: Int32 { Int32(truncatingIfNeeded: information[1]) }

    /// Whether the thread's own instruction is the cause, not somebody who has sent it.
    ///
    /// Only the kernel's codes are above zero. Of those one is of memory that nobody has used yet.
    var isFault: Bool {
        Self.faults.contains(number) && code > 0
            && !(number == Self.busError && code == Self.unusedMemory)
    }

    /// Whether this program has sent it, by tgkill(2).
    ///
    /// To a process of another pid namespace it has no id.
    var isOwn: Bool {
        let sender = Int32(truncatingIfNeeded: information[2])
        return code == Self.sentToThread && (sender == clinux_process_id() || sender == 0)
    }

    private static let busError = 7
    // SI_TKILL and BUS_MCEERR_AO of <asm-generic/siginfo.h>.
    private static let sentToThread: Int32 = -6
    private static let unusedMemory: Int32 = 5

    /// SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV and SIGSYS: the kernel's ways to say that an
    /// instruction cannot be.
    static let faults: Set<Int> = [4, 5, 6, 7, 8, 11, 31]
}

/// The memory of another process.
struct ProcessMemory {
    let process: Int

    private var number: Int32 { Int32(truncatingIfNeeded: process) }

    /// Reads whole words; `EFAULT` unless all of them are there.
    func read(_ count: Int, at address: UInt64) throws(Errno) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: count)
        // SAFETY: process_vm_readv(2) writes at most as many bytes as the array has.
        let done = try Errno.check(clinux_read_memory(number, address, &words, count * 8))
        guard done == count * 8 else { throw .badAddress }
        return words
    }

    /// Writes whole words; `EFAULT` unless all of them were written.
    func write(_ words: [UInt64], at address: UInt64) throws(Errno) {
        // SAFETY: process_vm_writev(2) reads at most as many bytes as the array has.
        let done = try Errno.check(
            clinux_write_memory(number, address, words, words.count * 8))
        guard done == words.count * 8 else { throw .badAddress }
    }
}
