/// CCSIDR of each cache, which a CPU selects with CSSELR and KVM lists one by one.
package enum CacheState: StateKind {
    package static func contains(_ id: RegisterID) -> Bool { id.isCacheGeometry }

    package static func category(of id: RegisterID) -> RegisterCategory { .identification }

    package static func commonBits(of id: RegisterID) -> UInt64 { .max }

    package static func phase(of id: RegisterID) -> RestorePhase { .identification }

    package static func constraint(of id: RegisterID) -> WriteConstraint { .cacheGeometry }

    package static func explanation(of failure: AccessFailure, for id: RegisterID) -> String? {
        failure.explanation(refused: "not a cache geometry this host can show")
    }

    package static func loss(of id: RegisterID, isAbsent: Bool) -> LossRule {
        .cause(.cacheGeometry)
    }

    package static func baseline(of id: RegisterID) -> BaselineRule { .model }

    package static var isOnlyOfKVM: Bool { true }
}
