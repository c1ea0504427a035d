public import Registers
public import VCPUModel

/// What a move between the CPU state and the cpreg list did with each register.
public struct SyncReport: Hashable, Sendable {
    public enum Outcome: Hashable, Sendable {
        /// The value was moved, or both sides had it.
        case taken
        /// The list keeps a value that the CPU state cannot represent; KVM's word counts.
        case keptInList
        /// The register has no raw access, so it was neither read nor written. QEMU passes over such
        /// registers, and so does `succeeded`.
        case noRawAccess
        /// The CPU has no such register.
        case unknown
        /// The value was written and another one read back.
        case changed(found: RegisterValue)

        /// Whether QEMU's functions return false for it.
        public var isFailure: Bool {
            switch self {
            case .unknown, .changed: true
            case .taken, .keptInList, .noRawAccess: false
            }
        }
    }

    public struct Register: Hashable, Sendable {
        public var id: RegisterID
        public var outcome: Outcome
    }

    /// Every register of the list, in its order.
    public internal(set) var registers: [Register] = []

    /// Whether every register of the list is one the CPU has and, on the way to the CPU state, reads
    /// back as written.
    public var succeeded: Bool { failures.isEmpty }

    /// The registers that make `succeeded` false.
    public var failures: [Register] { registers.filter(\.outcome.isFailure) }

    /// The registers whose value is not the other side's now: failures, and those without raw access.
    public var notTaken: [Register] { registers.filter { $0.outcome != .taken } }
}
