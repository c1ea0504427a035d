internal import Registers
internal import Reports
internal import VCPUModel

/// What the fields of a register's value say, a line each.
struct DecodedText {
    /// Whether fields that are not set are told too.
    var showsAll: Bool

    func lines(_ fields: [DecodedField], indent: String) -> [PrintableText] {
        shown(fields).flatMap { field in
            [line(field, indent)] + lines(field.parts, indent: indent + "  ")
        }
    }

    /// Where bits are set that the architecture reserves as 0.
    func reserved(_ value: RegisterValue, of id: RegisterID, indent: String) -> [PrintableText] {
        guard let bits = value.bits, let entry = RegisterDictionary.entry(for: id) else {
            return []
        }
        let reserved = entry.fields(of: bits).filter { [.res0, .raz].contains($0.kind) }
        let set = bits & reserved.reduce(0) { $0 | $1.mask }
        return set == 0
            ? [] : ["\(PrintableText(indent))reserved bits are set: \(RegisterValue(set))"]
    }

    func json(_ fields: [DecodedField]) -> JSONList { shown(fields).json(json(of:)) }

    private func shown(_ fields: [DecodedField]) -> [DecodedField] {
        showsAll ? fields : fields.filter(\.isNotable)
    }

    private func line(_ decoded: DecodedField, _ indent: String) -> PrintableText {
        let field = decoded.field
        let range = PrintableText(bitRange(field.msb, field.lsb)).padded(to: Self.rangeWidth)
        let value = PrintableText(RegisterValue(decoded.bits).description).padded(to: 6)
        let words = decoded.explanation.map { " \($0)" as PrintableText } ?? ""
        return
            "\(PrintableText(indent))\(range) \(PrintableText(field.name).padded(to: 12)) \(value)\(words)"
    }

    /// That of `[127:64]`.
    private static let rangeWidth = 8

    private func json(of decoded: DecodedField) -> JSONObject {
        .field(
            decoded.field,
            [
                "description": decoded.field.meaning,
                "meaning": decoded.field.valueName(decoded.bits), "parts": json(decoded.parts),
                "value": RegisterValue(decoded.bits).description, "words": decoded.words,
            ])
    }
}
