internal import LinuxSystem
public import Registers
public import VCPUModel

/// What one move between CPU state, list and KVM did with each register.
public struct SyncReport: Hashable, Sendable {
    /// One register of the move.
    public struct Register: Hashable, Sendable {
        /// The register.
        public var id: RegisterID
        /// What became of it where it was moved to.
        public var outcome: RegisterOutcome
        /// What was read of it last; nil where nothing was.
        public var found: RegisterValue?
        /// What the bank says about a refusal; nil for every other outcome.
        public var explanation: String?
    }

    /// Every register of the move, in the order they were moved.
    public internal(set) var registers: [Register] = []

    /// What QEMU's function returns: whether no register failed.
    public var succeeded: Bool { !registers.contains(where: \.outcome.isLoss) }

    /// The registers that make `succeeded` false.
    public var failures: [Register] { registers.filter(\.outcome.isLoss) }

    /// What became of a register; nil for one that was not moved.
    public subscript(id: RegisterID) -> RegisterOutcome? {
        registers.last { $0.id == id }?.outcome
    }
}

extension SyncReport.Register {
    /// What a move makes of a register, or why it fails.
    init(
        _ id: RegisterID,
        moving: () throws(RegisterBankError) -> (outcome: RegisterOutcome, found: RegisterValue)
    ) {
        do throws(RegisterBankError) {
            let (outcome, found) = try moving()
            self.init(id: id, outcome: outcome, found: found)
        } catch {
            switch error.errno {
            case .noEntry: self.init(id: id, outcome: .absent, explanation: error.explanation)
            case .notSupported: self.init(id: id, outcome: .skipped(.noRawAccess))
            default:
                self.init(
                    id: id, outcome: .refused(error.errno), explanation: error.explanation)
            }
        }
    }
}
