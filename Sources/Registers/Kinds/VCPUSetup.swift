extension StateKind {
    /// What KVM keeps outside its register list: init features, finalization, pending events, MP state.
    static func vcpu(_ id: RegisterID) -> StateKind {
        var kind = StateKind(category: .vcpu, phase: .runState, ownExplanation: explanationOfSetup)
        switch id {
        case .vcpuInit:
            // All but POWER_OFF (bit 0 of the features, whose first word is at bit 32), with which one
            // vCPU starts and the others do not.
            kind.commonBits = ~(1 << 32)
            kind.phase = .initialization
            kind.loss = .initialization
        case .vcpuFinalized:
            kind.phase = .finalization
            kind.loss = .sve
        case .vcpuEvents:
            kind.reset = .zero
            kind.phase = .events
            typealias Fields = RegisterField.IDAA64PFR0EL1
            kind.loss = .cause(
                .cpuFeature, detail: "\(RegisterID.idAA64PFR0EL1).\(Fields.ras.name)")
        case .mpState: kind.reset = .zero
        default: break
        }
        // Without RAS there is such state all the same; what lacks it is a kernel.
        if id != .vcpuEvents { kind.lossWhenAbsent = kind.loss }
        return kind
    }

    @Sendable
    private static func explanationOfSetup(_ failure: AccessFailure, for id: RegisterID) -> String?
    {
        switch (id, failure.kind) {
        case (.vcpuInit, .invalid):
            "the host accepts neither this CPU type nor its own with these features, or a vCPU of "
                + "this VM was initialized with others"
        case (.vcpuFinalized, .noSuchRegister): "the vCPU has no feature that is finalized"
        case (.vcpuFinalized, .invalid): "the vCPU does not have the feature"
        case (.vcpuFinalized, .notPermitted): "the feature is finalized already"
        case (.vcpuEvents, .invalid):
            "the host cannot give an SError a syndrome (no RAS extension), or the syndrome has bits "
                + "outside its ISS field"
        case (.mpState, .invalid):
            "arm64 has the states runnable (0), stopped (5) and suspended (10)"
        case (_, .noSuchRegister): "this kernel keeps no such state"
        default: nil
        }
    }
}
