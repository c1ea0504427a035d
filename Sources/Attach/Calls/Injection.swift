internal import CLinux
internal import LinuxSystem

/// Calls made by a thread of a stopped process.
///
/// The thread's registers are only ever changed to states from which it comes back to what it was by
/// itself: behind each call is a chain of signal frames, which rt_sigreturn(2) takes one by one, and
/// which undo what was done and end with the registers, the signal mask and the vectors of before. So
/// the process goes on unharmed when this one dies, at whatever instant: the kernel then detaches, and
/// the thread runs to the end of its chain.
///
/// What stops the thread where results are to be read is a signal that it is sent before it runs, that
/// is blocked until the frame there unblocks it, and that does nothing by default. So that takes no call
/// that a filter could forbid. Single-stepping would be no such state: a thread whose tracer dies takes
/// the next SIGTRAP itself.
struct Injection {
    let process: ProcessMemory
    let code: ExistingCode
    let chosen: ChosenThread
    /// What stops the thread.
    let signal: Int
    /// The signals that are blocked on the way.
    ///
    /// All but those by which the kernel says that the code itself is at fault: blocked, such a one would have
    /// the process's own handler taken away. One that the thread blocks itself stays blocked, for it is
    /// another thread's, or waited for.
    let blocked: UInt64
    /// The size in bytes of a frame on the way.
    let frameSize: UInt64

    var thread: TracedThread { chosen.thread }

    /// - Parameter caught: the signals that the process catches, as `/proc` writes them.
    init(
        into chosen: ChosenThread, _ code: ExistingCode, _ process: ProcessMemory,
        caught: Substring
    ) {
        self.chosen = chosen
        self.code = code
        self.process = process
        signal = Self.quietSignal(
            caught: UInt64(caught, radix: 16) ?? 0, blocked: chosen.signalMask)
        blocked = chosen.signalMask | ~CaughtSignal.faults.reduce(0) { $0 | CaughtSignal.bit($1) }
        let frame = SignalFrame(
            registers: chosen.registers, signalMask: blocked, vectors: chosen.vectors.short)
        frameSize = UInt64(frame.words.count * 8)
    }

    /// SIGURG, SIGWINCH or SIGCHLD, which do nothing by default: one that the process does not catch, and
    /// does not wait for either (which takes blocking it) if there is such a one.
    private static func quietSignal(caught: UInt64, blocked: UInt64) -> Int {
        func isIn(_ mask: UInt64, _ signal: Int) -> Bool { mask & CaughtSignal.bit(signal) != 0 }
        let free = [23, 28, 17].filter { !isIn(caught, $0) }
        return free.first { !isIn(blocked, $0) } ?? free.first ?? 23
    }

    /// Whether the thread's filter lets it make a call.
    func allows(_ call: SystemCall) -> Bool {
        chosen.filter.allows(call, returningTo: code.behindSystemCall)
    }

    /// The calls of a batch that it lets it make.
    func allowed(of batch: CallBatch) -> [Int] {
        (0..<batch.count).filter {
            chosen.filter == .none || allows(batch.call($0, at: chosen.top))
        }
    }

    // MARK: States

    /// The registers in a system call whose return leads to the frame at `next`.
    /// - Parameter before: the thread's registers; nil for those of the thread that makes the calls.
    func calling(
        _ call: SystemCall, next: UInt64, from before: ThreadRegisters? = nil
    ) -> ThreadRegisters {
        var registers = elsewhere(at: code.systemCall, next: next, from: before)
        for (index, argument) in call.arguments.enumerated() { registers.words[index] = argument }
        registers.words[8] = call.number
        return registers
    }

    /// The registers before the first instruction at `address`, whose return leads to the frame at `next`.
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

    /// The frame that makes the thread what it was.
    var lastFrame: SignalFrame {
        SignalFrame(
            registers: chosen.registers, signalMask: chosen.signalMask, vectors: chosen.vectors)
    }

    /// A frame on the way.
    func frame(_ registers: ThreadRegisters, isAnnounced: Bool) -> SignalFrame {
        SignalFrame(
            registers: registers,
            signalMask: isAnnounced ? blocked & ~CaughtSignal.bit(signal) : blocked,
            vectors: chosen.vectors.short)
    }

    /// Puts the thread where calls begin, with the signals that are not to come blocked.
    func stand(at start: ThreadRegisters) throws(Errno) {
        try thread.setRegisters(start)
        try thread.setSignalMask(blocked)
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
    /// It takes the frame of a step that is announced.
    case announcement(ThreadRegisters)
    /// It enters or leaves a system call.
    case systemCall
}

extension StoppedThreads {
    /// Sets the thread's registers, and lets it run until it comes to a step that is announced.
    mutating func run(
        _ injection: Injection, from start: ThreadRegisters, to end: ThreadRegisters
    ) throws(AttachError) {
        try perform("start the calls", try injection.thread.setRegisters(start))
        try run(injection, to: end)
    }

    /// Lets the thread go on until it comes to a step that is announced.
    mutating func run(_ injection: Injection, to end: ThreadRegisters) throws(AttachError) {
        do throws(Errno) {
            try injection.thread.setSignalMask(injection.blocked)
            try announce(injection.signal, to: injection.thread)
        } catch {
            throw failure("send it a signal", error)
        }
        try run(injection, until: .announcement(end))
    }

    /// Lets the thread run until it is where it is awaited.
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
                if try isAt(end, injection.thread) { return }
            case (CLINUX_STOP_SIGNAL.rawValue, _) where signal != injection.signal:
                try postpone(injection.thread)
            default: continue
            }
        }
    }

    /// Has the kernel keep a signal that was sent to a thread, and is like those that faulty code has.
    ///
    /// The thread goes on with it, and a signal that is blocked then waits again, as it was sent
    /// (`ptrace_signal` in `kernel/signal.c`): until the next frame unblocks it, and at last until the
    /// thread is what it was. So it is never in our hands alone, and not lost if we die. SIGSTOP, which
    /// cannot be blocked, stops the process as soon as it is let go.
    private mutating func postpone(_ thread: TracedThread) throws(AttachError) {
        let signal = try perform("look at a signal", try thread.signal())
        if signal.isFault {
            dropSignal(of: thread)
            throw error(.injectionFailed(signal: signal.number))
        }
        let mask = try perform("keep a signal", try thread.signalMask())
        try perform(
            "keep a signal", try thread.setSignalMask(mask | CaughtSignal.bit(signal.number)))
    }

    private func isAt(
        _ place: ThreadRegisters, _ thread: TracedThread
    ) throws(AttachError) -> Bool {
        let now = try perform("look at the thread", try thread.registers())
        return now?.pc == place.pc && now?.sp == place.sp
    }

    private mutating func resume(
        _ thread: TracedThread, until awaited: Awaited
    ) throws(AttachError) {
        let toSystemCall = if case .systemCall = awaited { true } else { false }
        do throws(Errno) {
            try resume(thread, toSystemCall: toSystemCall)
        } catch {
            throw failure("PTRACE_CONT", error)
        }
    }

    /// Names the step in which a call failed.
    @discardableResult
    func perform<Result>(
        _ step: String, _ work: @autoclosure () throws(Errno) -> Result
    ) throws(AttachError) -> Result {
        try Errno.translating(try work()) { failure(step, $0) }
    }

    private func failure(_ step: String, _ errno: Errno) -> AttachError {
        error(errno == .noProcess ? .targetExited : .call(step, errno))
    }
}
