extension StateKind {
    /// CCSIDR of each cache, which a CPU selects with CSSELR and KVM lists one by one.
    static let cache = StateKind(
        category: .identification, commonBits: .max, phase: .identification,
        constraint: .cacheGeometry, refusal: "not a cache geometry this host can show",
        loss: .cause(.cacheGeometry), lossWhenAbsent: .cause(.cacheGeometry), baseline: .model,
        isOnlyOfKVM: true)
}
