internal import Registers
internal import Reports
internal import Transfer
internal import VCPUModel

/// The report of `register`.
struct RegisterOutput: WholeReport {
    let subjects: [RegisterSubject]
    let values: DecodedText

    var json: JSONObject {
        ["registers": subjects.json { $0.decoded?.json(values) ?? $0.json }]
    }

    func text(_ style: TextStyle) -> PrintableText {
        subjects.map { $0.decoded?.text(values, style) ?? $0.text(style) }.joined(separator: "\n")
    }
}

/// A value of a register, or of a field of it.
private struct DecodedRegister {
    let id: RegisterID
    /// The field that alone is to be told; nil for the register.
    let field: String?
    let value: RegisterValue
    /// Those to be told.
    let fields: [DecodedField]

    /// The register and its value, or the field and its.
    private var title: (name: String, value: RegisterValue) {
        guard let field, let decoded = fields.first else { return (id.name, value) }
        return ("\(id.name).\(field)", RegisterValue(decoded.bits))
    }

    func json(_ values: DecodedText) -> JSONObject {
        .register(
            id,
            [
                "fields": values.json(fields), "sentence": fields.sentence,
                "value": value.description,
            ])
    }

    /// The register of AArch64 whose fields are known, where this is one of AArch32.
    private var hint: PrintableText {
        guard let other = RegisterID(parsing: "\(id.name)_EL1"),
            RegisterDictionary.entry(for: other)?.fields.isEmpty == false
        else { return "" }
        return "; \(other.name) has"
    }

    func text(_ values: DecodedText, _ style: TextStyle) -> PrintableText {
        var lines: [PrintableText] = ["\(style.bold("\(title.name)")) = \(title.value)"]
        if let sentence = fields.sentence { lines.append("  \(sentence)") }
        lines += values.lines(fields, indent: "  ")
        if field == nil { lines += values.reserved(value, of: id, indent: "  ") }
        if fields.isEmpty {
            lines.append("  it has no fields that are known\(hint)")
        } else if lines.count == 1 {
            lines.append("  nothing is set (--all tells every field)")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension RegisterSubject {
    /// Nil where no value is to be explained.
    fileprivate var decoded: DecodedRegister? {
        guard let value else { return nil }
        let all =
            RegisterDictionary.entry(for: id).map { DecodedField.all(of: value, in: $0) } ?? []
        let fields = field.map { name in all.filter { $0.field.name == name } } ?? all
        return DecodedRegister(id: id, field: field, value: value, fields: fields)
    }
}

extension RegisterSubject {
    private var entry: RegisterEntry? { RegisterDictionary.entry(for: id) }
    private var category: String { RegisterCategory(of: id).rawValue }

    /// Those of the layout, or the one of that name, of whatever layout.
    private var fields: [(field: RegisterField, rule: IDFieldRule?)] {
        let fields = field.map { entry?.field(named: $0).map { [$0] } ?? [] } ?? entry?.fields ?? []
        let rules = entry?.idFieldRules ?? []
        return fields.map { field in (field, rules.first { $0.field == field.name }) }
    }

    /// What each kernel made of it, oldest first.
    private var history: [BehaviorChange] { entry.map(BehaviorChange.all(of:)) ?? [] }

    /// The register that holds this one's state, with the bits: `FAR_EL1[63:32]`.
    private var holder: String? {
        guard let holder = AArch32Bank.holder(of: id) else { return entry?.mapping?.name }
        let isWhole = holder.size == holder.id.size
        let range = bitRange(holder.lsb + holder.size * 8 - 1, holder.lsb)
        return holder.id.name + (isWhole ? "" : range)
    }

    fileprivate var json: JSONObject {
        .register(
            id,
            [
                "aliases": entry?.aliases ?? [], "behaviour": entry?.newestBehavior,
                "category": category,
                "fields": fields.json { field, rule in
                    .field(
                        field,
                        [
                            "kind": field.kind.rawValue, "rule": rule?.rule.rawValue,
                            "values": field.namedValues.json {
                                ["name": $0.name, "value": RegisterValue($0.value).description]
                            },
                        ])
                },
                "heldBy": holder, "history": history,
                "listedSince": entry?.listedSince?.description, "notes": entry?.notes,
                "size": id.size,
            ])
    }

    fileprivate func text(_ style: TextStyle) -> PrintableText {
        let behavior = entry?.newestBehavior
        var lines: [PrintableText] = ["\(style.bold("\(id.name)"))  \(id.hex)"]
        if let entry, !entry.aliases.isEmpty {
            lines.append("  also: \(entry.aliases.joined(separator: ", "))")
        }
        lines.append("  \(category)\(id.size.map { ", \($0 * 8) bits" } ?? "")")
        if let holder { lines.append("  held by \(holder)") }
        if let since = entry?.listedSince { lines.append("  KVM lists it since Linux \(since)") }
        lines += (behavior?.lines ?? []).map { "  \($0)" }
        let changes = BehaviorChange.telling(history)
        if changes.count > 1 { lines += changes.map { "  \($0.line)" } }
        if let notes = entry?.notes, notes != behavior?.notes {
            lines.append("  note: \(notes)")
        }
        return (lines + fields.map(Self.line)).joined(separator: "\n") + "\n"
    }

    private static func line(_ field: RegisterField, _ rule: IDFieldRule?) -> PrintableText {
        let range = PrintableText(bitRange(field.msb, field.lsb)).padded(to: 10)
        let names = field.namedValues.map { "\(RegisterValue($0.value)) \($0.name)" }
        let details = [
            rule.map { "rule \($0.rule.rawValue)" },
            names.isEmpty ? nil : names.joined(separator: ", "),
        ].compactMap(\.self)
        let name = PrintableText(field.name).padded(to: 16)
        return "  \(range)\(name) \(details.joined(separator: "; "))"
    }
}

extension Behavior: JSONConvertible {
    /// The first kernel that has what makes it writable when enabled on the VM.
    private var capabilitySince: String? {
        capability.flatMap(KVMCapability.named)?.since?.description
    }

    var json: JSONObject {
        [
            "capability": capability, "capabilitySince": capabilitySince,
            "class": behaviorClass.rawValue, "needs": needs.map(\.description), "notes": notes,
            "rule": rule,
        ]
    }

    fileprivate var lines: [String] {
        var lines = ["on write: " + behaviorClass.rawValue + (rule.map { "; " + $0 } ?? "")]
        if !needs.isEmpty {
            lines.append(
                "exists only with " + needs.map(\.description).joined(separator: " and "))
        }
        if let capability, let capabilitySince {
            lines.append("\(capability): Linux \(capabilitySince) or newer")
        }
        if let notes { lines.append("note: " + notes) }
        return lines
    }
}

/// Which bits of a register, as the Arm manual writes it: `[31:16]`, or `[31]` for one.
func bitRange(_ msb: Int, _ lsb: Int) -> String {
    msb == lsb ? "[\(lsb)]" : "[\(msb):\(lsb)]"
}
