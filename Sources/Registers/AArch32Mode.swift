/// A mode of an AArch32 guest, and the registers it banks.
///
/// KVM keeps an AArch32 guest's registers in those of AArch64 (Arm ARM D1.20.1, "Mapping of the general
/// registers between the Execution states"; QEMU's `aarch64_sync_64_to_32`, `target/arm/helper.c`). The
/// raw value is PSTATE.M.
public enum AArch32Mode: UInt64, CaseIterable, Hashable, Sendable {
    /// User mode, the only one without privilege (EL0).
    case user = 0x10
    /// Where fast interrupts are taken.
    case fiq = 0x11
    /// Where interrupts are taken.
    case irq = 0x12
    /// Where `SVC` and resets are taken.
    case supervisor = 0x13
    /// Where aborts are taken.
    case abort = 0x17
    /// Where undefined instructions are taken.
    case undefined = 0x1b
    /// Privileged, with the registers of User mode.
    case system = 0x1f

    /// The mode PSTATE says; nil in AArch64, and in Monitor and Hyp mode, which KVM guests do not have.
    public init?(pstate: UInt64) {
        self.init(rawValue: RegisterField.PSTATE.m.extract(from: pstate))
    }

    /// The id that holds R0 to R14 as this mode sees them.
    /// - Precondition: the number is 0 to 14; 13 is SP and 14 is LR.
    public func register(_ number: Int) -> RegisterID {
        precondition(0...14 ~= number, "there are the registers R0 to R14")
        return switch (self, number) {
        case (.fiq, 8...): .x(number + 16)
        case (_, ..<13), (.user, _), (.system, _), (.fiq, _): .x(number)
        case (.irq, _): .x(30 - number)
        case (.supervisor, _): .x(32 - number)
        case (.abort, _): .x(34 - number)
        case (.undefined, _): .x(36 - number)
        }
    }

    /// The id that holds SPSR as this mode sees it; nil in User and System mode, which have none.
    public var savedProgramState: RegisterID? {
        switch self {
        case .user, .system: nil
        case .supervisor: .spsrEL1
        case .abort: .spsrAbt
        case .undefined: .spsrUnd
        case .irq: .spsrIrq
        case .fiq: .spsrFiq
        }
    }
}
