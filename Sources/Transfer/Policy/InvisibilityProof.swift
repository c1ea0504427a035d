internal import Registers
internal import VCPUModel

/// Why a guest cannot see that a register was lost: the proofs of the preset `safe`.
///
/// Each is a statement of the Arm ARM or of KVM about the guest as it was saved; where none holds there is
/// no proof, and the loss counts. Formats/policy-v1.md has the table.
enum InvisibilityProof {
    static func of(_ loss: PolicyLoss, in guest: RegisterList) -> String? {
        guard loss.kind != .missing else { return nil }
        let entry = RegisterDictionary.entry(for: loss.id)
        return notThere(loss.id, entry, guest) ?? neverWritten(loss, entry)
            ?? noSuchCache(loss.id, guest) ?? noAArch32(loss.id, entry, guest)
            ?? noSuchCounter(loss.id, guest) ?? noServices(loss) ?? idleTimer(loss, entry)
            ?? zeroEitherWay(loss)
    }

    private static func bits(_ id: RegisterID, _ guest: RegisterList) -> UInt64? {
        guest[id]?.bits
    }

    private static func neverWritten(_ loss: PolicyLoss, _ entry: RegisterEntry?) -> String? {
        guard loss.saved.bits == Behavior.unknownReset,
            entry?.newestReset == Behavior.unknownReset
        else { return nil }
        return "the guest never wrote it: it holds the pattern KVM resets it to, where the "
            + "architecture gives it no value"
    }

    /// A register that the guest's own ID registers, or the features of its vCPU, say it does not have.
    private static func notThere(
        _ id: RegisterID, _ entry: RegisterEntry?, _ guest: RegisterList
    ) -> String? {
        for need in entry?.newestNeeds ?? [] {
            switch need {
            case .idField(let field):
                guard let value = bits(field.register, guest), !field.holds(for: value) else {
                    continue
                }
                return "the guest's \(field.register).\(field.field) says that it does not have "
                    + "the register"
            case .feature(let name):
                guard let features = guest[.vcpuInit].flatMap({ VCPUInit($0) })?.features,
                    !features.names.contains(name)
                else { continue }
                return "the guest's vCPU was made without \(name), so it does not have the register"
            case .notFeature, .capability, .finalized: continue
            }
        }
        return nil
    }

    // MARK: Identification

    /// CLIDR_EL1.Ctype<n>: 1 and 3 have an instruction cache, 2, 3 and 4 a data or unified one (Arm ARM, "CCSIDR_EL1": UNKNOWN for a cache that is not there).
    private static func noSuchCache(_ id: RegisterID, _ guest: RegisterList) -> String? {
        guard case .demultiplexed(0, let selector) = id.group,
            let levels = bits(.clidrEL1, guest)
        else { return nil }
        let level = Int(selector >> 1)
        guard level < cacheTypes.count else { return "there is no cache level \(level + 1)" }
        let type = cacheTypes[level].extract(from: levels)
        let isInstruction = id.isInstructionCache
        let exists = isInstruction ? [1, 3].contains(type) : [2, 3, 4].contains(type)
        guard !exists else { return nil }
        return "the guest's CLIDR_EL1 has no level \(level + 1) "
            + "\(isInstruction ? "instruction" : "data or unified") cache, so its value is UNKNOWN"
    }

    /// By level, from 1 on.
    private static let cacheTypes: [RegisterField] = [
        RegisterField.CLIDREL1.ctype1, RegisterField.CLIDREL1.ctype2, RegisterField.CLIDREL1.ctype3,
        RegisterField.CLIDREL1.ctype4, RegisterField.CLIDREL1.ctype5, RegisterField.CLIDREL1.ctype6,
        RegisterField.CLIDREL1.ctype7,
    ]

    /// The AArch32 ID registers are UNKNOWN on a CPU without AArch32 (Arm ARM, "ID_PFR0_EL1").
    private static func noAArch32(
        _ id: RegisterID, _ entry: RegisterEntry?, _ guest: RegisterList
    ) -> String? {
        guard entry?.isFeatureIDRegister == true, case .system(let encoding) = id.group,
            1...3 ~= encoding.crm, guest.hasAArch32AtEL0 == false
        else { return nil }
        return "the guest's ID_AA64PFR0_EL1.EL0 has no AArch32, so its value is UNKNOWN"
    }

    /// An ID register that the destination does not list (`sys_reg_desc` of `access_raz_id_reg` and
    /// `ID_HIDDEN`, `arch/arm64/kvm/sys_regs.c`): op0 3, op1 0, CRn 0, CRm 1 to 7.
    private static func zeroEitherWay(_ loss: PolicyLoss) -> String? {
        guard loss.kind == .absent, loss.saved.isZero, case .system(let encoding) = loss.id.group,
            encoding.op0 == 3, encoding.op1 == 0, encoding.crn == 0, 1...7 ~= encoding.crm
        else { return nil }
        return
            "the guest reads it as 0, which is what KVM gives to a guest for every ID register that it "
            + "does not list"
    }

    // MARK: Performance monitors

    /// PMEVCNTR<n>_EL0 and PMEVTYPER<n>_EL0 have CRn 14, and n in CRm (two bits) and Op2.
    private static func noSuchCounter(_ id: RegisterID, _ guest: RegisterList) -> String? {
        guard case .system(let encoding) = id.group, encoding.op0 == 3, encoding.op1 == 3,
            encoding.crn == 14, encoding.crm >= 8, let control = bits(.pmcrEL0, guest)
        else { return nil }
        let number = (encoding.crm & 3) << 3 | encoding.op2
        let count = PMUControl(control).counters
        // 31 in the place of a counter's number is PMCCFILTR_EL0.
        guard number != 31, number >= count else { return nil }
        return "the guest's PMCR_EL0.N has \(count) counters, and this is number \(number)"
    }

    // MARK: What the destination has without the register

    private static func noServices(_ loss: PolicyLoss) -> String? {
        guard case .firmwareFeatures = loss.id.group, loss.kind == .absent, loss.saved.isZero else {
            return nil
        }
        return "the guest has none of these services, and neither has the destination"
    }

    private static func idleTimer(_ loss: PolicyLoss, _ entry: RegisterEntry?) -> String? {
        guard let entry, entry.isTimer, loss.kind == .absent, let reset = entry.newestReset,
            loss.saved.lowBits & ~entry.volatileBits == reset & ~entry.volatileBits
        else { return nil }
        return "the guest has left it as it is at reset, as the destination's is"
    }
}

extension RegisterEntry {
    /// The value after `KVM_ARM_VCPU_INIT`, where every host has the same.
    fileprivate var newestReset: UInt64? { newestBehavior?.reset }
}
