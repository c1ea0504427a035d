/// A moment after which nothing is waited for any more.
package struct Deadline {
    private let instant: ContinuousClock.Instant

    /// - Parameter time: from now on.
    package init(in time: Duration) {
        instant = ContinuousClock.now.advanced(by: time)
    }

    /// Whether it has come.
    package var isOver: Bool { ContinuousClock.now >= instant }

    /// What is left, in whole milliseconds, as poll(2) takes it; 0 when it is over.
    package var milliseconds: Int32 {
        let left = (instant - ContinuousClock.now).components
        guard left.seconds >= 0, left.attoseconds >= 0 else { return 0 }
        // Rounded up, so that the last millisecond is not spent in a busy loop.
        let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000 + 1
        return Int32(clamping: milliseconds)
    }
}
