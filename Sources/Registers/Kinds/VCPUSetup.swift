/// What KVM keeps outside its register list: init features, finalization, pending events, MP state.
package enum VCPUSetup: StateKind {
    package static func contains(_ id: RegisterID) -> Bool {
        if case .vcpu = id.group { true } else { false }
    }

    package static func category(of id: RegisterID) -> RegisterCategory { .vcpu }

    /// All of VCPU_INIT but POWER_OFF (bit 0 of the features, whose first word is at bit 32), with which one
    /// vCPU starts and the others do not.
    package static func commonBits(of id: RegisterID) -> UInt64 {
        id == .vcpuInit ? ~(1 << 32) : 0
    }

    package static func reset(of id: RegisterID) -> ResetRule {
        id == .vcpuEvents || id == .mpState ? .zero : .asSaved(but: 0)
    }

    package static func phase(of id: RegisterID) -> RestorePhase {
        switch id {
        case .vcpuInit: .initialization
        case .vcpuFinalized: .finalization
        case .vcpuEvents: .events
        default: .runState
        }
    }

    package static func explanation(of failure: AccessFailure, for id: RegisterID) -> String? {
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

    package static func loss(of id: RegisterID, isAbsent: Bool) -> LossRule {
        switch id {
        case .vcpuFinalized: .cause(.vcpuFeature, detail: "SVE")
        case .vcpuEvents: .cause(.cpuFeature, detail: "ID_AA64PFR0_EL1.RAS")
        case .vcpuInit: .initialization
        default: .cause(.other)
        }
    }

    package static var isInCPRegisterList: Bool { false }
}
