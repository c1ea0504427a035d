internal import Registers

/// What follows from ID_AA64DFR0_EL1.PMUVer.
struct PMUVersion {
    /// The field.
    let version: UInt64

    private typealias Version = RegisterField.IDAA64DFR0EL1.PMUVer

    /// The newest that KVM offers to guests (`kvm_arm_pmu_get_pmuver_limit`).
    static let newestOffered = Version.v3p5

    /// - Parameter idAA64DFR0: ID_AA64DFR0_EL1, of which it is a field.
    init(idAA64DFR0: UInt64) {
        version = RegisterField.IDAA64DFR0EL1.pmuVer.extract(from: idAA64DFR0)
    }

    /// Whether event counters have 64 bits.
    var hasLongCounters: Bool { Version.v3p5..<Version.impDef ~= version }

    /// ID_DFR0_EL1.PerfMon, where PMUv3 is 3 (`pmuver_to_perfmon`, `arch/arm64/kvm/sys_regs.c`).
    var perfMon: UInt64 { version == Version.imp ? 3 : version }

    /// The bits of events in PMEVTYPER<n>_EL0 that it has: 16 from PMUv3p1 on, before 10
    /// (`__kvm_pmu_event_mask`, `arch/arm64/kvm/pmu-emul.c`).
    private var events: UInt64 { version <= Version.imp ? 0x3ff : 0xffff }

    /// A value of PMEVTYPER<n>_EL0 without bits of events that it does not have.
    func withoutMissingEvents(_ value: UInt64) -> UInt64 { value & (~0xffff | events) }
}
