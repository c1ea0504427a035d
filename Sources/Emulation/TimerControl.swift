internal import Registers

/// A timer's control register, with the registers its ISTATUS is computed from.
struct TimerControl {
    /// ISTATUS: the counter has reached the compare value.
    static let status = RegisterField.CNTVCTLEL0.istatus.mask

    let compare: RegisterID
    let counter: RegisterID

    /// Nil for other registers.
    init?(_ id: RegisterID) {
        switch id {
        case .cntvCTLEL0: (compare, counter) = (.cntvCVALEL0, .cntvctEL0)
        case .cntpCTLEL0: (compare, counter) = (.cntpCVALEL0, .cntpctEL0)
        default: return nil
        }
    }
}
