internal import Registers

/// The value of `RegisterID.vcpuInit` taken apart: `struct kvm_vcpu_init`.
public struct VCPUInit: Hashable, Sendable {
    /// `KVM_ARM_TARGET_*`; 5 is the generic Armv8 target.
    public var target: UInt32
    /// The first feature word.
    public var features: VCPUFeatures
    /// The six feature words after the first, which no kernel uses, as bytes.
    private let furtherWords: [UInt8]

    /// `KVM_ARM_TARGET_GENERIC_V8`.
    public static let genericTarget: UInt32 = 5

    /// An init with these features, and zero in the feature words after the first.
    public init(target: UInt32 = genericTarget, features: VCPUFeatures) {
        self.target = target
        self.features = features
        furtherWords = Array(repeating: 0, count: 24)
    }

    /// Takes apart a value of the register; nil unless it has the register's size, 32 bytes.
    public init?(_ value: RegisterValue) {
        guard value.size == RegisterID.vcpuInit.size else { return nil }
        target = UInt32(truncatingIfNeeded: value.lowBits)
        features = VCPUFeatures(rawValue: UInt32(value.lowBits >> 32))
        furtherWords = Array(value.littleEndianBytes.dropFirst(8))
    }

    /// Whether it has features that no kernel knows.
    public var hasFurtherFeatures: Bool { furtherWords.contains { $0 != 0 } }

    /// The value of `RegisterID.vcpuInit`.
    public var value: RegisterValue {
        let low = RegisterValue(UInt64(features.rawValue) << 32 | UInt64(target))
        return RegisterValue(littleEndian: low.littleEndianBytes + furtherWords) ?? low
    }
}
