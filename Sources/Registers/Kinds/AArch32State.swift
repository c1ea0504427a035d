extension StateKind {
    /// AArch32 coprocessor registers (p14, p15), as in the lists of 32-bit KVM and of QEMU's emulation.
    static func coprocessor(_ id: RegisterID) -> StateKind {
        var kind = StateKind(category: .system)
        kind.add(RegisterDictionary.entry(for: id))
        return kind
    }
}

extension RegisterID {
    private static let nonSecureSuffix = "_NS"

    /// The name of the coprocessor register with bit 29 clear and `_NS`; nil where that has none.
    var nonSecureName: String? {
        RegisterDictionary.entry(for: inBank(nonSecure: false)).map {
            $0.name + Self.nonSecureSuffix
        }
    }

    /// The coprocessor register of the dictionary that `SCTLR_NS` names, with bit 29 set.
    init?(nonSecureName text: some StringProtocol) {
        let length = Self.nonSecureSuffix.utf8.count
        guard text.utf8.count > length, text.suffix(length).uppercased() == Self.nonSecureSuffix,
            let entry = RegisterDictionary.entry(named: text.dropLast(length)),
            case .coprocessor = entry.id.group
        else { return nil }
        self = entry.id.inBank(nonSecure: true)
    }
}

extension NameScanner {
    /// `p15_0_c1_c0_0` or `p15_0_c2`, then perhaps `_ns`.
    consuming func coprocessorRegister() -> RegisterID? {
        guard let coprocessor = part("p"), let opc1 = part("_"), let first = part("_c")
        else { return nil }
        let second = part("_c")
        let opc2 = second == nil ? nil : part("_")
        guard (second == nil) == (opc2 == nil) else { return nil }
        let isNonSecure = skip("_ns")
        guard isAtEnd else { return nil }
        return .coprocessor(
            coprocessor, opc1: opc1, crn: second == nil ? nil : first, crm: second ?? first,
            opc2: opc2, isNonSecure: isNonSecure)
    }
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
