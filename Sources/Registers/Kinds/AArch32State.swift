/// AArch32 coprocessor registers (p14, p15), as in the lists of 32-bit KVM and of QEMU's emulation.
package enum CoprocessorState: StateKind {
    package static func contains(_ id: RegisterID) -> Bool { encoding(of: id) != nil }

    private static func encoding(of id: RegisterID) -> RegisterID.CoprocessorEncoding? {
        if case .coprocessor(let encoding) = id.group { encoding } else { nil }
    }

    /// The name of the register with bit 29 clear and `_NS`, or `p15_0_c1_c0_0`.
    package static func genericName(of id: RegisterID) -> String? {
        let entry = RegisterDictionary.entry(for: id.inBank(nonSecure: false))
        return entry.map { $0.name + nonSecureSuffix } ?? encoding(of: id)?.description
    }

    private static let nonSecureSuffix = "_NS"

    /// The coprocessor register of the dictionary that `SCTLR_NS` names, with bit 29 set.
    static func nonSecure(named text: some StringProtocol) -> RegisterID? {
        let length = nonSecureSuffix.utf8.count
        guard text.utf8.count > length, text.suffix(length).uppercased() == nonSecureSuffix,
            let entry = RegisterDictionary.entry(named: text.dropLast(length)),
            contains(entry.id)
        else { return nil }
        return entry.id.inBank(nonSecure: true)
    }

    /// `p15_0_c1_c0_0` or `p15_0_c2`, then perhaps `_ns`.
    package static func id(named scanner: NameScanner) -> RegisterID? {
        var scanner = scanner
        guard let coprocessor = scanner.part("p"), let opc1 = scanner.part("_"),
            let first = scanner.part("_c")
        else { return nil }
        let second = scanner.part("_c")
        let opc2 = second == nil ? nil : scanner.part("_")
        guard (second == nil) == (opc2 == nil) else { return nil }
        let isNonSecure = scanner.skip("_ns")
        guard scanner.isAtEnd else { return nil }
        return .coprocessor(
            coprocessor, opc1: opc1, crn: second == nil ? nil : first, crm: second ?? first,
            opc2: opc2, isNonSecure: isNonSecure)
    }

    package static func category(of id: RegisterID) -> RegisterCategory { .system }

    package static func phase(of id: RegisterID) -> RestorePhase { SystemState.phase(of: id) }

    package static func loss(of id: RegisterID, isAbsent: Bool) -> LossRule {
        SystemState.loss(of: id, isAbsent: isAbsent)
    }
}

/// AArch32 VFP registers of 32-bit KVM.
package enum VFPState: StateKind {
    package static func contains(_ id: RegisterID) -> Bool {
        if case .vfp = id.group { true } else { false }
    }

    package static func category(of id: RegisterID) -> RegisterCategory { .vector }
}

extension RegisterID {
    /// The id of an AArch32 coprocessor register, a 64-bit one without CRn and opc2; nil when a part
    /// does not fit its field.
    fileprivate static func coprocessor(
        _ number: Int, opc1: Int, crn: Int?, crm: Int, opc2: Int?, isNonSecure: Bool
    ) -> RegisterID? {
        let is64Bit = crn == nil
        guard 0..<16 ~= number, 0..<(is64Bit ? 16 : 8) ~= opc1, 0..<16 ~= crn ?? 0, 0..<16 ~= crm,
            0..<8 ~= opc2 ?? 0
        else { return nil }
        let place = (crn ?? 0) << 11 | crm << 7 | opc1 << 3 | (opc2 ?? 0)
        let head: UInt64 = is64Bit ? 0x4030_0000_0000_0000 : 0x4020_0000_0000_0000
        let bank: UInt64 = isNonSecure ? 1 << 29 : 0
        return RegisterID(rawValue: head | bank | UInt64(number << 16 | place))
    }
}

extension RegisterID.CoprocessorEncoding: CustomStringConvertible {
    /// `p15_0_c1_c0_0` for a 32-bit register, `p15_0_c2` for a 64-bit one, `_ns` for the Non-secure bank.
    public var description: String {
        let place = is64Bit ? "c\(crm)" : "c\(crn)_c\(crm)_\(opc2)"
        return "p\(coprocessor)_\(opc1)_\(place)" + (isNonSecure ? "_ns" : "")
    }
}
