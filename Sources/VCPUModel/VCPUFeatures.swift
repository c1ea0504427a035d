public import Registers

/// Feature bits of `KVM_ARM_VCPU_INIT`: the first word of `struct kvm_vcpu_init.features`.
///
/// Bits that have no name here, or none in the dictionary, survive unchanged.
public struct VCPUFeatures: OptionSet, Hashable, Sendable {
    /// Bit n is feature n of `KVM_ARM_VCPU_INIT`.
    public let rawValue: UInt32

    /// A set from its bits; bits without a name here survive.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Pointer authentication: its two bits exist only together.
    public static let pointerAuthentication: VCPUFeatures = [.ptrauthAddress, .ptrauthGeneric]

    /// Those that `KVM_ARM_VCPU_FINALIZE` completes (`kvm_arm_vcpu_finalize` in
    /// `arch/arm64/kvm/reset.c`).
    public static let finalizable: VCPUFeatures = [.sve]

    /// The value of `RegisterID.vcpuFinalized` once every feature that needs it is finalized; nil when none needs it.
    public var finalizedValue: RegisterValue? {
        let finalized = intersection(.finalizable)
        return finalized.isEmpty ? nil : RegisterValue(UInt64(finalized.rawValue), size: 4)
    }

    /// The names of the set bits in ascending order: `PMU_V3`, and `bit-11` for a bit that has none.
    public var names: [String] {
        (0..<32).filter { rawValue >> $0 & 1 != 0 }.map(Self.name(ofBit:))
    }

    /// The feature with one of `names`; nil for a name that stands for no bit.
    public init?(named name: some StringProtocol) {
        guard let feature = Self.named[String(name)] else { return nil }
        self = feature
    }

    /// A feature of the dictionary.
    public init(_ feature: VCPUFeature) {
        self.init(rawValue: 1 << UInt32(feature.bit))
    }

    /// The features a vCPU must have been made with for KVM to show some registers of it (the `visibility`
    /// functions in `arch/arm64/kvm/sys_regs.c`) and for it to be in its state, as far as one register tells.
    /// - Parameter value: gives the value of a register; nil for one that the vCPU does not have.
    public init(shownBy value: (RegisterID) -> UInt64?) {
        let telling: [(id: RegisterID, features: VCPUFeatures)] = [
            (.pmcrEL0, .pmuV3), (.apiaKeyLoEL1, .pointerAuthentication),
            (.hcrEL2, .hasEL2),
        ]
        self.init(telling.filter { value($0.id) != nil }.map(\.features))
        if Self.isEL1AArch32(value) { insert(.el1In32Bit) }
    }

    /// Whether only AArch32 at EL1 leads to such a state.
    ///
    /// User mode can be below an EL1 in AArch64 too. But only AArch32 has Abort, Undefined, IRQ and FIQ mode,
    /// and an exception that was taken to one leaves a mode in its SPSR, which KVM resets to 0.
    private static func isEL1AArch32(_ value: (RegisterID) -> UInt64?) -> Bool {
        guard let mode = value(.pstate).flatMap(AArch32Mode.init(pstate:)) else { return false }
        return mode != .user
            || (1...4).contains {
                value(.spsr($0)).flatMap(AArch32Mode.init(pstate:)) != nil
            }
    }

    private static let named = Dictionary(
        uniqueKeysWithValues: (0..<32).map {
            (name(ofBit: $0), VCPUFeatures(rawValue: 1 << UInt32($0)))
        })

    private static func name(ofBit bit: Int) -> String {
        VCPUFeature.all.first { $0.bit == bit }?.name ?? "bit-\(bit)"
    }
}
