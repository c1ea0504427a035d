internal import Registers
internal import VCPUModel

/// The values a new vCPU has, where its features are not those the profile was recorded with.
///
/// With those it has what was recorded.
struct ResetRules {
    /// Those of the vCPU that was recorded.
    private let recordedFeatures: VCPUFeatures
    private let features: VCPUFeatures

    init(of features: VCPUFeatures, recordedWith recordedFeatures: VCPUFeatures) {
        self.features = features
        self.recordedFeatures = recordedFeatures
    }

    func value(
        of id: RegisterID, _ behaviour: Behaviour?, recorded: RegisterValue
    ) -> RegisterValue {
        let gained = features.subtracting(recordedFeatures)
        let lost = recordedFeatures.subtracting(features)
        return switch id {
        case .pstate where gained.contains(.el1In32Bit): Self.supervisorState
        case .psciVersion where lost.contains(.psci02): Self.psci01
        default: hiding(fieldsHidden(in: id, behaviour, lost), in: recorded)
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
        in id: RegisterID, _ behaviour: Behaviour?, _ lost: VCPUFeatures
    ) -> UInt64 {
        let traits = behaviour?.traits ?? []
        if traits.contains(.zeroWithoutSVE), lost.contains(.sve) { return .max }
        let hidden = Self.fields.filter { !lost.isDisjoint(with: $0.feature) }
            .flatMap { $0.fields[id] ?? [] }
        guard !hidden.isEmpty else { return 0 }
        let rules = RegisterDictionary.entry(for: id)?.idFieldRules ?? []
        return rules.filter { hidden.contains($0.field) }.reduce(0) { $0 | $1.mask }
    }

    private static let fields: [(feature: VCPUFeatures, fields: [RegisterID: [String]])] = [
        (.sve, [.idAA64PFR0EL1: ["SVE"]]),
        (.pmuV3, [.idAA64DFR0EL1: ["PMUVer"], .idDFR0EL1: ["PerfMon"]]),
        (
            .pointerAuthentication,
            [
                .idAA64ISAR1EL1: ["APA", "API", "GPA", "GPI"], .idAA64ISAR2EL1: ["APA3", "GPA3"],
            ]
        ),
    ]
}
