/// What a register holds after `KVM_ARM_VCPU_INIT`.
package enum ResetRule: Hashable, Sendable {
    case zero
    case bits(UInt64)
    /// What was saved, without the bits that the guest or its place in the VM changed.
    case asSaved(but: UInt64)
}

/// Which values KVM takes of a register that refuses some.
package enum WriteConstraint: Hashable, Sendable {
    /// Those that change no other bits than the dictionary's mask has.
    case bits
    /// CCSIDR: the geometry of a cache that can be.
    case cacheGeometry
    /// CLIDR_EL1: cache levels that can be.
    case cacheLevels
    /// PMMIR_EL1.
    case pmuMachine
    case psciVersion
    /// Hypercall services that the host has.
    case services
}

/// How a baseline finds the value that all hosts can give.
package enum BaselineRule: Hashable, Sendable {
    /// It is not part of a baseline.
    case untouched
    /// The bits that all have.
    case commonBits
    case least
    /// Field by field, by the rules of ID registers.
    case idFields
    /// One host's, where the others have the capability that it takes.
    case implementation
    /// One host's, for most take any.
    case model
    /// PMCR_EL0: the least number of counters.
    case counters
    /// The SVE vector lengths that all have, without a gap.
    case vectorLengths
}

/// Why a register is lost, as far as its kind tells.
package enum LossRule: Hashable, Sendable {
    /// Always for this reason.
    /// - Parameter detail: as `LossCause` says.
    case cause(LossCause, detail: String? = nil)
    /// The host has no such register; kernels and conditions of the dictionary tell why.
    case absence
    /// `KVM_ARM_VCPU_INIT` did not give what was asked for.
    case initialization
    /// Z, P and FFR registers, or the vector lengths.
    case vectors
    case performanceMonitors

    /// The host gives vCPUs no SVE.
    static let sve = cause(.vcpuFeature, detail: "SVE")
}

/// A KVM call for a register, which failed.
package struct AccessFailure: Hashable, Sendable {
    /// What the kernel's errno says, of those that say something.
    package enum Kind: Hashable, Sendable {
        /// `ENOENT`.
        case noSuchRegister
        /// `EBUSY`.
        case fixed
        /// `EINVAL`.
        case invalid
        /// `EPERM`.
        case notPermitted
    }

    package var kind: Kind
    package var isWrite: Bool
    /// Whether the vCPU has SVE; nil before it is initialized.
    package var hasSVE: Bool?

    package init(_ kind: Kind, isWrite: Bool, hasSVE: Bool?) {
        self.kind = kind
        self.isWrite = isWrite
        self.hasSVE = hasSVE
    }

    /// What it means for most registers.
    /// - Parameter refused: what a refused value means for the register.
    func explanation(refused: String?) -> String? {
        switch kind {
        case .noSuchRegister: "this kernel, or a vCPU with these features, has no such register"
        case .fixed: "fixed since a vCPU of this VM first ran"
        case .invalid: isWrite ? refused : nil
        case .notPermitted: nil
        }
    }
}
