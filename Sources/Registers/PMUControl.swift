/// PMCR_EL0.
package struct PMUControl: Hashable, Sendable {
    /// The register's value.
    package let bits: UInt64

    /// Takes apart a value of PMCR_EL0.
    package init(_ bits: UInt64) {
        self.bits = bits
    }

    /// A value whose N field says `counters`, with every other bit 0.
    package init(counters: Int) {
        bits = RegisterField.PMCREL0.n.placing(UInt64(counters))
    }

    /// N: the number of event counters.
    package static let countersMask = RegisterField.PMCREL0.n.mask

    /// IMP and IDCODE: who made the monitors.
    package static let identificationMask =
        RegisterField.PMCREL0.imp.mask | RegisterField.PMCREL0.idcode.mask

    /// The number of event counters.
    package var counters: Int { Int(RegisterField.PMCREL0.n.extract(from: bits)) }

    /// The bits the PMU's bitmaps have for that many counters: one each, and bit 31 for the cycle
    /// counter (`kvm_pmu_valid_counter_mask`, `arch/arm64/kvm/pmu-emul.c`).
    package var counterMask: UInt64 { (1 << UInt64(counters)) - 1 | 1 << 31 }
}
