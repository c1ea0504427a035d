extension RegisterID: CustomStringConvertible {
    /// The register's name: the dictionary's, else a generic one that tells the encoding, else the
    /// id in hexadecimal.
    ///
    /// `init(parsing:)` gives the id back for every one of them.
    ///
    /// A coprocessor register with bit 29 of its id set has the name of the one without, and `_NS`.
    ///
    /// Generic names: `S3_0_C11_C3_7` for an AArch64 system register; `p15_0_c1_c0_0` (Opc1, CRn,
    /// CRm, Opc2) and `p15_0_c2` (Opc1, CRm) for a 32-bit and a 64-bit AArch32 coprocessor register,
    /// with `_ns` for the Non-secure bank. An id with any bit these do not tell is printed as `0x` and
    /// 16 digits.
    public var name: String {
        if let entry = RegisterDictionary.entry(for: self) { return entry.name }
        switch group {
        case .system(let encoding) where Self.system(encoding) == self:
            return encoding.description
        case .coprocessor(let encoding):
            let entry = RegisterDictionary.entry(for: inBank(nonSecure: false))
            return entry.map { $0.name + Self.nonSecureSuffix } ?? encoding.description
        default:
            return hex
        }
    }

    public var description: String { name }

    /// The name and the id: `SCTLR_EL1 (0x603000000013c080)`; the id alone where it has no name.
    public var label: String {
        let name = name
        return name == hex ? hex : "\(name) (\(hex))"
    }

    /// The id in hexadecimal, always with 16 digits.
    public var hex: String {
        let digits = String(rawValue, radix: 16)
        return "0x" + String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Parses a name, alias or generic name, in any case, or an id of 1 to 16 hexadecimal digits after
    /// `0x`; nil for anything else.
    ///
    /// A generic system register name tells the architectural encoding, as it does in assembly:
    /// `s3_3_c14_c3_2` is CNTV_CVAL_EL0, though KVM's id for that register has the encoding of
    /// CNTVCT_EL0 in it, and the other way round (`KVM_REG_ARM_TIMER_CVAL`, `KVM_REG_ARM_TIMER_CNT`).
    public init?(parsing text: some StringProtocol) {
        if let entry = RegisterDictionary.entry(named: text) {
            self = entry.id
            return
        }
        if let id = Self.nonSecure(named: text) {
            self = id
            return
        }
        // No generic name or number is longer.
        let scanner = NameScanner(text.utf8.prefix(24))
        guard let id = scanner.number() ?? scanner.system() ?? scanner.coprocessor() else {
            return nil
        }
        self = id
    }
}

extension RegisterID {
    private static let nonSecureSuffix = "_NS"

    /// The coprocessor register of the dictionary that `SCTLR_NS` names, with bit 29 set.
    private static func nonSecure(named text: some StringProtocol) -> RegisterID? {
        let length = nonSecureSuffix.utf8.count
        guard text.utf8.count > length, text.suffix(length).uppercased() == nonSecureSuffix,
            let entry = RegisterDictionary.entry(named: text.dropLast(length)),
            case .coprocessor = entry.id.group
        else { return nil }
        return entry.id.inBank(nonSecure: true)
    }
}

extension RegisterID {
    /// The id of an AArch64 system register by its architectural encoding: as `system(_:)`, but for
    /// the two registers whose ids KVM has swapped.
    ///
    /// The swap is in Linux `arch/arm64/include/uapi/asm/kvm.h` and cannot be undone without breaking
    /// userspace.
    public static func system(architectural encoding: SystemRegisterEncoding) -> RegisterID {
        switch system(encoding) {
        case cntvctEL0: cntvCVALEL0
        case cntvCVALEL0: cntvctEL0
        case let id: id
        }
    }
}

extension RegisterID.SystemRegisterEncoding: CustomStringConvertible {
    /// The assembler's name for an encoding: `S3_0_C1_C0_0` (Arm ARM, "S<op0>_<op1>_<Cn>_<Cm>_<op2>").
    public var description: String { "S\(op0)_\(op1)_C\(crn)_C\(crm)_\(op2)" }
}

extension RegisterID.CoprocessorEncoding: CustomStringConvertible {
    /// `p15_0_c1_c0_0` for a 32-bit register, `p15_0_c2` for a 64-bit one, `_ns` for the Non-secure bank.
    public var description: String {
        let place = is64Bit ? "c\(crm)" : "c\(crn)_c\(crm)_\(opc2)"
        return "p\(coprocessor)_\(opc1)_\(place)" + (isNonSecure ? "_ns" : "")
    }
}

/// Reads generic register names and numbers.
private struct NameScanner {
    private var rest: ArraySlice<UInt8>

    init(_ text: some Sequence<UInt8>) {
        // ASCII capitals differ from small letters in bit 5; other bytes match nothing anyway.
        rest = text.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }[...]
    }

    /// `0x` and 1 to 16 hexadecimal digits.
    consuming func number() -> RegisterID? {
        guard skip("0x"), 1...16 ~= rest.count else { return nil }
        var value: UInt64 = 0
        for byte in rest {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            value = value << 4 | UInt64(digit)
        }
        return RegisterID(rawValue: value)
    }

    /// `s3_0_c1_c0_0`.
    consuming func system() -> RegisterID? {
        guard let op0 = part("s"), let op1 = part("_"), let crn = part("_c"), let crm = part("_c"),
            let op2 = part("_"), rest.isEmpty,
            let encoding = RegisterID.SystemRegisterEncoding(
                op0: op0, op1: op1, crn: crn, crm: crm, op2: op2)
        else { return nil }
        return .system(architectural: encoding)
    }

    /// `p15_0_c1_c0_0` or `p15_0_c2`, then perhaps `_ns`.
    consuming func coprocessor() -> RegisterID? {
        guard let coprocessor = part("p"), let opc1 = part("_"), let first = part("_c") else {
            return nil
        }
        let second = part("_c")
        let opc2 = second == nil ? nil : part("_")
        guard (second == nil) == (opc2 == nil) else { return nil }
        let isNonSecure = skip("_ns")
        guard rest.isEmpty else { return nil }
        return .coprocessor(
            coprocessor, opc1: opc1, crn: second == nil ? nil : first, crm: second ?? first,
            opc2: opc2, isNonSecure: isNonSecure)
    }

    /// A prefix and a number of one or two decimal digits without leading zeros.
    private mutating func part(_ prefix: StaticString) -> Int? {
        let start = rest
        let digits = skip(prefix) ? rest.prefix { (0x30...0x39).contains($0) } : []
        guard 1...2 ~= digits.count, digits.count == 1 || digits.first != 0x30 else {
            rest = start
            return nil
        }
        rest = rest.dropFirst(digits.count)
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    private mutating func skip(_ text: StaticString) -> Bool {
        let matches = text.withUTF8Buffer { rest.starts(with: $0) }
        if matches { rest = rest.dropFirst(text.utf8CodeUnitCount) }
        return matches
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
