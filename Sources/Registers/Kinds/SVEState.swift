extension StateKind {
    /// SVE's Z, P and FFR registers, and the set of vector lengths.
    static func sve(_ id: RegisterID) -> StateKind {
        var kind = StateKind(
            category: .vector, reset: .zero, phase: .vector, ownExplanation: explanationOfSVE,
            loss: .vectors, lossWhenAbsent: .sve)
        if id == .sveVLS {
            kind.commonBits = .max
            kind.reset = .asSaved(but: 0)
            kind.phase = .vectorLengths
            kind.baseline = .vectorLengths
        }
        return kind
    }

    @Sendable
    private static func explanationOfSVE(_ failure: AccessFailure, for id: RegisterID) -> String? {
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
}
