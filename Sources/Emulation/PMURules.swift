internal import Registers
internal import VCPUModel

extension PMUControl {
    /// The bits a guest controls: E, P, C, D, X, DP, LC and LP (`ARMV8_PMU_PMCR_MASK`).
    private static let controls =
        RegisterDictionary.entry(for: .pmcrEL0)?.newestBehavior?.keeps ?? 0
    /// LC: the cycle counter overflows at 64 bits.
    private static let longCycleCounter = RegisterField.PMCREL0.lc.mask

    /// The value after a write (`set_pmcr`, `arch/arm64/kvm/sys_regs.c`): N that is too large is
    /// ignored, and LC is one where AArch32, which could have it zero, does not exist.
    func written(_ value: UInt64, host: HostFacts) -> UInt64 {
        let mask = Self.takesCounters(value, host) ? Self.countersMask : 0
        let forced = host.hasAArch32AtEL0 ? 0 : Self.longCycleCounter
        return value & (Self.controls | mask) | bits & Self.countersMask & ~mask | forced
    }

    /// The bits of `value` that `written` takes.
    static func acceptableMask(of value: UInt64, host: HostFacts) -> UInt64 {
        let forced = host.hasAArch32AtEL0 ? 0 : longCycleCounter
        return controls & ~forced | (takesCounters(value, host) ? countersMask : 0)
    }

    private static func takesCounters(_ value: UInt64, _ host: HostFacts) -> Bool {
        let isFixed =
            host.features.contains(.hasEL2) && host.has(.countersFixedWithEL2, of: .pmcrEL0)
        return PMUControl(value).counters <= host.counters && !isFixed
    }

    /// The bitmap after a write to its SET or CLR name; this is PMCR_EL0 at that time.
    func written(
        _ value: UInt64, to bitmap: UInt64, _ write: WriteRule.CounterWrite
    ) -> UInt64 {
        let bits = value & counterMask
        return switch write {
        case .assign: bits
        case .set: bitmap | bits
        case .clear: bitmap & ~bits
        }
    }
}

/// PMEVCNTR<n>_EL0.
enum EventCounter {
    static func isOne(_ id: RegisterID) -> Bool {
        RegisterID.pmevcntr0EL0 <= id && id <= .pmevcntr30EL0
    }

    /// The bits it has (`kvm_pmc_is_64bit`, `arch/arm64/kvm/pmu-emul.c`).
    /// - Parameter idAA64DFR0: ID_AA64DFR0_EL1 of the vCPU.
    static func mask(idAA64DFR0: UInt64) -> UInt64 {
        PMUVersion(idAA64DFR0: idAA64DFR0).hasLongCounters ? .max : 0xffff_ffff
    }
}
