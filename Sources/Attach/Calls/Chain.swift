/// Signal frames in memory, one behind the other, each of which leads to the next and the last to what is
/// behind them.
///
/// A thread comes to a frame with the stack pointer at it and the return address at rt_sigreturn(2). It
/// takes the frame's registers, makes the frame's call, and returns to the next one.
struct Chain {
    struct Step {
        /// Nil to go on at once.
        var call: SystemCall?
        /// Whether the thread comes to a stop before it makes the call.
        var isAnnounced = false
    }

    /// Where the first frame is.
    let base: UInt64
    /// The frames, and what is behind them.
    let words: [UInt64]
    private let states: [ThreadRegisters]

    /// - Parameters:
    ///   - end: the address behind the last frame, or behind `tail`.
    ///   - tail: frames that are behind these; empty when they are in memory already.
    ///   - following: the frame that the last step leads to, unless it is behind these.
    init(
        _ steps: [Step], tail: [UInt64] = [], endingAt end: UInt64,
        leadingTo following: UInt64? = nil,
        for injection: Injection
    ) {
        let size = injection.frameSize
        let behind = end - UInt64(tail.count * 8)
        let base = behind - UInt64(steps.count) * size
        self.base = base
        states = steps.enumerated().map { index, step in
            let isLast = index == steps.count - 1
            let next = isLast ? following ?? behind : base + UInt64(index + 1) * size
            return step.call.map { injection.calling($0, next: next) }
                ?? injection.elsewhere(at: injection.code.trampoline, next: next)
        }
        words =
            zip(steps, states).flatMap { step, registers in
                injection.frame(registers, isAnnounced: step.isAnnounced).words
            } + tail
    }

    /// Where a thread is when it has taken the frame of a step.
    func state(at step: Int) -> ThreadRegisters { states[step] }

    func address(of step: Int, _ injection: Injection) -> UInt64 {
        base + UInt64(step) * injection.frameSize
    }
}
