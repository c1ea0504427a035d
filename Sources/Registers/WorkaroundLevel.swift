/// A value of `KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1`, `_2` or `_3`: what a guest is told of a mitigation.
///
/// KVM keeps none of the level: a guest is always told the host's, and of the values that are written it takes those
/// that promise no more (`kvm_arm_set_fw_reg`, `arch/arm64/kvm/hypercalls.c`).
package struct WorkaroundLevel: Hashable, Sendable {
    package let id: RegisterID
    package let bits: UInt64

    /// The numbers mean different things in the three registers; `name` has their words.
    package var number: UInt64 { bits & 0xf }

    /// Of workaround 2 only: the guest has the mitigation switched on.
    package var isEnabled: Bool { isSpeculativeStoreBypass && bits & Self.enabled != 0 }

    /// The bit that says so.
    package static let enabled: UInt64 = 1 << 4

    /// Spectre v4, whose levels collapse into not available (0, 1) and not required (2, 3).
    private var isSpeculativeStoreBypass: Bool { id == .smcccArchWorkaround2 }

    /// - Returns: nil for another register, and for what is no level of this one.
    package init?(_ bits: UInt64, of id: RegisterID) {
        guard [.smcccArchWorkaround1, .smcccArchWorkaround2, .smcccArchWorkaround3].contains(id)
        else { return nil }
        self.id = id
        self.bits = bits
        let flags = isSpeculativeStoreBypass ? Self.enabled : 0
        guard bits & ~(0xf | flags) == 0, number <= 3 else { return nil }
    }

    /// How much the guest may rely on, in numbers that compare; 0 is nothing.
    package var promise: UInt64 {
        isSpeculativeStoreBypass ? (number < 2 ? 0 : 3) : number
    }

    /// `AVAIL (1)`.
    package var name: String {
        let field = RegisterDictionary.entry(for: id)?.field(named: "LEVEL")
        return field?.valueName(number).map { "\($0) (\(number))" } ?? "level \(number)"
    }
}
