internal import Registers
internal import TextFormats

/// CTR_EL0.
struct CacheType: Hashable {
    let bits: UInt64

    /// IDC: data need not be cleaned to the point of unification.
    var needsNoCleaning: Bool { RegisterField.CTREL0.idc.touches(bits) }
    /// DIC: instructions need not be invalidated there.
    var needsNoInvalidation: Bool { RegisterField.CTREL0.dic.touches(bits) }

    /// IminLine or DminLine: log2 of the words of 4 bytes in the shortest line of any such cache.
    func leastLine(ofInstructions isInstruction: Bool) -> UInt64 {
        let field = isInstruction ? RegisterField.CTREL0.iminLine : RegisterField.CTREL0.dminLine
        return field.extract(from: bits)
    }
}

/// CLIDR_EL1 of kernels that make one up (`set_clidr`, `arch/arm64/kvm/sys_regs.c`).
struct CacheLevels {
    static let writableMask =
        RegisterDictionary.entry(for: .clidrEL1)?.newestBehavior?.mask ?? 0

    let bits: UInt64

    /// - Parameter cacheType: the host's.
    func check(cacheType: CacheType) throws(Refusal) {
        guard bits & ~Self.writableMask == 0 else {
            throw Refusal("bits 63:47 are RES0, found \((bits & ~Self.writableMask).hex)")
        }
        guard cacheType.needsNoCleaning || !claimsNoCleaning else {
            throw Refusal(
                "it says that cleaning to the point of unification is not needed, "
                    + "and the host's CTR_EL0.IDC is 0")
        }
    }

    /// LoC is 0, or LoUU and LoUIS are.
    private var claimsNoCleaning: Bool {
        !RegisterField.CLIDREL1.loC.touches(bits)
            || !RegisterField.CLIDREL1.loUU.touches(bits)
                && !RegisterField.CLIDREL1.loUIS.touches(bits)
    }
}

/// CCSIDR_EL1 of one cache, of kernels that make it up (`set_ccsidr`).
struct CacheGeometry {
    let bits: UInt64
    /// CSSELR_EL1.InD.
    let isInstruction: Bool

    init(_ bits: UInt64, id: RegisterID) {
        self.bits = bits
        isInstruction = id.isInstructionCache
    }

    /// - Parameter cacheType: the host's.
    func check(cacheType: CacheType) throws(Refusal) {
        // LineSize is log2 of the bytes less 4.
        let line = RegisterField.CCSIDR0.lineSize.extract(from: bits) + 4
        let least = cacheType.leastLine(ofInstructions: isInstruction) + 2
        guard line >= least else {
            throw Refusal(
                "lines of \(1 << line) bytes are shorter than the host's least, \(1 << least)")
        }
    }
}

extension RegisterID {
    /// Whether KVM that makes caches up takes a value of CLIDR_EL1, or of a CCSIDR, on a host with this CTR_EL0.
    package func takesCache(_ bits: UInt64, cacheType: UInt64) -> Bool {
        let host = CacheType(bits: cacheType)
        do throws(Refusal) {
            if self == .clidrEL1 {
                try CacheLevels(bits: bits).check(cacheType: host)
            } else {
                try CacheGeometry(bits, id: self).check(cacheType: host)
            }
            return true
        } catch {
            return false
        }
    }
}
