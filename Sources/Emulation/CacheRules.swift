internal import Registers
internal import TextFormats

/// CLIDR_EL1 of kernels that make one up (`set_clidr`, `arch/arm64/kvm/sys_regs.c`).
struct CacheLevels {
    static let writableMask =
        RegisterDictionary.entry(for: .clidrEL1)?.newestBehavior?.mask ?? 0

    let bits: UInt64

    /// - Parameter cacheType: the host's CTR_EL0.
    func check(cacheType: UInt64) throws(Refusal) {
        guard bits & ~Self.writableMask == 0 else {
            throw Refusal("bits 63:47 are RES0, found \((bits & ~Self.writableMask).hex)")
        }
        // CTR_EL0.IDC, bit 28.
        guard cacheType >> 28 & 1 == 1 || !claimsNoCleaning else {
            throw Refusal(
                "it says that cleaning to the point of unification is not needed, "
                    + "and the host's CTR_EL0.IDC is 0")
        }
    }

    /// LoC is 0, or LoUU and LoUIS are.
    private var claimsNoCleaning: Bool {
        bits >> 24 & 7 == 0 || (bits >> 27 & 7 == 0 && bits >> 21 & 7 == 0)
    }
}

/// CCSIDR_EL1 of one cache, of kernels that make it up (`set_ccsidr`).
struct CacheGeometry {
    let bits: UInt64
    /// CSSELR_EL1.InD.
    let isInstruction: Bool

    init(_ bits: UInt64, id: RegisterID) {
        self.bits = bits
        isInstruction = id.rawValue & 1 != 0
    }

    /// - Parameter cacheType: the host's CTR_EL0.
    func check(cacheType: UInt64) throws(Refusal) {
        // LineSize is log2 of the bytes less 4; IminLine and DminLine are log2 of 4-byte words.
        let line = (bits & 7) + 4
        let least = cacheType >> (isInstruction ? 0 : 16) & 0xf + 2
        guard line >= least else {
            throw Refusal(
                "lines of \(1 << line) bytes are shorter than the host's least, \(1 << least)")
        }
    }
}

extension RegisterID {
    /// Whether KVM that makes caches up takes a value of CLIDR_EL1, or of a CCSIDR, on a host with this CTR_EL0.
    package func takesCache(_ bits: UInt64, cacheType: UInt64) -> Bool {
        do throws(Refusal) {
            if self == .clidrEL1 {
                try CacheLevels(bits: bits).check(cacheType: cacheType)
            } else {
                try CacheGeometry(bits, id: self).check(cacheType: cacheType)
            }
            return true
        } catch {
            return false
        }
    }
}
