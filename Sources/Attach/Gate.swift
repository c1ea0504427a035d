internal import LinuxSystem

/// What a thread does when this program dies while another thread makes calls: it waits for that one.
///
/// A call for a vCPU waits for as long as a thread is inside `KVM_RUN` with it, which can be for ever.
/// So every other thread, while it is stopped, stands before a futex(2) that waits in the workspace, with
/// a signal frame behind it. While this program lives, no thread gets to that call. When it dies, the
/// calls are made while all others wait; then the workspace is removed and the futex woken. Who comes
/// too late for that finds no workspace (EFAULT), and no one waits in vain: waking takes the futex's
/// lock, under which waiting looks at the word (`futex_wait_setup` in `kernel/futex/waitwake.c`).
struct Gate {
    private let thread: TracedThread
    private let registers: ThreadRegisters

    /// Nil for a thread that has no room for a frame; it is left as it is.
    static func close(
        for thread: TracedThread, _ area: Range<UInt64>, _ injection: Injection,
        _ mappings: [ProcessFiles.Mapping]
    ) throws(Errno) -> Gate? {
        guard let registers = try thread.registers(),
            let held = try ChosenThread.candidate(thread, registers, mappings, room)
        else { return nil }
        let frame = SignalFrame(
            registers: held.registers, signalMask: held.signalMask, vectors: held.vectors
        ).words
        let start = held.top - UInt64(frame.count * 8)
        try injection.process.write(frame, at: start)
        try thread.setRegisters(
            injection.calling(
                SystemCall.futex, [word(in: area), wait, 0, 0], next: start, from: registers))
        return Gate(thread: thread, registers: registers)
    }

    /// Has the thread go on as if nothing had been.
    func open() throws(Errno) {
        try thread.setRegisters(registers)
    }

    /// The word of a workspace that is waited for; it is 0 for as long as it is there.
    static func word(in area: Range<UInt64>) -> UInt64 { area.upperBound - 8 }

    /// FUTEX_WAIT and FUTEX_WAKE with FUTEX_PRIVATE_FLAG.
    private static let wait: UInt64 = 0 | 128
    static let wake: UInt64 = 1 | 128
    static let everyone: UInt64 = 0x7fff_ffff
    private static let room: UInt64 = 8192
}
