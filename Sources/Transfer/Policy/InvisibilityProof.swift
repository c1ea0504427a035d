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
        let ofGuest =
            notThere(loss.id, entry, guest) ?? neverWritten(loss, entry)
            ?? noSuchCache(loss.id, guest) ?? noAArch32(loss.id, entry, guest)
            ?? noEL2(loss, guest)
        if let ofGuest { return ofGuest }
        let ofMonitors =
            noSuchCounter(loss.id, guest) ?? writtenOnly(entry) ?? identifiedElsewhere(loss)
        if let ofMonitors { return ofMonitors }
        let ofState = sameServices(loss) ?? idleTimer(loss, entry)
        if let ofState { return ofState }
        return zeroEitherWay(loss) ?? noLessPromised(loss) ?? otherTarget(loss)
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

    /// NV tells of hypervisors at EL1 (Arm ARM, "ID_AA64MMFR2_EL1"), which only a guest with EL2 can have.
    ///
    /// KVM before Linux 6.16 shows every guest what the CPU has; later it takes that and makes it 0 (`id-fields.jsonl`).
    private static func noEL2(_ loss: PolicyLoss, _ guest: RegisterList) -> String? {
        guard loss.id == .idAA64MMFR2EL1, case .different(let lost) = loss.kind,
            lost.lowBits & ~RegisterField.IDAA64MMFR2EL1.nv.mask == 0,
            let made = guest[.vcpuInit].flatMap({ VCPUInit($0) }),
            !made.features.contains(.hasEL2)
        else { return nil }
        return "only NV differs, which tells of EL2, and the guest's vCPU was made without HAS_EL2"
    }

    /// Arm ARM, "CCSIDR_EL1": UNKNOWN for a cache that is not there.
    private static func noSuchCache(_ id: RegisterID, _ guest: RegisterList) -> String? {
        guard case .demultiplexed(0, let selector) = id.group,
            let levels = bits(.clidrEL1, guest)
        else { return nil }
        let level = Int(selector >> 1)
        guard level < cacheTypes.count else { return "an Arm CPU has no cache of such a level" }
        let type = CacheLevel(rawValue: cacheTypes[level].extract(from: levels)) ?? .none
        guard !type.hasCache(ofInstructions: id.isInstructionCache) else { return nil }
        return
            "the guest's CLIDR_EL1, \(RegisterValue(levels)), has no such cache, so the value is UNKNOWN"
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

    /// An ID register that the destination does not list (`access_raz_id_reg` and `ID_HIDDEN`,
    /// `arch/arm64/kvm/sys_regs.c`), or PMMIR_EL1 (`trap_raz_wi` there).
    ///
    /// KVM without that trap, before Linux 5.12, and CPUs on which a guest's access is UNDEFINED give no guest a PMU
    /// that has PMMIR_EL1: that the guest has another is a loss of ID_AA64DFR0_EL1.
    private static func zeroEitherWay(_ loss: PolicyLoss) -> String? {
        guard loss.kind == .absent, loss.saved.isZero, case .system(let encoding) = loss.id.group,
            encoding.isFeatureID || loss.id == .pmmirEL1
        else { return nil }
        let place = encoding.isFeatureID ? "for every ID register that" : "where"
        return
            "the guest reads it as 0, which is what KVM gives to a guest \(place) it does not list"
            + (encoding.isFeatureID ? "" : " the register")
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
        return "the guest's PMCR_EL0.N has \(count) counters, of which this is none"
    }

    /// PMSWINC_EL0: a read is UNDEFINED (Arm ARM; `access_pmswinc`, `arch/arm64/kvm/sys_regs.c`), and a write has done
    /// what it does when it returns.
    private static func writtenOnly(_ entry: RegisterEntry?) -> String? {
        entry?.isWriteOnly == true
            ? "a guest can only write it, and what was written has had its effect" : nil
    }

    /// IMP 0 sends software to MIDR_EL1, and IDCODE is then RES0 (Arm ARM, "PMCR_EL0").
    ///
    /// KVM since Linux 6.7 takes what older kernels showed there and makes it 0 (`set_pmcr`,
    /// `arch/arm64/kvm/sys_regs.c`); of another CPU MIDR_EL1 is a loss of its own.
    private static func identifiedElsewhere(_ loss: PolicyLoss) -> String? {
        let mask = PMUControl.identificationMask
        guard loss.id == .pmcrEL0, case .different(let lost) = loss.kind,
            lost.lowBits & ~mask == 0, let held = loss.held?.bits, held & mask == 0
        else { return nil }
        return "only IMP and IDCODE differ, and 0 there tells the guest to go by its MIDR_EL1"
    }

    // MARK: What the destination has without the register

    /// Kernels without the bitmap offer what services they have to every guest (`kvm_hvc_call_handler`,
    /// `arch/arm64/kvm/hypercalls.c`, before Linux 5.19).
    private static func sameServices(_ loss: PolicyLoss) -> String? {
        guard case .firmwareFeatures = loss.id.group, loss.kind == .absent,
            let offered = loss.held?.bits, offered == loss.saved.bits
        else { return nil }
        return offered == 0
            ? "the guest has none of these services, and neither has the destination"
            : "the guest has just the services that the destination's kernel, without the register, always offers"
    }

    /// A guest acts on the level of a mitigation that it was told: at AVAIL it calls the firmware, which KVM takes at
    /// NOT_REQUIRED too, and does nothing (`Documentation/virt/kvm/arm/fw-pseudo-registers.rst`; the calls
    /// themselves return in `el1_hvc_guest`, `arch/arm64/kvm/hyp/hyp-entry.S`, whatever the level).
    private static func noLessPromised(_ loss: PolicyLoss) -> String? {
        guard let told = level(loss.saved, of: loss.id) else { return nil }
        switch loss.kind {
        case .absent where told.promise == 0:
            return "the guest was told \(told.name), and without the register KVM tells no more"
        case .different:
            guard let held = level(loss.held, of: loss.id), held.promise >= told.promise else {
                return nil
            }
            return
                "the guest was told \(told.name), and what it does at that level is enough where KVM "
                + "has \(held.name)"
        case .absent, .refused, .missing: return nil
        }
    }

    private static func level(_ value: RegisterValue?, of id: RegisterID) -> WorkaroundLevel? {
        value.flatMap { WorkaroundLevel($0.lowBits, of: id) }
    }

    /// The target of `KVM_ARM_VCPU_INIT` chooses nothing that a guest sees (`kvm_vcpu_init_check_features`,
    /// `arch/arm64/kvm/arm.c`); MIDR_EL1 and the ID registers tell it of its CPU.
    private static func otherTarget(_ loss: PolicyLoss) -> String? {
        guard loss.id == .vcpuInit, case .different = loss.kind,
            let held = loss.held.flatMap({ VCPUInit($0) }), var saved = VCPUInit(loss.saved)
        else { return nil }
        saved.target = held.target
        guard saved == held else { return nil }
        return "only the target differs, of which KVM tells the guest nothing"
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
