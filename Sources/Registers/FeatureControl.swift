internal import CFormatData

/// Where a guest switches on what a field of an ID register, or a register, stands for
/// (Formats/registers/controls.jsonl).
package struct FeatureControl: Hashable, Sendable {
    /// The control register.
    package var register: RegisterID
    /// The control's most significant bit, counted from bit 0 of `register`.
    package var msb: Int
    /// The control's least significant bit; 0 where the whole register is the control.
    package var lsb: Int

    /// The bits of the control in its register's value; the guest uses the feature unless they are 0.
    package func extract(from bits: UInt64) -> UInt64 {
        bits >> UInt64(lsb) & RegisterField.ones(msb - lsb + 1)
    }

    /// `CPACR_EL1.ZEN`.
    package var name: String {
        let entry = RegisterDictionary.entry(for: register)
        let field = entry?.fields.first { $0.msb == msb && $0.lsb == lsb }
        return register.name + (field.map { "." + $0.name } ?? "")
    }

    /// The controls of an ID register's field, or of a register where no field is given.
    package static func controls(of register: RegisterID, field: String? = nil) -> [FeatureControl]
    {
        Tables.controls.filter { row in
            RegisterEntry(index: row.reg).id == register
                && Tables.optionalString(row.field) == field
        }.map { row in
            FeatureControl(
                register: RegisterEntry(index: row.control).id, msb: Int(row.msb),
                lsb: Int(row.lsb))
        }
    }
}
