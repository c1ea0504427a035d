extension StateKind {
    /// KVM's firmware pseudo-registers: the PSCI version and the levels of SMCCC workarounds.
    static func firmware(_ id: RegisterID) -> StateKind {
        var kind = hypercalls
        kind.constraint = .psciVersion
        kind.loss = .cause(id == .psciVersion ? .psciVersion : .firmware)
        kind.lossWhenAbsent = kind.loss
        kind.baseline = id == .psciVersion ? .least : .untouched
        return kind
    }

    /// The bitmaps of hypercall services.
    static let hypercalls = StateKind(
        category: .firmware, commonBits: .max, phase: .firmware, constraint: .services,
        refusal: "it promises more than this host has", loss: .cause(.firmware),
        baseline: .commonBits, isOnlyOfKVM: true)
}
