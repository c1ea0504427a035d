/// KVM's firmware pseudo-registers: the PSCI version and the levels of SMCCC workarounds.
package enum FirmwareState: StateKind {
    package static func contains(_ id: RegisterID) -> Bool {
        if case .firmware = id.group { true } else { false }
    }

    package static func category(of id: RegisterID) -> RegisterCategory { .firmware }

    package static func commonBits(of id: RegisterID) -> UInt64 { .max }

    package static func phase(of id: RegisterID) -> RestorePhase { .firmware }

    package static func constraint(of id: RegisterID) -> WriteConstraint { .psciVersion }

    package static func explanation(of failure: AccessFailure, for id: RegisterID) -> String? {
        failure.explanation(refused: promise)
    }

    package static func loss(of id: RegisterID, isAbsent: Bool) -> LossRule {
        .cause(id == .psciVersion ? .psciVersion : .firmware)
    }

    package static func baseline(of id: RegisterID) -> BaselineRule {
        id == .psciVersion ? .least : .untouched
    }

    package static var isOnlyOfKVM: Bool { true }

    static let promise = "it promises more than this host has"
}

/// The bitmaps of hypercall services.
package enum HypercallState: StateKind {
    package static func contains(_ id: RegisterID) -> Bool {
        if case .firmwareFeatures = id.group { true } else { false }
    }

    package static func category(of id: RegisterID) -> RegisterCategory { .firmware }

    package static func commonBits(of id: RegisterID) -> UInt64 { .max }

    package static func phase(of id: RegisterID) -> RestorePhase { .firmware }

    package static func constraint(of id: RegisterID) -> WriteConstraint { .services }

    package static func explanation(of failure: AccessFailure, for id: RegisterID) -> String? {
        failure.explanation(refused: FirmwareState.promise)
    }

    package static func loss(of id: RegisterID, isAbsent: Bool) -> LossRule {
        isAbsent ? .absence : .cause(.firmware)
    }

    package static func baseline(of id: RegisterID) -> BaselineRule { .commonBits }

    package static var isOnlyOfKVM: Bool { true }
}
