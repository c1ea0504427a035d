internal import Registers
internal import VCPUModel

extension VCPUFeatures {
    /// The features of an ordinary 64-bit guest.
    ///
    /// Not AArch32 EL1 and not nested virtualization: both change what kind of guest the vCPU runs.
    static let ordinary: VCPUFeatures = [.psci02, .pmuV3, .sve, .pointerAuthentication]

    /// The features this version knows.
    static let known = VCPUFeature.all.reduce(into: VCPUFeatures()) { $0.insert(VCPUFeatures($1)) }

    /// The features in the set, one by one, by ascending bit.
    var elements: [VCPUFeatures] {
        (0..<UInt32(32)).map { VCPUFeatures(rawValue: 1 << $0) }.filter(contains)
    }

    /// The number of the lowest feature in the set.
    var lowestBit: Int32 { Int32(rawValue.trailingZeroBitCount) }
}

extension VCPUFeature {
    /// What a host that has the feature reports; nil for what every host has.
    var reportedBy: Capability? {
        capability.flatMap(KVMCapability.named).map { Capability($0) }
    }
}
