internal import Registers
internal import VCPUModel

/// The report of `show`.
struct ShowOutput: Report {
    struct VCPU: Encodable {
        var index: UInt32
        var registers: [Register]
    }

    struct Register: Encodable {
        var name: String
        var id: String
        var category: String
        var value: String
        var fields: [Field]?
    }

    struct Field: Encodable {
        var name: String
        var msb: Int
        var lsb: Int
        var value: String
        var meaning: String?
    }

    struct Provenance: Encodable {
        var key: String
        var value: String
    }

    var source: String
    var provenance: [Provenance]
    var vcpus: [VCPU]
    private let isFiltered: Bool

    private enum CodingKeys: CodingKey {
        case source, provenance, vcpus
    }

    /// - Parameters:
    ///   - pattern: only registers whose name matches it are shown, with their fields.
    init(_ snapshot: Snapshot, source: String, pattern: RegisterPattern?, values: ValueText) {
        self.source = source
        isFiltered = pattern != nil
        provenance = snapshot.provenance.entries.map {
            Provenance(key: $0.key.rawValue, value: $0.value)
        }
        vcpus = snapshot.vcpus.map { vcpu in
            let registers = vcpu.registers.filter { pattern?.matches($0.0) ?? true }
            return VCPU(
                index: vcpu.index,
                registers: registers.map { Register($0.0, $0.1, pattern != nil, values) })
        }
    }

    func text(_ style: TextStyle) -> String {
        var text = style.bold(source) + "\n"
        if !isFiltered { text += provenance.map { "  \($0.key): \($0.value)\n" }.joined() }
        return text + vcpus.map { $0.text(style) }.joined()
    }
}

extension ShowOutput.VCPU {
    func text(_ style: TextStyle) -> String {
        var text = style.bold("vCPU \(index)") + ": \(registers.count) registers\n"
        for category in RegisterCategory.allCases {
            let members = registers.filter { $0.category == category.rawValue }
            guard !members.isEmpty else { continue }
            text += "  " + style.bold(category.rawValue) + "\n"
            text += members.map { $0.text(style) }.joined()
        }
        return text
    }
}

extension ShowOutput.Register {
    init(_ id: RegisterID, _ value: RegisterValue, _ withFields: Bool, _ values: ValueText) {
        name = id.name
        self.id = id.number
        category = RegisterCategory(of: id).rawValue
        self.value = values.text(value, of: id) ?? ValueText.hidden
        guard withFields, !values.isHidden(id) else { return }
        fields = RegisterDictionary.entry(for: id)?.fields.filter { !$0.isReserved }.map {
            let bits = $0.extract(from: value)
            return ShowOutput.Field(
                name: $0.name, msb: $0.msb, lsb: $0.lsb, value: "0x" + String(bits, radix: 16),
                meaning: $0.valueName(bits))
        }
    }

    func text(_ style: TextStyle) -> String {
        let line = "    \(name.padded(to: 24)) \(value)\n"
        return line
            + (fields ?? []).map { field in
                let range = "[\(field.msb):\(field.lsb)]".padded(to: 9)
                let meaning = field.meaning.map { " (\($0))" } ?? ""
                return "      \(range) \(field.name.padded(to: 16)) \(field.value)\(meaning)\n"
            }.joined()
    }
}
