public import Registers
internal import VCPUModel

/// One line of a policy that speaks of registers.
public struct PolicyRule: Hashable, Sendable {
    /// What a rule says of the registers that match.
    public enum Action: Hashable, Sendable {
        /// A loss counts.
        case require
        /// The register is not written.
        case ignore
        /// Absence and refusal are no loss, for these values only where a test is given.
        case drop(ValueTest?)
        /// Other contents of these bits are no loss; with nil, other contents of any bit.
        case acceptMasked(UInt64?)
        /// This is written, to the field or the whole register.
        case override(field: RegisterField?, UInt64)
    }

    /// A value that the snapshot must have, in the bits of a mask.
    public struct ValueTest: Hashable, Sendable {
        /// What the bits must be; bits outside `mask` do not matter.
        public var value: UInt64
        /// The bits that matter, none of them above the 64th; nil for the whole register.
        public var mask: UInt64?

        /// A test of the bits of a mask, or of the whole register.
        public init(value: UInt64, mask: UInt64? = nil) {
            self.value = value
            self.mask = mask
        }
    }

    /// The word that stands for CNTFRQ_EL0, which is no KVM register.
    public static let counterFrequency = "counter-frequency"

    /// Which registers the rule speaks of; `counterFrequency` stands for CNTFRQ_EL0.
    public var pattern: RegisterPattern
    /// What the rule says of them.
    public var action: Action

    /// A rule by its parts; whether they go together only the parser of policies checks.
    public init(_ pattern: RegisterPattern, _ action: Action) {
        self.pattern = pattern
        self.action = action
    }

    var isOverride: Bool {
        if case .override = action { return true }
        return false
    }

    /// Whether it says that a register is written, or is not.
    var decidesWriting: Bool { action == .ignore || action == .require }

    var speaksOfCounterFrequency: Bool {
        pattern.text.lowercased() == Self.counterFrequency
    }

    /// Whether the rule says something that can be said of the counter's frequency.
    var suitsCounterFrequency: Bool {
        switch action {
        case .require, .ignore, .drop(nil): true
        case .drop, .acceptMasked, .override: false
        }
    }

    /// The value an override makes of another.
    func overriding(_ value: RegisterValue) -> RegisterValue {
        guard case .override(let field, let bits) = action else { return value }
        if let field { return field.insert(bits, into: value) }
        return RegisterValue.zero(size: value.size)?.replacingLowBits(with: bits) ?? value
    }
}

extension PolicyRule: CustomStringConvertible {
    /// What stands for a value that is not to be shown.
    public static let hiddenValue = "(hidden)"

    /// The line without the value in it, which may be the contents of a register that are secret.
    public var withoutValue: String {
        switch action {
        case .drop(.some): "drop \(pattern.text) if \(Self.hiddenValue)"
        case .override: "override \(pattern.text) \(Self.hiddenValue)"
        case .require, .ignore, .drop(nil), .acceptMasked: description
        }
    }

    /// The line of the policy, in its canonical form.
    public var description: String {
        switch action {
        case .require: "require \(pattern.text)"
        case .ignore: "ignore \(pattern.text)"
        case .drop(let test): "drop \(pattern.text)" + (test.map { " if \($0)" } ?? "")
        case .acceptMasked(let mask):
            "accept-masked \(pattern.text)" + (mask.map { " \(RegisterValue($0))" } ?? "")
        case .override(let field, let bits):
            "override \(pattern.text)" + (field.map { ".\($0.name)" } ?? "")
                + " \(RegisterValue(bits))"
        }
    }
}

extension PolicyRule.ValueTest: CustomStringConvertible {
    /// The value, and after a slash its mask, as a policy file has them.
    public var description: String {
        "\(RegisterValue(value))" + (mask.map { "/\(RegisterValue($0))" } ?? "")
    }
}
