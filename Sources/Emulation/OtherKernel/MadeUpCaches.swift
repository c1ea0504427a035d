/// The caches that KVM makes up of CTR_EL0 for a guest, and what is taken for those of a CPU that are not known.
struct MadeUpCaches {
    /// CTR_EL0.
    let cacheType: UInt64

    /// IDC, bit 28: data need not be cleaned to the point of unification.
    private var needsNoCleaning: Bool { cacheType >> 28 & 1 == 1 }
    /// DIC, bit 29: instructions need not be invalidated there.
    private var needsNoInvalidation: Bool { cacheType >> 29 & 1 == 1 }

    /// CLIDR_EL1 (`reset_clidr`, `arch/arm64/kvm/sys_regs.c`).
    ///
    /// With IDC that is a unified cache, at level 2 if there is one of instructions too, else a data cache at level 1
    /// to which data are cleaned; without DIC a cache of instructions at level 1.
    var levels: UInt64 {
        let instructions: UInt64 = needsNoInvalidation ? 0 : 1
        guard needsNoCleaning else { return 1 << 27 | 1 << 24 | 1 << 21 | 2 | instructions }
        return needsNoInvalidation ? 1 << 24 | 4 : 2 << 24 | 4 << 3 | instructions
    }

    /// CCSIDR_EL1 of one cache (`get_ccsidr`): a line of the least size, one set, one way.
    ///
    /// LineSize is log2 of the bytes less 4; DminLine and IminLine are log2 of words.
    func geometry(ofInstructions isInstruction: Bool) -> UInt64 {
        let least = cacheType >> (isInstruction ? 0 : 16) & 0xf
        return least < 2 ? 0 : least - 2
    }

    /// CLIDR_EL1 as most CPUs have it: two caches at level 1, a unified one at level 2, which is the point of
    /// coherency.
    var usualLevels: UInt64 {
        (needsNoCleaning ? 0 : 1 << 27 | 1 << 21) | 2 << 24 | 4 << 3 | 3
    }
}
