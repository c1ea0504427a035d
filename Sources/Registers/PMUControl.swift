/// PMCR_EL0.
public struct PMUControl: Hashable, Sendable {
    /// The register's value.
    public let bits: UInt64

    /// Takes apart a value of PMCR_EL0.
    public init(_ bits: UInt64) {
        self.bits = bits
    }

    /// A value whose N field says `counters`, with every other bit 0.
    public init(counters: Int) {
        bits = RegisterField.PMCREL0.n.placing(UInt64(counters))
    }

    /// N: the number of event counters.
    public static let countersMask = RegisterField.PMCREL0.n.mask

    /// IMP and IDCODE: who made the monitors.
    public static let identificationMask =
        RegisterField.PMCREL0.imp.mask | RegisterField.PMCREL0.idcode.mask

    /// The number of event counters.
    public var counters: Int { Int(RegisterField.PMCREL0.n.extract(from: bits)) }

    /// The bits the PMU's bitmaps have for that many counters: one each, and bit 31 for the cycle
    /// counter (`kvm_pmu_valid_counter_mask`, `arch/arm64/kvm/pmu-emul.c`).
    public var counterMask: UInt64 { (1 << UInt64(counters)) - 1 | 1 << 31 }
}
