import GuestPrograms
import KVM
import Registers
import VCPUModel

/// Which parts of the guest program a vCPU can run.
struct GuestFeatures {
    /// For x0, see GuestPrograms.h.
    var bits: UInt64 = 0

    /// All an ordinary guest has, but no PMU: one that is not set up keeps a vCPU from running.
    static func initialisation(of abilities: VCPUAbilities) -> VCPUInit {
        var request = abilities.defaultInit
        request.features.remove(.pmuV3)
        return request
    }

    /// Asks an initialised vCPU.
    init(of bank: KVMVCPUBank) throws {
        let features = try VCPUInit(bank.read(.vcpuInit))?.features ?? []
        let listed = Set(try bank.list())
        set(GUEST_HAS_SVE_BIT, if: features.contains(.sve))
        set(
            GUEST_HAS_POINTER_AUTHENTICATION_BIT, if: features.contains(.pointerAuthentication))
        // Before Linux 6.4 KVM lists no physical timer, so nobody can save it.
        set(GUEST_HAS_PHYSICAL_TIMER_BIT, if: listed.contains(.physicalTimerValue))
        let mmfr3 = try listed.contains(.idAA64MMFR3) ? bank.read(.idAA64MMFR3).lowBits : 0
        // Bits 3:0 TCRX, 11:8 S1PIE.
        let hasPermissionIndirection = mmfr3 & 0xf != 0 && mmfr3 & 0xf00 != 0
        set(
            GUEST_HAS_PERMISSION_INDIRECTION_BIT,
            if: hasPermissionIndirection && listed.contains(.pir))
        let dfr0 = try bank.read(.idAA64DFR0).lowBits
        // Bits 15:12 BRPs, 23:20 WRPs.
        bits |= (dfr0 >> 12 & 0xf) << UInt64(GUEST_BREAKPOINTS_SHIFT)
        bits |= (dfr0 >> 20 & 0xf) << UInt64(GUEST_WATCHPOINTS_SHIFT)
    }

    private mutating func set(_ bit: Int, if condition: Bool) {
        if condition { bits |= 1 << UInt64(bit) }
    }
}

extension RegisterID {
    fileprivate static let physicalTimerValue = RegisterID(rawValue: 0x6030_0000_0013_df12)
    fileprivate static let idAA64DFR0 = RegisterID(rawValue: 0x6030_0000_0013_c028)
    fileprivate static let idAA64MMFR3 = RegisterID(rawValue: 0x6030_0000_0013_c03b)
    fileprivate static let pir = RegisterID(rawValue: 0x6030_0000_0013_c513)
}
