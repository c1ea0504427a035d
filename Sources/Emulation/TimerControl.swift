internal import Registers

/// A timer's control register, with the registers its ISTATUS is computed from.
struct TimerControl {
    /// ISTATUS, bit 2: the counter has reached the compare value.
    static let status: UInt64 = 1 << 2

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

    /// Whether a kernel computes ISTATUS when userspace reads the register; newer ones leave it out.
    static func showsStatus(_ host: HostFacts) -> Bool {
        host.kernel.map { $0 < KernelVersion(6, 18) } ?? false
    }
}
