public import Registers
public import VCPUModel

/// Register values as they are shown, without the guest's pointer authentication keys unless those are asked for.
public struct ValueText: Sendable {
    private let showsKeys: Bool

    /// What stands in the place of a key.
    public static let hidden = PolicyRule.hiddenValue

    /// - Parameter showsKeys: whether keys are shown as other values are.
    public init(showsKeys: Bool) {
        self.showsKeys = showsKeys
    }

    /// A value, or that it is hidden; nil for none.
    public func text(_ value: RegisterValue?, of id: RegisterID) -> String? {
        guard let value else { return nil }
        return isHidden(id) ? Self.hidden : value.description
    }

    /// The rules of a policy that speak of a register, as they stand there; nil where there are none.
    public func texts(_ rules: [PolicyRule], of id: RegisterID) -> [String]? {
        guard !rules.isEmpty else { return nil }
        return rules.map { isHidden(id) ? $0.withoutValue : $0.description }
    }

    /// Whether the register's value is not to be shown.
    public func isHidden(_ id: RegisterID) -> Bool {
        !showsKeys && RegisterDictionary.entry(for: id)?.isSecret == true
    }

    /// A field's value with its meaning: `0x2 (IMP)`.
    public func text(_ bits: UInt64, of field: RegisterField) -> String {
        RegisterValue(bits).description + (field.valueName(bits).map { " (\($0))" } ?? "")
    }
}
