internal import CLinux
internal import LinuxSystem

/// Calls made by a thread of a stopped process.
///
/// The thread's registers are only ever changed to states from which it comes back to what it was by
/// itself: behind each call is a chain of signal frames, which rt_sigreturn(2) takes one by one, and
/// which undo what was done and end with the registers, the signal mask and the vectors of before. So
/// the process goes on unharmed when this one dies, at whatever instant: the kernel then detaches, and
/// the thread runs to the end of its chain. What announces a result is a signal that is ignored by default.
///
/// Single-stepping would be no such state: a thread whose tracer dies takes the next SIGTRAP itself.
struct Injection {
    let process: ProcessMemory
    let code: ExistingCode
    let chosen: ChosenThread
    /// The thread and its process as they call themselves in their pid namespace.
    let own: (process: UInt64, thread: UInt64)
    /// What the thread announces results with.
    let signal: Int

    var thread: TracedThread { chosen.thread }

    /// - Parameter status: of the thread, from `/proc`.
    init(
        into chosen: ChosenThread, _ code: ExistingCode, _ process: ProcessMemory,
        status: [Substring: Substring]
    ) {
        self.chosen = chosen
        self.code = code
        self.process = process
        own = (
            Self.innermost(status["NStgid"], process.process),
            Self.innermost(status["NSpid"], chosen.thread.id)
        )
        signal = Self.quietSignal(caught: status["SigCgt"] ?? "")
    }

    /// The ids of nested pid namespaces, outermost first.
    private static func innermost(_ ids: Substring?, _ outer: Int) -> UInt64 {
        UInt64(ids?.split(separator: "\t").last ?? "") ?? UInt64(outer)
    }

    /// SIGURG, SIGWINCH or SIGCHLD, which do nothing by default: one that the process does not catch.
    private static func quietSignal(caught: Substring) -> Int {
        let mask = UInt64(caught, radix: 16) ?? 0
        return [23, 28, 17].first { mask >> UInt64($0 - 1) & 1 == 0 } ?? 23
    }

    /// All signals but the one that announces.
    var quietMask: UInt64 { ~(1 << UInt64(signal - 1)) }

    // MARK: States

    /// The registers in a system call whose return leads to the frame at `next`.
    func calling(
        _ number: UInt64, _ arguments: [UInt64], next: UInt64, from before: ThreadRegisters? = nil
    ) -> ThreadRegisters {
        var registers = elsewhere(at: code.systemCall, next: next, from: before)
        for (index, argument) in arguments.enumerated() { registers.words[index] = argument }
        registers.words[8] = number
        return registers
    }

    /// The registers before the first instruction at `address`, whose return leads to the frame at `next`.
    /// - Parameter before: the thread's registers; nil for those of the thread that makes the calls.
    func elsewhere(
        at address: UInt64, next: UInt64, from before: ThreadRegisters? = nil
    ) -> ThreadRegisters {
        let before = before ?? chosen.registers
        var registers = before
        registers.words[30] = code.trampoline
        registers.words[ThreadRegisters.sp] = next
        registers.words[ThreadRegisters.pc] = address
        registers.words[ThreadRegisters.pstate] = before.pstateElsewhere
        return registers
    }

    /// The end of the chain's own announcement.
    var announced: Awaited { .announcement(at: code.systemCall + 4) }

    var announcing: [UInt64] { [own.process, own.thread, UInt64(signal)] }

    /// The frame that makes the thread what it was.
    var lastFrame: SignalFrame {
        SignalFrame(
            registers: chosen.registers, signalMask: chosen.signalMask, vectors: chosen.vectors)
    }

    func frame(_ registers: ThreadRegisters) -> SignalFrame {
        SignalFrame(registers: registers, signalMask: quietMask, vectors: chosen.vectors.short)
    }

    /// Makes the thread what it was, at once.
    ///
    /// Each step on the way is one from which its chain leads there too, so the general registers come last.
    func putBack() throws(Errno) {
        if let sve = chosen.vectors.sve { try thread.change(CLINUX_NT_ARM_SVE, to: sve) }
        try thread.setSignalMask(chosen.signalMask)
        try thread.forgetSystemCall()
        try thread.setRegisters(chosen.registers)
    }

    /// Whether the thread has again what it had.
    func isAsBefore() throws(Errno) -> Bool {
        guard try thread.registers() == chosen.registers,
            try thread.signalMask() == chosen.signalMask
        else { return false }
        let simd = try thread.set(CLINUX_NT_PRFPREG, words: 66)
        guard Array(simd.prefix(65)) == chosen.vectors.simd else { return false }
        guard let sve = chosen.vectors.sve else { return true }
        return try thread.set(CLINUX_NT_ARM_SVE, words: sve.count) == sve
    }
}

/// What the thread in which calls are made does next.
enum Awaited {
    /// It sends itself the quiet signal by the call that ends at this address.
    case announcement(at: UInt64)
    case systemCall
}

extension StoppedThreads {
    /// Lets the thread run until it announces a result, or enters or leaves a system call.
    mutating func run(_ injection: Injection, until awaited: Awaited) throws(AttachError) {
        let id = injection.thread.id
        while true {
            try resume(injection.thread, until: awaited)
            guard let stop = try next(id) else { throw error(.targetExited) }
            let signal = Int(stop.signal)
            switch (UInt32(stop.kind), awaited) {
            case (CLINUX_STOP_SYSCALL.rawValue, .systemCall): return
            case (CLINUX_STOP_SIGNAL.rawValue, .announcement(let end))
            where signal == injection.signal:
                // Somebody else's does nothing, as if there were no tracer.
                if try isAt(end, injection.thread) { return }
            case (CLINUX_STOP_SIGNAL.rawValue, _) where Self.faults.contains(signal):
                try? injection.putBack()
                throw error(.injectionFailed(signal: signal))
            // Only SIGSTOP cannot be blocked; and a SIGCONT to the process shows as an event.
            case (CLINUX_STOP_SIGNAL.rawValue, _) where signal != injection.signal:
                owe(signal, to: id)
            default: continue
            }
        }
    }

    private func isAt(_ address: UInt64, _ thread: TracedThread) throws(AttachError) -> Bool {
        try perform("look at the thread") { () throws(Errno) in
            try thread.registers()?.pc == address
        }
    }

    private func resume(_ thread: TracedThread, until awaited: Awaited) throws(AttachError) {
        do throws(Errno) {
            switch awaited {
            case .announcement: try thread.resume()
            case .systemCall: try thread.resumeToSystemCall()
            }
        } catch {
            throw self.error(error == .noProcess ? .targetExited : .call("PTRACE_CONT", error))
        }
    }

    /// SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV and SIGSYS.
    private static let faults: Set<Int> = [4, 5, 6, 7, 8, 11, 31]
}
