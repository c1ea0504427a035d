public import Emulation
public import Registers
internal import VCPUModel

/// Which implementation a CPU is: by that software chooses code, and its workarounds of errata.
public struct Implementation: Hashable, Comparable, Sendable {
    /// MIDR_EL1.
    public var midr: UInt64
    /// REVIDR_EL1.
    public var revidr: UInt64
    /// AIDR_EL1.
    public var aidr: UInt64

    /// The implementation with these values of the three registers.
    public init(midr: UInt64, revidr: UInt64, aidr: UInt64) {
        (self.midr, self.revidr, self.aidr) = (midr, revidr, aidr)
    }

    /// Its name and revision, as far as MIDR_EL1 tells.
    public var cpu: CPUIdentity { CPUIdentity(midr: midr) }

    /// Whether the left one stands first in a list: by MIDR_EL1, then REVIDR_EL1, then AIDR_EL1.
    public static func < (left: Implementation, right: Implementation) -> Bool {
        (left.midr, left.revidr, left.aidr) < (right.midr, right.revidr, right.aidr)
    }

    /// What VENDOR_HYP_BMAP_2 is where the guest can ask for a list of implementations (the hypercalls DISCOVER_IMPL_VER
    /// and DISCOVER_IMPL_CPUS).
    static let discovery =
        RegisterField.VENDORHYPBMAP2.discoverIMPLVER.mask
        | RegisterField.VENDORHYPBMAP2.discoverIMPLCPUS.mask
}

extension HostProfile {
    /// The implementation that a guest sees here unless somebody writes another; nil where the profile has no MIDR_EL1.
    public var implementation: Implementation? {
        Implementation { registers[$0]?.bits ?? ($0 == .midrEL1 ? midr : nil) }
    }
}

extension Implementation {
    /// By the values of the three registers, of which REVIDR_EL1 and AIDR_EL1 are 0 where there are none.
    init?(_ value: (RegisterID) -> UInt64?) {
        guard let midr = value(.midrEL1) else { return nil }
        self.init(midr: midr, revidr: value(.revidrEL1) ?? 0, aidr: value(.aidrEL1) ?? 0)
    }
}
