internal import Registers
internal import TextFormats
internal import VCPUModel

extension PSCIVersion {
    /// 0.1 has no version of its own in the firmware interface: it is the lack of PSCI_0_2.
    static let oldest = PSCIVersion(rawValue: 1)

    /// What `KVM_REG_ARM_PSCI_VERSION` takes (`kvm_arm_set_fw_reg`, `arch/arm64/kvm/hypercalls.c`).
    func check(_ host: HostFacts) throws(Refusal) {
        guard isKnown(to: host.kernel) else {
            throw Refusal("\(self) is not a PSCI version this kernel has")
        }
        guard (self == Self.oldest) != host.features.contains(.psci02) else {
            let feature = host.features.contains(.psci02) ? "has" : "lacks"
            throw Refusal("the vCPU \(feature) the feature PSCI_0_2, the version is \(self)")
        }
    }
}

/// `KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_*`: a level of protection the host must reach.
struct WorkaroundLevel {
    let bits: UInt64
    let id: RegisterID

    private static let levelMask: UInt64 = 0xf
    /// `KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2_NOT_REQUIRED`.
    static let notRequired: UInt64 = 3
    /// Of workaround 2 only: the guest has the mitigation switched on.
    private static let enabled: UInt64 = 1 << 4

    private var level: UInt64 { bits & Self.levelMask }

    /// `AVAIL (1)`.
    private func name(of level: UInt64) -> String {
        let field = RegisterDictionary.entry(for: id)?.field(named: "LEVEL")
        let level = level & Self.levelMask
        return field?.valueName(level).map { "\($0) (\(level))" } ?? "level \(level)"
    }

    /// Spectre v4, whose levels collapse into not available (0, 1) and not required (2, 3).
    private var isSpeculativeStoreBypass: Bool {
        id == .smcccArchWorkaround2
    }

    /// - Parameter hostLevel: what the register holds.
    func check(hostLevel: UInt64) throws(Refusal) {
        let flags = isSpeculativeStoreBypass ? Self.enabled : 0
        guard bits & ~(Self.levelMask | flags) == 0, level <= 3 else {
            throw Refusal("\(bits.hex) is not a level of this workaround")
        }
        guard bits & Self.enabled == 0 || level == 2 else {
            throw Refusal("the workaround is enabled and its level is not AVAIL")
        }
        let needed = isSpeculativeStoreBypass ? (level < 2 ? 0 : 3) : level
        guard needed <= hostLevel & Self.levelMask else {
            throw Refusal("\(name(of: level)) is more than the host's \(name(of: hostLevel))")
        }
    }
}
