internal import CFormatData

/// Something that must hold for a register to exist.
public enum Condition: Hashable, Sendable {
    /// A feature of `KVM_ARM_VCPU_INIT`, without the prefix `KVM_ARM_VCPU_`: `PMU_V3`.
    case feature(String)
    /// The absence of such a feature.
    case notFeature(String)
    /// A capability enabled on the VM: `KVM_CAP_ARM_MTE`.
    case capability(String)
    /// A feature of `KVM_ARM_VCPU_FINALIZE`, without the prefix: `SVE`.
    case finalized(String)
    /// The current value of a field of an ID register.
    case idField(IDFieldCondition)
}

/// An unsigned ID register field that must have at least some value.
public struct IDFieldCondition: Hashable, Sendable {
    /// The ID register.
    public var register: RegisterID
    /// The field's name in the Arm ARM, such as `SVE`.
    public var field: String
    /// The field's most significant bit, counted from bit 0 of the register.
    public var msb: Int
    /// The field's least significant bit.
    public var lsb: Int
    /// The smallest field value, shifted down to bit 0, that satisfies the condition.
    public var minimum: UInt64

    /// Whether the field of this value of the register is large enough.
    public func holds(for registerValue: UInt64) -> Bool {
        registerValue >> UInt64(lsb) & RegisterField.ones(msb - lsb + 1) >= minimum
    }
}

extension Condition {
    init(_ row: cformat_condition) {
        let text = Tables.string(row.text)
        // CONDITIONS of the generator: feature, notFeature, capability, id, finalized.
        switch row.kind {
        case 0: self = .feature(text)
        case 1: self = .notFeature(text)
        case 2: self = .capability(text)
        case 3:
            self = .idField(
                IDFieldCondition(
                    register: RegisterEntry(index: row.reg).id, field: text, msb: Int(row.msb),
                    lsb: Int(row.lsb), minimum: UInt64(row.minimum)))
        default: self = .finalized(text)
        }
    }
}

extension Condition: CustomStringConvertible {
    /// A phrase that follows "only with": `the vCPU feature PMU_V3`.
    public var description: String {
        switch self {
        case .feature(let name): "the vCPU feature \(name)"
        case .notFeature(let name): "the vCPU feature \(name) off"
        case .capability(let name): "\(name) enabled"
        case .finalized(let name): "\(name) finalized"
        case .idField(let field): "\(field.register).\(field.field) of at least \(field.minimum)"
        }
    }
}
