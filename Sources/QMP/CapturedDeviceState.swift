package import LinuxSystem

/// The device state of a VM, and how it was taken.
package struct CapturedDeviceState {
    /// How it was taken.
    package enum Way: Hashable, Sendable {
        /// `xen-save-devices-state`: no RAM passes, and QEMU resumes the VM itself.
        case deviceState
        /// A migration into this program, which drops the RAM and never lets the migration succeed.
        case migration
    }

    /// A stream as `migrate` writes it.
    ///
    /// Of one that came by a migration only the ends are kept (`HeadAndTail`); all that lies between them is RAM.
    package var stream: any SeekableBytes
    /// Which of the two ways succeeded.
    package var way: Way
    /// Why `deviceState` was not possible; nil when it was, or was not tried.
    package var reasonForMigration: QMPError.Problem?

    /// Whether the guest ran before; a VM that did not run is left as it was.
    package var wasRunning: Bool { runStateBefore == "running" }
    /// `running`, `paused`, `prelaunch` (`RunState` of QEMU's qapi/run-state.json).
    package var runStateBefore: String
    /// The run state afterward: the same as before, unless somebody else changed it meanwhile.
    package var runStateAfter: String
    /// QEMU left the VM stopped, and `cont` had to be sent.
    package var hadToBeResumed: Bool
    /// How long the VM stood still, in microseconds: between QEMU's events STOP and RESUME.
    ///
    /// Nil when it was not running, an event is missing, or the host's clock was set between the two.
    package var stopTime: Int64?

    /// What QEMU said of itself before the capture; the stream has none of it but the machine type.
    package var machine: MachineFacts
}
