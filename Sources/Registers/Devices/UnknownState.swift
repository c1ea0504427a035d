/// State that a VM may have and that KVM tells nobody: the bits of `RegisterID.unknownState`.
public struct UnknownState: OptionSet, Hashable, Sendable {
    /// The register's value.
    public let rawValue: UInt64

    /// Takes any value.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    private init(_ field: RegisterField) { self.init(rawValue: field.mask) }

    /// The event filter of the PMU (`KVM_ARM_VCPU_PMU_V3_FILTER`).
    public static let pmuFilter = UnknownState(RegisterField.UNKNOWNSTATE.pmuFILTER)
    /// Which PMU of the host was chosen (`KVM_ARM_VCPU_PMU_V3_SET_PMU`).
    public static let pmuID = UnknownState(RegisterField.UNKNOWNSTATE.pmuID)
    /// Which hypercalls go to the VMM (`KVM_ARM_VM_SMCCC_FILTER`).
    public static let smcccFilter = UnknownState(RegisterField.UNKNOWNSTATE.smcccFILTER)
    /// What was enabled by `KVM_ENABLE_CAP`.
    public static let capabilities = UnknownState(RegisterField.UNKNOWNSTATE.capabilities)
    /// Whether `KVM_ARM_SET_COUNTER_OFFSET` was used.
    public static let counterOffset = UnknownState(RegisterField.UNKNOWNSTATE.counterOFFSET)
    /// Which LPIs are pending, where the tables were not saved to the guest's memory.
    public static let lpiPending = UnknownState(RegisterField.UNKNOWNSTATE.lpiPENDING)
    /// The tables of an ITS, where they were not saved to the guest's memory.
    public static let itsTables = UnknownState(RegisterField.UNKNOWNSTATE.itsTABLES)
    /// Line levels of interrupts that are edge-triggered now.
    public static let linesOfEdges = UnknownState(RegisterField.UNKNOWNSTATE.lineOFEDGE)

    /// Everything that KVM does not tell.
    public static let everything: UnknownState = [
        .pmuFilter, .pmuID, .smcccFilter, .capabilities, .counterOffset, .lpiPending, .itsTables,
        .linesOfEdges,
    ]
}
