import GuestPrograms
import VCPUSnap

/// How the guest program is run.
struct GuestProgram {
    /// Between 1 and 65535; each has some thousand instructions, two thousand with SVE.
    var iterations: UInt16 = 256
    /// Whether it uses the physical timer where the kernel lists it.
    var usesPhysicalTimer = true

    /// All an ordinary guest has, but no PMU: one that is not set up keeps a vCPU from running.
    static func initialization(of abilities: VCPUAbilities) -> VCPUInit {
        var request = abilities.defaultInit
        request.features.remove(.pmuV3)
        return request
    }

    /// What the program is given in x0: its iterations, and what an initialized vCPU lets it use.
    func argument(for bank: KVMVCPUBank) throws -> UInt64 {
        let features = try VCPUInit(bank.read(.vcpuInit))?.features ?? []
        let listed = Set(try bank.list())
        let mmfr3 = try listed.contains(.idAA64MMFR3) ? bank.read(.idAA64MMFR3).lowBits : 0
        let dfr0 = try bank.read(.idAA64DFR0).lowBits
        let usable = [
            (GUEST_HAS_SVE_BIT, features.contains(.sve)),
            (
                GUEST_HAS_POINTER_AUTHENTICATION_BIT, features.contains(.pointerAuthentication)
            ),
            // KVM lists it since Linux 6.4; before, nobody can save it.
            (
                GUEST_HAS_PHYSICAL_TIMER_BIT,
                usesPhysicalTimer && listed.contains(.physicalTimerValue)
            ),
            // TCRX, bits 3:0, and S1PIE, bits 11:8.
            (
                GUEST_HAS_PERMISSION_INDIRECTION_BIT,
                mmfr3 & 0xf != 0 && mmfr3 & 0xf00 != 0 && listed.contains(.pir)
            ),
        ]
        return usable.filter(\.1).reduce(UInt64(iterations)) { $0 | 1 << UInt64($1.0) }
            // BRPs, bits 15:12, and WRPs, bits 23:20.
            | (dfr0 >> 12 & 0xf) << UInt64(GUEST_BREAKPOINTS_SHIFT)
            | (dfr0 >> 20 & 0xf) << UInt64(GUEST_WATCHPOINTS_SHIFT)
    }
}

extension RegisterID {
    fileprivate static let physicalTimerValue = RegisterID.cntpCVALEL0
    fileprivate static let idAA64DFR0 = RegisterID.idAA64DFR0EL1
    fileprivate static let idAA64MMFR3 = RegisterID.idAA64MMFR3EL1
    fileprivate static let pir = RegisterID.pirEL1
}
