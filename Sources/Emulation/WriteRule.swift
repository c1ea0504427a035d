/// What a host makes of a write to a register that is listed: how `KVM_SET_ONE_REG` takes it.
enum WriteRule: Hashable, Sendable {
    /// Stored as written.
    case any
    /// Only the value it has.
    case unchanged
    /// Only zero.
    case zero
    /// Accepted, and nothing changes.
    case ignored
    /// The other bits become zero.
    case keeping(UInt64)
    /// The other bits keep their value.
    case changing(UInt64)
    /// The other bits must be as they are.
    case constrained(changing: UInt64)

    /// An ID register: the fields in the mask, by their rules.
    case idFields(mask: UInt64)
    /// CLIDR_EL1 of the kernels that let userspace choose it.
    case cacheLevels
    /// CCSIDR of the kernels that let userspace choose it.
    case cacheGeometry
    /// PMCR_EL0 of the kernels that let userspace choose N.
    case pmuControl
    /// PMMIR_EL1.
    case pmuMachine
    /// PMEVCNTR<n>_EL0: 32 bits, or 64 with PMUv3p5.
    case eventCounter
    /// A bitmap of counters.
    case counters(CounterWrite)
    case psciVersion
    /// An SMCCC workaround: checked against the host's level; where its levels are in order, ENABLED is stored.
    case workaround(inOrder: Bool)
    /// A bitmap of hypercall services.
    case services(known: UInt64)
    case programState
    /// X, SP, PC, ELR and SPSR: narrowed while PSTATE says AArch32.
    case general
    /// Z, P and FFR: bytes above the vector length are dropped.
    case scalable
    case vectorLengths

    enum CounterWrite: Hashable, Sendable {
        case assign, set, clear
    }
}
