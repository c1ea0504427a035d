internal import Emulation
internal import Registers
internal import Transfer
internal import VCPUModel

/// The smallest rules of a policy that pardon a loss.
extension LossExplainer {
    /// Fields of a refused ID register get the destination's value, and the guest keeps the rest of it; of everything else
    /// the loss itself is pardoned.
    func rules(for restore: RegisterRestore, notice: GuestImpact?) -> [PolicyProposal.Rule] {
        guard let wanted = restore.wanted ?? guest[restore.id] ?? restore.found else { return [] }
        let overrides = overrides(for: restore).map { field, value in
            PolicyProposal.Rule.field(
                restore.id, field, value: value, saved: field.extract(from: wanted.lowBits), notice)
        }
        return overrides.isEmpty
            ? [.loss(restore.id, restore.outcome, saved: wanted, held: restore.found, notice)]
            : overrides
    }

    /// None where the destination takes nothing but its own value of the register, unless one rule brings it about.
    private func overrides(
        for restore: RegisterRestore
    ) -> [(field: RegisterField, value: UInt64)] {
        guard case .refused = restore.outcome, let kernel, let wanted = restore.wanted?.bits,
            let host = restore.found?.bits,
            let entry = RegisterDictionary.entry(for: restore.id)
        else { return [] }
        let fields = unacceptableFields(of: restore)
        let kept = fields.reduce(wanted) { $1.replacing(in: $0, with: $1.extract(from: host)) }
        let isTaken =
            kept == host ? fields.count == 1 : entry.takes(kept, on: host, kernel: kernel)
        guard isTaken else { return [] }
        return fields.filter { !isZeroed($0, restore, onKernel: kernel) }.compactMap { rule in
            entry.field(named: rule.field).map { ($0, rule.extract(from: host)) }
        }
    }

    /// Whether the destination takes a field as it is and makes it 0, which the policy pardons.
    private func isZeroed(
        _ rule: IDFieldRule, _ restore: RegisterRestore, onKernel kernel: KernelVersion
    ) -> Bool {
        guard rule.isIgnoredIfHostValue(onKernel: kernel), let wanted = restore.wanted,
            let host = restore.found, let hardware = profile.hardware[restore.id],
            (hardware ^ wanted.lowBits) & rule.mask == 0
        else { return false }
        let lost = RegisterValue((wanted.lowBits ^ host.lowBits) & rule.mask)
        let loss = PolicyLoss(restore.id, saved: wanted, .different(lost), held: host)
        return policy.pardon(loss, of: guest) != nil
    }
}
