public import Registers
public import VCPUModel

/// Registers and their values as they are shown, without the guest's pointer authentication keys unless those are asked
/// for.
public struct ValueText: Sendable {
    private let showsKeys: Bool
    /// Whether everything is told that is known.
    public let isVerbose: Bool

    /// What stands in the place of a key.
    public static let hidden = PolicyRule.hiddenValue

    /// - Parameters:
    ///   - showsKeys: whether keys are shown as other values are.
    ///   - isVerbose: whether everything is told that is known: ids beside names, and what is pardoned, register by register.
    public init(showsKeys: Bool, isVerbose: Bool = false) {
        self.showsKeys = showsKeys
        self.isVerbose = isVerbose
    }

    /// A register's name, or its id where it has none; both where everything is told.
    public func title(of id: RegisterID) -> String { isVerbose ? id.label : id.name }

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
