public import LinuxSystem
public import Registers
public import VCPUModel

/// What one move between CPU state, list and KVM did with each register.
public struct SyncReport: Hashable, Sendable {
    public enum Outcome: Hashable, Sendable {
        /// The value was moved and, where the move writes a bank, reads back as written.
        case taken
        /// Both sides had it; nothing was written.
        case alreadyEqual
        /// The list keeps a value that the CPU state cannot represent: KVM's word counts.
        case keptInList
        /// The CPU state has no raw access to the register, so it was neither read nor written.
        case noRawAccess
        /// The register is of a higher level than the move.
        case aboveLevel
        /// A CLR view of a SET register: on Linux 6.7 to 6.14 writing it would clear what the SET
        /// register holds. QEMU writes it.
        case clearView
        /// The bank has no such register.
        case unknown
        /// The value was written and another one read back.
        case changed(found: RegisterValue)
        /// The bank refused to read or write it.
        case refused(Errno)

        /// Whether it makes the move's result false.
        public var isFailure: Bool {
            switch self {
            case .unknown, .changed, .refused: true
            case .taken, .alreadyEqual, .keptInList, .noRawAccess, .aboveLevel, .clearView: false
            }
        }
    }

    public struct Register: Hashable, Sendable {
        public var id: RegisterID
        public var outcome: Outcome
        /// What the bank says about a refusal; nil for every other outcome.
        public var explanation: String?

        public init(_ id: RegisterID, _ outcome: Outcome, explanation: String? = nil) {
            self.id = id
            self.outcome = outcome
            self.explanation = explanation
        }
    }

    /// Every register of the move, in the order they were moved.
    public internal(set) var registers: [Register] = []

    /// What QEMU's function returns: whether no register failed.
    public var succeeded: Bool { !registers.contains(where: \.outcome.isFailure) }

    /// The registers that make `succeeded` false.
    public var failures: [Register] { registers.filter(\.outcome.isFailure) }

    public subscript(id: RegisterID) -> Outcome? {
        registers.last { $0.id == id }?.outcome
    }
}

extension SyncReport.Register {
    /// A read or write that failed.
    init(_ id: RegisterID, _ error: RegisterBankError) {
        switch error.errno {
        case .noEntry: self.init(id, .unknown, explanation: error.explanation)
        case .notSupported: self.init(id, .noRawAccess)
        default: self.init(id, .refused(error.errno), explanation: error.explanation)
        }
    }
}
