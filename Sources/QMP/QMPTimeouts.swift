/// How long a connection waits for QEMU.
///
/// QEMU answers in its main loop, which may be busy with something else for a while: a flush of a
/// slow disk, for one.
package struct QMPTimeouts: Hashable, Sendable {
    /// For the greeting.
    ///
    /// A QMP socket serves one client at a time, and the next ones wait unseen.
    package var greeting: Duration = .seconds(5)
    /// For the answer to an ordinary command.
    package var answer: Duration = .seconds(10)
    /// For the whole device state, or for the whole migration, which passes over all of RAM.
    package var capture: Duration = .seconds(120)

    /// The defaults: 5, 10 and 120 seconds.
    package init() {}
}
