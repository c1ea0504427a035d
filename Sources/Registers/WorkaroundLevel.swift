/// A value of `KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1`, `_2` or `_3`: what a guest is told of a mitigation.
///
/// KVM keeps none of the level: a guest is always told the host's, and of the values that are written it takes those
/// that promise no more (`kvm_arm_set_fw_reg`, `arch/arm64/kvm/hypercalls.c`).
package struct WorkaroundLevel: Hashable, Sendable {
    package let id: RegisterID
    package let bits: UInt64

    /// The numbers mean different things in the three registers; `name` has their words.
    package var number: UInt64 { Fields.level.extract(from: bits) }

    /// Those of workaround 2; in the others the level is in the same place.
    private typealias Fields = RegisterField.SMCCCARCHWORKAROUND2

    /// Of workaround 2 only: the guest has the mitigation switched on.
    package var isEnabled: Bool { isSpeculativeStoreBypass && Fields.enabled.touches(bits) }

    /// Spectre v4, whose levels collapse into not available (0, 1) and not required (2, 3).
    private var isSpeculativeStoreBypass: Bool { id == .smcccArchWorkaround2 }

    /// - Returns: nil for another register, and for what is no level of this one.
    package init?(_ bits: UInt64, of id: RegisterID) {
        guard Self.field(of: id) != nil else { return nil }
        self.id = id
        self.bits = bits
        let flags = isSpeculativeStoreBypass ? Fields.enabled.mask : 0
        guard bits & ~(Fields.level.mask | flags) == 0, number <= Fields.LEVEL.notRequired else {
            return nil
        }
    }

    /// The level, whose values have names; nil for another register.
    package static func field(of id: RegisterID) -> RegisterField? {
        switch id {
        case .smcccArchWorkaround1, .smcccArchWorkaround3: RegisterField.SMCCCARCHWORKAROUND1.level
        case .smcccArchWorkaround2: Fields.level
        default: nil
        }
    }

    /// How much the guest may rely on, in numbers that compare; 0 is nothing.
    package var promise: UInt64 {
        isSpeculativeStoreBypass
            ? (number < Fields.LEVEL.avail ? 0 : Fields.LEVEL.notRequired) : number
    }

    /// `AVAIL (1)`.
    package var name: String {
        Self.field(of: id)?.valueName(number).map { "\($0) (\(number))" } ?? "level \(number)"
    }
}
