internal import LinuxSystem
internal import VCPUModel

/// What happened when a register's turn came, and what the register held afterward.
///
/// There is one for each register of each vCPU until the end of a restore, so it is kept small: what
/// follows from the snapshot and the policy is worked out again when it is asked for.
struct RestoreAttempt: Hashable, Sendable {
    enum Action: Hashable, Sendable {
        case wrote
        case failed(Failure)
        case heldAlready
        case absent(Failure)
        case skipped(SkipRule)
        /// It cannot be read back, whether it was written or not.
        case unreadable(Failure, written: Bool)
        /// It could be neither written, which failed so, nor read back.
        case unreachable(Failure)
    }

    /// A `RegisterBankError` without what is known anyway.
    struct Failure: Hashable, Sendable {
        var errno: Errno
        var explanation: String?
        var isBeyondRules: Bool

        init(_ error: RegisterBankError) {
            errno = error.errno
            explanation = error.explanation
            isBeyondRules = error.isBeyondRules
        }
    }

    var action: Action
    /// Nil where the register could not be read.
    var before: RegisterValue?
    var found: RegisterValue?

    var isWritten: Bool {
        switch action {
        case .wrote, .unreadable(_, written: true): true
        default: false
        }
    }
}
