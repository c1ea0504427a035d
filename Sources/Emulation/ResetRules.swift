internal import Registers
internal import VCPUModel

/// The values a new vCPU has, where its features are not those the profile was recorded with.
///
/// With those it has what was recorded.
struct ResetRules {
    /// Those of the vCPU that was recorded.
    let recordedFeatures: VCPUFeatures
    let features: VCPUFeatures

    func value(
        of id: RegisterID, _ behavior: Behavior?, recorded: RegisterValue
    ) -> RegisterValue {
        let gained = features.subtracting(recordedFeatures)
        let lost = recordedFeatures.subtracting(features)
        return switch id {
        case .pstate where gained.contains(.el1In32Bit): Self.supervisorState
        case .psciVersion where lost.contains(.psci02): Self.psci01
        default: hiding(fieldsHidden(in: id, behavior, lost), in: recorded)
        }
    }

    /// The state of an AArch32 guest: Supervisor mode, interrupts masked
    /// (`VCPU_RESET_PSTATE_SVC`, `arch/arm64/kvm/reset.c`).
    private static let supervisorState = RegisterValue(0x1d3)

    /// PSCI 0.1, the only version of a vCPU without the feature PSCI_0_2.
    private static let psci01 = RegisterValue(1)

    private func hiding(_ bits: UInt64, in value: RegisterValue) -> RegisterValue {
        bits == 0 ? value : value.masked(by: ~bits)
    }

    // MARK: ID fields that depend on vCPU features

    /// The bits KVM presents as zero because the vCPU lacks a feature
    /// (`__kvm_read_sanitised_id_reg`, `arch/arm64/kvm/sys_regs.c`).
    private func fieldsHidden(
        in id: RegisterID, _ behavior: Behavior?, _ lost: VCPUFeatures
    ) -> UInt64 {
        let traits = behavior?.traits ?? []
        if traits.contains(.zeroWithoutSVE), lost.contains(.sve) { return .max }
        return lost.names.flatMap { IDFieldRule.byFeature[$0] ?? [] }
            .filter { $0.register == id }.reduce(0) { $0 | $1.mask }
    }
}
