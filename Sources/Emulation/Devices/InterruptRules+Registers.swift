internal import Registers

/// Shareability and cacheability of tables in the guest's memory, which KVM takes for what it can have
/// (`vgic_sanitise_shareability` and the functions below it, `arch/arm64/kvm/vgic/vgic-mmio-v3.c`).
struct MemoryAttributes {
    private let shareability: RegisterField
    private let inner: RegisterField
    private let outer: RegisterField

    /// - Parameter id: a base of LPI tables, or GITS_CBASER or a GITS_BASER, which have the fields in one place.
    init(of id: RegisterID) {
        if id.isLPIBase {
            typealias Fields = RegisterField.GICRPROPBASER
            (shareability, inner, outer) = (
                Fields.shareability, Fields.innerCache, Fields.outerCache
            )
        } else {
            typealias Fields = RegisterField.GITSCBASER
            (shareability, inner, outer) = (
                Fields.shareability, Fields.innerCache, Fields.outerCache
            )
        }
    }

    func made(of bits: UInt64) -> UInt64 {
        var result = bits
        Self.change(shareability, in: &result) { $0 == 2 ? 1 : $0 }
        Self.change(inner, in: &result) { $0 < 2 ? 3 : $0 }
        Self.change(outer, in: &result) { $0 < 2 ? $0 : 0 }
        return result
    }

    private static func change(
        _ field: RegisterField, in bits: inout UInt64, _ body: (UInt64) -> UInt64
    ) {
        bits = bits & ~field.mask | field.placing(body(field.extract(from: bits)))
    }
}

/// A register of an ITS.
struct ITSRegister {
    let id: RegisterID
    /// The same register of the first ITS.
    let kind: RegisterID
    private let number: UInt8

    /// Where a command is.
    static var offsetMask: UInt64 { RegisterField.GITSCWRITER.offset.mask }

    init?(_ id: RegisterID) {
        guard let attribute = id.deviceAttribute, attribute.gicGroup == .translation,
            case .its(let number) = attribute.device
        else { return nil }
        (self.id, self.number, kind) = (id, number, id.ofITS(0))
    }

    /// Whether it is a GITS_BASER.
    var isTable: Bool { kind.distance(behind: .gitsBaser0) != nil }

    /// Another register of it.
    func other(_ kind: RegisterID) -> RegisterID { kind.ofITS(number) }
}

extension RegisterID {
    /// Which word of ICC_AP0R, ICC_AP1R, ICH_AP0R or ICH_AP1R it is.
    var activePriorityWord: Int? {
        guard case .system(let encoding) = group, encoding.crn == 12 else { return nil }
        switch (encoding.op1, encoding.crm, encoding.op2) {
        case (0, 8, 4...7): return Int(encoding.op2 - 4)
        case (0, 9, 0...3), (4, 8, 0...3), (4, 9, 0...3): return Int(encoding.op2)
        default: return nil
        }
    }

    /// Whether it is one of GICC_APR1 to GICC_APR3.
    var isFurtherActivePriority: Bool {
        distance(behind: .giccApr0).map { 4..<16 ~= $0 } ?? false
    }

    /// GICD_SPENDSGIR with an SGI.
    static func sources(ofSGI number: UInt64) -> RegisterID? {
        gicdSpendsgir0.behind(by: number / 4 * 4)
    }
}
