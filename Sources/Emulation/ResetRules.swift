internal import Registers
internal import VCPUModel

/// The values a new vCPU has, where its features are not those the profile was recorded with.
///
/// With those it has what was recorded.
struct ResetRules {
    /// Those of the vCPU that was recorded.
    let recordedFeatures: VCPUFeatures
    let features: VCPUFeatures
    /// The names of both.
    private let names: (recorded: Set<String>, new: Set<String>)
    private let host: HostFacts
    /// What was recorded.
    private let registers: RegisterList

    init(recorded registers: RegisterList, with features: VCPUFeatures, on host: HostFacts) {
        self.registers = registers
        self.host = host
        recordedFeatures = features
        self.features = host.features
        names = (Set(features.names), Set(host.features.names))
    }

    func value(
        of id: RegisterID, _ behavior: Behavior?, recorded: RegisterValue
    ) -> RegisterValue {
        if features == recordedFeatures { return recorded }
        let lost = recordedFeatures.subtracting(features)
        if id == .psciVersion, lost.contains(.psci02) {
            return RegisterValue(PSCIVersion.oldest.rawValue)
        }
        return hiding(fieldsHidden(in: id, behavior, lost), in: shown(in: id, recorded))
    }

    /// The value with what KVM shows otherwise with these features, by Formats/registers/fresh.jsonl.
    private func shown(in id: RegisterID, _ recorded: RegisterValue) -> RegisterValue {
        let all = RegisterDictionary.entry(for: id)?.shownBits ?? []
        return all.reduce(recorded) { value, bits in
            let (before, after) = (rule(of: bits, names.recorded), rule(of: bits, names.new))
            switch after {
            case .fixed(let fixed) where before != after:
                return value.replacingLowBits(
                    with: bits.replacing(in: value.lowBits, with: fixed))
            case .counters(let pattern):
                guard let control = registers[.pmcrEL0] else { return value }
                let own = shown(in: .pmcrEL0, control)
                guard own != control else { return value }
                return value.replacingLowBits(
                    with: pattern & PMUControl(own.lowBits).counterMask)
            default: return value
            }
        }
    }

    private func rule(of bits: ShownBits, _ features: Set<String>) -> ShownBits.Rule {
        bits.rule(onKernel: host.kernel, of: host.cpu, features: features)
    }

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
