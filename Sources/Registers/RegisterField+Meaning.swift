internal import CFormatData

extension RegisterField {
    /// How a value without words of its own is best written.
    ///
    /// The cases are in the order of FORMS in Scripts/generate-parts/meanings.py.
    public enum Form: CaseIterable, Hashable, Sendable {
        /// As bits.
        case hexadecimal
        /// As a number.
        case decimal
        /// As a size in bits of 64 less the value, as TCR_EL1.T0SZ has it.
        case complement64
        /// As the part number of a CPU, whose implementer is in the same register.
        case part
    }

    private var row: cformat_meaning? {
        let rows = Tables.meanings
        let place = rows.lowerBound { $0.field < index }
        return place < rows.count && rows[place].field == index ? rows[place] : nil
    }

    /// What the field is, in plain words; of a single bit, what is so where it is 1; nil where nothing is known.
    public var meaning: String? { row.map { Tables.string($0.says) } }

    /// What a value of the field says, in plain words of the field's own; nil where it has none.
    public func words(for value: UInt64) -> String? {
        guard let row else { return nil }
        return Tables.values[Tables.run(row.values, row.value_count)]
            .first { UInt64($0.value) == value }.map { Tables.string($0.name) }
    }

    /// How a value without words is written.
    public var form: Form { row.map { Form.allCases[Int($0.form)] } ?? .hexadecimal }

    /// Whether the field, whatever its value, belongs to what the register says in one sentence.
    public var isTelling: Bool { row.map { $0.tells != 0 } ?? false }

    /// Whether it means anything beside the other parts of a field, by their values.
    /// - Parameter whole: the bits of the field of which it is a part.
    public func isValid(in whole: UInt64) -> Bool {
        guard let row else { return true }
        func bits(_ index: UInt16) -> UInt64? {
            index == CFORMAT_NONE ? nil : RegisterField(index: index).extract(from: whole)
        }
        return bits(row.needs) != 0 && bits(row.without).map { $0 == 0 } ?? true
    }

    /// What the field is made of, most significant field first; empty where it is not known to be made of any.
    /// - Parameter value: the bits of the register; which fields these are depends on another field.
    public func parts(in value: UInt64) -> [RegisterField] {
        let rows = Tables.parts
        let first = rows.lowerBound { $0.field < index }
        let row = rows[first...].prefix { $0.field == index }.first { row in
            RegisterField(index: row.by).extract(from: value) == UInt64(row.value)
        }
        return row.map { RegisterField.run($0.fields, $0.field_count) } ?? []
    }
}

extension RegisterEntry {
    /// The layout that a value has: a variant's where its bits say so, as PAR_EL1.F does.
    public func fields(of value: UInt64) -> [RegisterField] {
        let rows = Tables.variants[Tables.run(row.variants, row.variant_count)]
        let variant = rows.first { $0.own_mask != 0 && value & $0.own_mask == $0.own_value }
        return variant.map { RegisterField.run($0.fields, $0.field_count) } ?? fields
    }
}
