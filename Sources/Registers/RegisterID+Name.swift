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
        case .system(let encoding) where RegisterID.system(encoding) == self:
            return encoding.description
        case .coprocessor(let encoding): return nonSecureName ?? encoding.description
        default: return hex
        }
    }

    /// The architectural name, or the id where there is none.
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
        let scanner = NameScanner(text)
        guard
            let id = RegisterDictionary.entry(named: text)?.id ?? RegisterID(nonSecureName: text)
                ?? scanner.number() ?? scanner.systemRegister() ?? scanner.coprocessorRegister()
        else { return nil }
        self = id
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
