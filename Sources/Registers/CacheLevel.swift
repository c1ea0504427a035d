/// What CLIDR_EL1.Ctype<n> says of a level of caches (Arm ARM, "CLIDR_EL1, Cache Level ID Register").
package enum CacheLevel: UInt64 {
    /// There is none at this level.
    case none = 0
    /// One of instructions.
    case instructions = 1
    /// One of data.
    case data = 2
    /// One of each.
    case separate = 3
    /// One of both.
    case unified = 4

    /// Whether it has a cache that CSSELR_EL1 selects with InD as given.
    package func hasCache(ofInstructions isInstruction: Bool) -> Bool {
        switch self {
        case .none: false
        case .separate: true
        case .instructions: isInstruction
        case .data, .unified: !isInstruction
        }
    }
}
