/// Which vCPU a device is asked about.
package struct VCPUKey: Hashable, Sendable {
    /// Its `MPIDR_EL1` at the time of the call.
    package var mpidr: UInt64
    /// Its number.
    package var index: UInt32

    /// The vCPU with this number, which has this `MPIDR_EL1` now.
    package init(mpidr: UInt64, index: UInt32) {
        self.mpidr = mpidr
        self.index = index
    }

    /// The number of an attribute, with the vCPU in its upper half.
    package func attributeNumber(
        of attribute: DeviceAttribute, with model: GICModel?
    ) -> UInt64 {
        let upper: UInt64 =
            switch attribute.key(with: model ?? .v3) {
            case .nothing: 0
            case .affinity: UInt64(UInt32(affinityIn: mpidr)) << 32
            case .number: UInt64(index) << 32
            }
        return attribute.attribute | upper
    }
}

extension DeviceAttribute {
    /// What an address reads as that was not given.
    package static let noAddress = UInt64.max

    /// From this bit on, the value of a region of redistributors has how many there are.
    package static let regionCountShift: UInt64 = 52

    /// Whether the value of a region of redistributors is one that the VMM gave: it has a number of them, at its upper end,
    /// and is not all ones.
    package static func isRegion(_ value: UInt64) -> Bool {
        value >> regionCountShift != 0 && value != noAddress
    }
}
