public import LinuxSystem

/// The device state of a VM, and what there is to say about how it was taken.
public struct CapturedDeviceState {
    /// How it was taken.
    public enum Way: Hashable, Sendable {
        /// `xen-save-devices-state`: no RAM passes, and QEMU resumes the VM itself.
        case deviceState
        /// A migration into this program, which drops the RAM, and never lets it succeed.
        case migration
    }

    /// A stream as `migrate` writes it; of one that a migration brought, the ends (`KeptEnds`): RAM is
    /// all that lies between.
    public var stream: any SeekableBytes
    public var way: Way
    /// Why the first way was not possible; nil when it was, or was not tried.
    public var reasonForMigration: QMPError.Problem?

    public var wasRunning: Bool { runStateBefore == "running" }
    /// `running`, `paused`, `prelaunch` (`RunState` of QEMU's qapi/run-state.json).
    public var runStateBefore: String
    /// The same as before, unless somebody else changed it meanwhile.
    public var runStateAfter: String
    /// QEMU left the VM stopped, and `cont` had to be sent.
    public var hadToBeResumed: Bool
    /// How long the VM stood still, in microseconds: between QEMU's events STOP and RESUME.
    ///
    /// Nil when it was not running, or the host's clock was set back between the two.
    public var stopTime: Int64?

    public var machine: MachineFacts
}
