/// SVE's Z, P and FFR registers, and the set of vector lengths.
package enum SVEState: StateKind {
    package static func contains(_ id: RegisterID) -> Bool {
        if case .sve = id.group { true } else { false }
    }

    package static func category(of id: RegisterID) -> RegisterCategory { .vector }

    package static func commonBits(of id: RegisterID) -> UInt64 { id == .sveVLS ? .max : 0 }

    package static func reset(of id: RegisterID) -> ResetRule {
        id == .sveVLS ? .asSaved(but: 0) : .zero
    }

    package static func phase(of id: RegisterID) -> RestorePhase {
        id == .sveVLS ? .vectorLengths : .vector
    }

    package static func explanation(of failure: AccessFailure, for id: RegisterID) -> String? {
        switch failure.kind {
        case .noSuchRegister:
            failure.hasSVE == false ? "the vCPU has no SVE" : "the register has no such slice"
        case .notPermitted:
            id == .sveVLS
                ? "the vector lengths are fixed since KVM_ARM_VCPU_FINALIZE"
                : "SVE registers exist after KVM_ARM_VCPU_FINALIZE only"
        case .invalid where id == .sveVLS && failure.isWrite:
            "the set must be all lengths the host has up to its longest, no fewer and no others"
        case .invalid, .fixed: nil
        }
    }

    package static func loss(of id: RegisterID, isAbsent: Bool) -> LossRule {
        isAbsent ? .cause(.vcpuFeature, detail: "SVE") : .vectors
    }

    package static func baseline(of id: RegisterID) -> BaselineRule {
        id == .sveVLS ? .vectorLengths : .untouched
    }

    package static var isInCPRegisterList: Bool { false }
}
