internal import Registers
internal import Transfer
internal import VCPUModel

/// Which bits of a register, as the Arm manual writes it: `[31:16]`, or `[31]` for one.
func bitRange(_ msb: Int, _ lsb: Int) -> String {
    msb == lsb ? "[\(lsb)]" : "[\(msb):\(lsb)]"
}

/// Prints register values, hiding the guest's pointer authentication keys unless they are asked for.
struct ValueText {
    var showsKeys: Bool

    static let hidden = PolicyRule.hiddenValue

    func text(_ value: RegisterValue?, of id: RegisterID) -> String? {
        guard let value else { return nil }
        return isHidden(id) ? Self.hidden : value.description
    }

    /// The rules of a policy that speak of a register, as they stand there; nil where there are none.
    func texts(_ rules: [PolicyRule], of id: RegisterID) -> [String]? {
        guard !rules.isEmpty else { return nil }
        return rules.map { isHidden(id) ? $0.withoutValue : $0.description }
    }

    func isHidden(_ id: RegisterID) -> Bool {
        !showsKeys && RegisterDictionary.entry(for: id)?.isSecret == true
    }

    /// A field's value with its meaning: `0x2 (IMP)`.
    func text(_ bits: UInt64, of field: RegisterField) -> String {
        RegisterValue(bits).description + (field.valueName(bits).map { " (\($0))" } ?? "")
    }
}
