internal import LinuxSystem

/// What a thread does when this program dies while another thread makes calls: it waits for that one.
///
/// A call for a vCPU waits for as long as a thread is inside `KVM_RUN` with it, which can be for ever.
/// So every other thread, while it is stopped, stands before a futex(2) that waits at a word, with
/// a signal frame behind it. While this program lives, no thread gets to that call. When it dies, the
/// calls are made while all others wait; then the word is changed or its memory removed, and the futex
/// woken. Who comes too late for that finds another word (EAGAIN) or none (EFAULT), and no one waits in
/// vain: waking takes the futex's lock, under which waiting looks at the word (`futex_wait_setup` in
/// `kernel/futex/waitwake.c`).
struct Gate {
    private let held: ChosenThread

    /// Nil for a thread that has no room for a frame, or whose filter forbids a gate, or which was stopped
    /// in what a gate would have it forget; it is left as it is.
    static func close(
        for thread: TracedThread, filter: CallFilter, until word: (address: UInt64, value: UInt32),
        _ injection: Injection, _ mappings: [ProcessFiles.Mapping]
    ) throws(Errno) -> Gate? {
        let wait = SystemCall.wait(while: word.address, is: word.value)
        let behind = injection.code.behindSystemCall
        guard filter.allows(wait, returningTo: behind),
            filter.allows(.signalReturn, returningTo: behind),
            let registers = try thread.registers(),
            StopContext(thread, registers, injection.process) < .relativeWait,
            let held = try ChosenThread.candidate(thread, registers, filter, mappings, room)
        else { return nil }
        let frame = SignalFrame(
            registers: held.registers, signalMask: held.signalMask, vectors: held.vectors
        ).words
        let start = held.top - UInt64(frame.count * 8)
        try injection.process.write(frame, at: start)
        try thread.setRegisters(injection.calling(wait, next: start, from: registers))
        // A signal with a handler would end the waiting. The frame gives the mask back.
        try thread.setSignalMask(~0)
        return Gate(held: held)
    }

    /// Has the thread go on as if nothing had been.
    func open() throws(Errno) {
        try held.thread.setSignalMask(held.signalMask)
        try held.thread.setRegisters(held.registers)
    }

    private static let room: UInt64 = 8192
}
