internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// The SVE vector lengths of a vCPU that QEMU loads, in bits.
///
/// They are in no stream: QEMU with `-cpu host` gives a vCPU all that the destination has
/// (`kvm_arch_init_vcpu`, `target/arm/kvm.c`), and of a longer Z, P or FFR register KVM takes what fits,
/// without an error (`set_sve_reg`, `arch/arm64/kvm/guest.c`).
public struct VectorLengths: Hashable, Sendable {
    /// The longest that the guest's registers show.
    ///
    /// Z, P and FFR show it by their content and, where SVE is on, ZCR_EL1 by LEN. The guest's real lengths can be
    /// longer.
    public let shown: Int
    /// The longest that the destination has; 0 where it does not have SVE.
    public let longest: Int
    /// Whether the destination has no vectors as long as the guest's registers show.
    public let isCut: Bool

    /// - Parameter offered: the destination's lengths, in bytes, ascending.
    init(of guest: RegisterList, on offered: [Int]) {
        let used = Self.longestUsed(guest)
        let asked = Self.asked(guest) ?? 0
        shown = max(used, asked) * 8
        longest = (offered.last ?? 0) * 8
        // The vCPU uses the longest length that is not above the one that ZCR_EL1 asks for.
        let given = offered.last { $0 <= asked } ?? 0
        isCut = used > longest / 8 || given < asked
    }

    /// The shortest length, in bytes, that has room for what stands in the registers.
    private static func longestUsed(_ guest: RegisterList) -> Int {
        let used = guest.compactMap { id, value -> Int? in
            guard id.isScalable, let last = value.littleEndianBytes.lastIndex(where: { $0 != 0 })
            else { return nil }
            // A predicate has a bit for each byte of a vector.
            return id.size == RegisterID.maximumSize ? last : last * 8
        }
        return used.max().map { ($0 / unit + 1) * unit } ?? unit
    }

    /// What ZCR_EL1.LEN asks for, in bytes; nil where the guest has SVE switched off, or asks for the
    /// longest that there is.
    private static func asked(_ guest: RegisterList) -> Int? {
        let controls = FeatureControl.controls(
            of: .idAA64PFR0EL1, field: RegisterField.IDAA64PFR0EL1.sve.name)
        let isOn = controls.contains { control in
            guest[control.register].map { control.extract(from: $0.lowBits) != 0 } ?? false
        }
        let field = RegisterField.ZCREL1.len
        guard isOn, let length = guest.bits(of: field, in: .zcrEL1), length != field.mask else {
            return nil
        }
        return (Int(length) + 1) * unit
    }

    /// Bytes that lengths are multiples of.
    private static let unit = 16
}

extension VectorLengths {
    /// `KVM_REG_ARM64_SVE_VLS` with nothing but the length that the guest's registers show.
    var shownSet: RegisterValue? {
        let bit = shown / (Self.unit * 8) - 1
        var bytes = [UInt8](repeating: 0, count: 64)
        bytes[bit / 8] = 1 << UInt8(bit % 8)
        return RegisterValue(littleEndian: bytes)
    }
}

extension RegisterID {
    /// Whether it is one of Z0 to Z31, P0 to P15 and FFR.
    var isScalable: Bool { isSVE && self != .sveVLS }
}

extension RegisterLoad {
    /// Whether it is SVE state, which is outside QEMU's list, so that no change of the list helps.
    public var isOfVectors: Bool { id.isScalable || id == .sveVLS }

    /// Whether the destination's vectors are too short for it.
    public var isCutVector: Bool { id.isScalable && fate == .altered }
}
