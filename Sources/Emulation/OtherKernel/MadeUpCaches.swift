internal import Registers

/// The caches that KVM makes up of CTR_EL0 for a guest, and what is taken for those of a CPU that are not known.
extension CacheType {
    private typealias Levels = RegisterField.CLIDREL1

    /// CLIDR_EL1 (`reset_clidr`, `arch/arm64/kvm/sys_regs.c`).
    ///
    /// With IDC that is a unified cache, at level 2 if there is one of instructions too, else a data cache at level 1
    /// to which data are cleaned; without DIC a cache of instructions at level 1.
    var madeUpLevels: UInt64 {
        let first = needsNoInvalidation ? 0 : CacheLevel.instructions.rawValue
        guard needsNoCleaning else {
            return Levels.loUU.placing(1) | Levels.loC.placing(1) | Levels.loUIS.placing(1)
                | Levels.ctype1.placing(CacheLevel.data.rawValue | first)
        }
        guard !needsNoInvalidation else {
            return Levels.loC.placing(1) | Levels.ctype1.placing(CacheLevel.unified.rawValue)
        }
        return Levels.loC.placing(2) | Levels.ctype2.placing(CacheLevel.unified.rawValue)
            | Levels.ctype1.placing(first)
    }

    /// CCSIDR_EL1 of one cache (`get_ccsidr`): a line of the least size, one set, one way.
    ///
    /// LineSize is log2 of the bytes less 4, the least size log2 of words.
    func madeUpGeometry(ofInstructions isInstruction: Bool) -> UInt64 {
        let least = leastLine(ofInstructions: isInstruction)
        return least < 2 ? 0 : least - 2
    }

    /// CLIDR_EL1 as most CPUs have it: two caches at level 1, a unified one at level 2, which is the point of
    /// coherency.
    var usualLevels: UInt64 {
        (needsNoCleaning ? 0 : Levels.loUU.placing(1) | Levels.loUIS.placing(1))
            | Levels.loC.placing(2) | Levels.ctype2.placing(CacheLevel.unified.rawValue)
            | Levels.ctype1.placing(CacheLevel.separate.rawValue)
    }
}
