/// How long a connection waits for QEMU.
///
/// QEMU answers in its main loop, which may be busy with something else for a while: a flush of a
/// slow disk, for one.
public struct QMPTimeouts: Hashable, Sendable {
    /// For the greeting.
    ///
    /// A QMP socket serves one client at a time, and the next ones wait unseen.
    public var greeting: Duration = .seconds(5)
    /// For the answer to an ordinary command.
    public var answer: Duration = .seconds(10)
    /// For the whole device state, or for the whole migration, which passes over all of RAM.
    public var capture: Duration = .seconds(120)

    /// The defaults: 5, 10 and 120 seconds.
    public init() {}
}
