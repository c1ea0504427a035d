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
        case Self.virtual: (compare, counter) = (Self.virtualCompare, Self.virtualCount)
        case Self.physical: (compare, counter) = (Self.physicalCompare, .physicalCount)
        default: return nil
        }
    }

    /// Whether a kernel computes ISTATUS when userspace reads the register; newer ones leave it out.
    static func showsStatus(_ host: HostFacts) -> Bool {
        host.kernel.map { $0 < KernelVersion(6, 18) } ?? false
    }

    // CNTV_CTL_EL0, and its compare value and count, whose ids KVM has swapped; then CNTP_*: its count is `RegisterID.physicalCount`.
    private static let virtual = RegisterID(rawValue: 0x6030_0000_0013_df19)
    private static let virtualCompare = RegisterID(rawValue: 0x6030_0000_0013_df02)
    private static let virtualCount = RegisterID(rawValue: 0x6030_0000_0013_df1a)
    private static let physical = RegisterID(rawValue: 0x6030_0000_0013_df11)
    private static let physicalCompare = RegisterID(rawValue: 0x6030_0000_0013_df12)
}
