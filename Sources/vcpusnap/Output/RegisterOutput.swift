internal import Registers
internal import VCPUModel

/// The report of `register`.
struct RegisterOutput: WholeReport {
    struct Register: Encodable {
        var name: String
        var id: String
        var aliases: [String]
        var size: Int?
        var category: String
        var fields: [Field]
        /// The register that holds this one's state, with the bits: `FAR_EL1[63:32]`.
        var heldBy: String?
        var behaviour: BehaviourText?
        var listedSince: String?
        var notes: String?
    }

    struct Field: Encodable {
        var name: String
        var msb: Int
        var lsb: Int
        var kind: String
        var values: [Value]
        var rule: String?
    }

    struct Value: Encodable {
        var value: String
        var name: String
    }

    struct BehaviourText: Encodable {
        var `class`: String
        var rule: String?
        var needs: [String]
        var notes: String?
    }

    var registers: [Register]

    init(_ ids: [RegisterID]) {
        registers = ids.map(Register.init)
    }

    func text(_ style: TextStyle) -> String {
        registers.map { $0.text(style) }.joined(separator: "\n")
    }
}

extension RegisterOutput.Register {
    init(_ id: RegisterID) {
        let entry = RegisterDictionary.entry(for: id)
        name = id.name
        self.id = id.number
        aliases = entry?.aliases ?? []
        size = id.size
        category = RegisterCategory(of: id).rawValue
        heldBy = Self.holder(of: id)
        let rules = entry?.idFieldRules ?? []
        fields = (entry?.fields ?? []).map { field in
            RegisterOutput.Field(field, rules.first { $0.field == field.name })
        }
        behaviour = entry?.newestBehaviour.map(RegisterOutput.BehaviourText.init)
        listedSince = entry?.listedSince?.description
        notes = entry?.notes
    }

    func text(_ style: TextStyle) -> String {
        var lines = [style.bold(name) + "  " + id]
        if !aliases.isEmpty { lines.append("  also: " + aliases.joined(separator: ", ")) }
        lines.append("  " + category + (size.map { ", \($0 * 8) bits" } ?? ""))
        if let heldBy { lines.append("  held by \(heldBy)") }
        if let listedSince { lines.append("  KVM lists it since Linux \(listedSince)") }
        lines += (behaviour?.lines ?? []).map { "  " + $0 }
        if let notes, notes != behaviour?.notes { lines.append("  note: " + notes) }
        return (lines + fields.map(\.line)).joined(separator: "\n") + "\n"
    }
}

extension RegisterOutput.Register {
    private static func holder(of id: RegisterID) -> String? {
        guard let holder = AArch32Bank.holder(of: id) else {
            return RegisterDictionary.entry(for: id)?.mapping?.name
        }
        let isWhole = holder.size == holder.id.size
        let range = "[\(holder.lsb + holder.size * 8 - 1):\(holder.lsb)]"
        return holder.id.name + (isWhole ? "" : range)
    }
}

extension RegisterOutput.BehaviourText {
    init(_ behaviour: Behaviour) {
        self.class = behaviour.behaviourClass.rawValue
        rule = behaviour.rule
        needs = behaviour.needs.map(\.description)
        notes = behaviour.notes
    }

    var lines: [String] {
        var lines = ["on write: " + self.class + (rule.map { "; " + $0 } ?? "")]
        if !needs.isEmpty { lines.append("exists only with " + needs.joined(separator: " and ")) }
        if let notes { lines.append("note: " + notes) }
        return lines
    }
}

extension RegisterOutput.Field {
    init(_ field: RegisterField, _ rule: IDFieldRule?) {
        name = field.name
        msb = field.msb
        lsb = field.lsb
        kind = field.kind.rawValue
        values = field.namedValues.map {
            RegisterOutput.Value(value: "0x" + String($0.value, radix: 16), name: $0.name)
        }
        self.rule = rule?.rule.rawValue
    }

    var line: String {
        let range = "[\(msb):\(lsb)]".padded(to: 10)
        let names = values.map { "\($0.value) \($0.name)" }.joined(separator: ", ")
        let details = [rule.map { "rule \($0)" }, names.isEmpty ? nil : names].compactMap(\.self)
        return "  \(range)\(name.padded(to: 16)) \(details.joined(separator: "; "))"
    }
}
