public import Registers

/// A field of a register with a value, in plain words.
public struct DecodedField: Hashable, Sendable {
    /// The field.
    public let field: RegisterField
    /// Its bits, shifted down to bit 0.
    public let bits: UInt64
    /// The value in plain words: its own, or the name that the architecture or Linux has for it, or a number with its
    /// unit; nil where there is nothing beyond the bits and what the field is.
    public let words: String?
    /// What the field is made of, where that is known for this value of the register.
    public let parts: [DecodedField]
    /// Whether it means anything beside the register's other fields.
    public let isValid: Bool
    /// Whether it is a part of a field.
    public let isPart: Bool

    /// Every field that is not reserved, most significant first; empty for a register without a known layout.
    public static func all(of value: RegisterValue, in entry: RegisterEntry) -> [DecodedField] {
        entry.fields(of: value.lowBits).filter { !$0.isReserved }
            .map { DecodedField($0, bits: $0.extract(from: value), in: value.lowBits) }
    }

    /// A field of some bits, with its parts.
    /// - Parameter whole: the low 64 bits of the register, or the bits of the field that it is a part of.
    private init(_ field: RegisterField, bits: UInt64, in whole: UInt64, isPart: Bool = false) {
        self.field = field
        self.bits = bits
        self.isPart = isPart
        words = Self.words(field, bits, whole)
        parts = field.parts(in: whole).map { part in
            DecodedField(part, bits: part.extract(from: bits), in: bits, isPart: true)
        }
        isValid = field.isValid(in: whole)
    }

    private static func words(_ field: RegisterField, _ bits: UInt64, _ whole: UInt64) -> String? {
        if let words = field.words(for: bits) ?? field.valueName(bits) { return words }
        return switch field.form {
        case .hexadecimal: field.isTelling ? RegisterValue(bits).description : nil
        case .decimal: "\(bits)"
        case .complement64: bits <= 64 ? "\(64 - bits) bits" : nil
        case .part: CPUIdentity(midr: whole).partName
        }
    }

    /// What the field is and what its value says; nil where there is nothing beyond its name and bits.
    ///
    /// What a value says speaks for itself in a part, and where it belongs to a sentence; elsewhere what the field is stands
    /// before it.
    package var explanation: String? {
        guard let meaning = field.meaning, meaning != field.name else { return words }
        guard let words else { return meaning }
        let isPlain = field.isTelling || isPart && field.words(for: bits) != nil
        return isPlain ? words : "\(meaning): \(words)"
    }

    /// Whether it is worth saying where brevity counts: it is set, or what it says matters also where it is not.
    public var isNotable: Bool {
        // Of these, -1 is what offers nothing.
        if field.kind == .signedEnum { return bits.nonzeroBitCount != field.width }
        return isValid && (bits != 0 || field.isTelling || isPart && hasWords)
    }
}

extension DecodedField {
    /// Also a number says something where it is 0.
    private var hasWords: Bool { field.words(for: bits) != nil || field.form == .decimal }

    /// The system register that the instruction accessed, of which these are the parts of an encoding.
    fileprivate var accessed: RegisterID? {
        let numbers = Dictionary(
            parts.map { ($0.field.name, Int($0.bits)) }, uniquingKeysWith: { first, _ in first })
        guard let op0 = numbers["Op0"], let op1 = numbers["Op1"], let crn = numbers["CRn"],
            let crm = numbers["CRm"], let op2 = numbers["Op2"]
        else { return nil }
        return RegisterID.SystemRegisterEncoding(op0: op0, op1: op1, crn: crn, crm: crm, op2: op2)
            .map { .system(architectural: $0) }
    }
}

extension Collection<DecodedField> {
    /// What the fields say in one sentence; nil where none of them makes one.
    public var sentence: String? {
        let telling = flatMap { [$0] + $0.parts.reversed() }.filter {
            $0.field.isTelling && $0.isValid
        }
        let words = telling.compactMap { $0.words } + compactMap { $0.accessed?.name }
        guard let first = words.first else { return nil }
        let rest = words.dropFirst().joined(separator: "; ")
        return rest.isEmpty ? first : "\(first): \(rest)"
    }
}
