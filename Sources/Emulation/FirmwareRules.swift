internal import Registers
internal import TextFormats
internal import VCPUModel

extension PSCIVersion {
    /// 0.1 has no version of its own in the firmware interface: it is the lack of PSCI_0_2.
    static let oldest = PSCIVersion(rawValue: 1)

    /// What `KVM_REG_ARM_PSCI_VERSION` takes (`kvm_arm_set_fw_reg`, `arch/arm64/kvm/hypercalls.c`).
    ///
    /// A vendor's kernel can have a newer one than its version tells: what it gives to fresh vCPUs, it knows.
    func check(_ host: HostFacts) throws(Refusal) {
        let isShown = host.newestPSCI.map { newest in
            self == newest || Self.all.contains(self) && rawValue < newest.rawValue
        }
        guard isShown == true || isKnown(to: host.kernel) else {
            throw Refusal("\(self) is not a PSCI version this kernel has")
        }
        guard (self == Self.oldest) != host.features.contains(.psci02) else {
            let feature = host.features.contains(.psci02) ? "has" : "lacks"
            throw Refusal("the vCPU \(feature) the feature PSCI_0_2, the version is \(self)")
        }
    }
}

extension WorkaroundLevel {
    private typealias Level = RegisterField.SMCCCARCHWORKAROUND2.LEVEL

    /// Whether a host whose register holds some level takes this value (`kvm_arm_set_fw_reg`; before Linux 5.10 in
    /// `virt/kvm/arm/psci.c`).
    ///
    /// - Parameter hostBits: what the register holds.
    /// - Parameter inOrder: whether the kernel compares the levels as numbers.
    /// - Returns: what the register holds then.
    static func stored(
        _ bits: UInt64, in id: RegisterID, hostBits: UInt64, inOrder: Bool
    ) throws(Refusal) -> UInt64 {
        guard let level = WorkaroundLevel(bits, of: id) else {
            throw Refusal("\(bits.hex) is not a level of this workaround")
        }
        guard !level.isEnabled || level.number == Level.avail else {
            throw Refusal("the workaround is enabled and its level is not AVAIL")
        }
        let host = WorkaroundLevel(hostBits, of: id)
        guard (inOrder ? level.number : level.promise) <= host?.number ?? 0 else {
            throw Refusal(
                "\(level.name) is more than the host's \(host?.name ?? hostBits.hex)")
        }
        let isSwitched = inOrder && [level.number, host?.number] == [Level.avail, Level.avail]
        return isSwitched ? bits : hostBits
    }
}
