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
        /// What each kernel made of it, oldest first.
        var history: [Change]
        var listedSince: String?
        var notes: String?
    }

    /// What was asked for: a register, or one field of it.
    struct Subject {
        var id: RegisterID
        var field: String?
    }

    struct Change: Encodable {
        var from: String
        /// The first kernel that does not do so, of a backport to one stable series.
        var until: String?
        /// Nil where KVM does not have the register.
        var `class`: String?
        var mask: String?
        var rule: String?
        var needs: [String]
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
        /// What makes it writable when enabled on the VM, and the first kernel that has that.
        var capability: String?
        var capabilitySince: String?
        var notes: String?
    }

    var registers: [Register]

    init(_ subjects: [Subject]) {
        registers = subjects.map(Register.init)
    }

    func text(_ style: TextStyle) -> PrintableText {
        registers.map { $0.text(style) }.joined(separator: "\n")
    }
}

extension RegisterOutput.Register {
    init(_ subject: RegisterOutput.Subject) {
        let id = subject.id
        let entry = RegisterDictionary.entry(for: id)
        name = id.name
        self.id = id.hex
        aliases = entry?.aliases ?? []
        size = id.size
        category = RegisterCategory(of: id).rawValue
        heldBy = Self.holder(of: id)
        let rules = entry?.idFieldRules ?? []
        fields = Self.fields(of: entry, named: subject.field).map { field in
            RegisterOutput.Field(field, rules.first { $0.field == field.name })
        }
        history = (entry?.behaviourHistory ?? []).map {
            RegisterOutput.Change($0.from, $0.until, $0.behaviour)
        }
        behaviour = entry?.newestBehaviour.map(RegisterOutput.BehaviourText.init)
        listedSince = entry?.listedSince?.description
        notes = entry?.notes
    }

    /// Those of the layout, or the one of that name, of whatever layout.
    private static func fields(of entry: RegisterEntry?, named name: String?) -> [RegisterField] {
        guard let name else { return entry?.fields ?? [] }
        return (entry?.field(named: name)).map { [$0] } ?? []
    }

    func text(_ style: TextStyle) -> PrintableText {
        var lines: [PrintableText] = ["\(style.bold("\(name)"))  \(id)"]
        if !aliases.isEmpty { lines.append("  also: \(aliases.joined(separator: ", "))") }
        lines.append("  \(category)\(size.map { ", \($0 * 8) bits" } ?? "")")
        if let heldBy { lines.append("  held by \(heldBy)") }
        if let listedSince { lines.append("  KVM lists it since Linux \(listedSince)") }
        lines += (behaviour?.lines ?? []).map { "  \($0)" }
        let changes = RegisterOutput.Change.telling(history)
        if changes.count > 1 { lines += changes.map { "  \($0.line)" } }
        if let notes, notes != behaviour?.notes { lines.append("  note: \(notes)") }
        return (lines + fields.map(\.line)).joined(separator: "\n") + "\n"
    }
}

extension RegisterOutput.Register {
    private static func holder(of id: RegisterID) -> String? {
        guard let holder = AArch32Bank.holder(of: id) else {
            return RegisterDictionary.entry(for: id)?.mapping?.name
        }
        let isWhole = holder.size == holder.id.size
        let range = bitRange(holder.lsb + holder.size * 8 - 1, holder.lsb)
        return holder.id.name + (isWhole ? "" : range)
    }
}

extension RegisterOutput.BehaviourText {
    init(_ behaviour: Behaviour) {
        self.class = behaviour.behaviourClass.rawValue
        rule = behaviour.rule
        needs = behaviour.needs.map(\.description)
        capability = behaviour.capability
        capabilitySince = capability.flatMap(KVMCapability.named)?.since?.description
        notes = behaviour.notes
    }

    var lines: [String] {
        var lines = ["on write: " + self.class + (rule.map { "; " + $0 } ?? "")]
        if !needs.isEmpty { lines.append("exists only with " + needs.joined(separator: " and ")) }
        if let capability, let capabilitySince {
            lines.append("\(capability): Linux \(capabilitySince) or newer")
        }
        if let notes { lines.append("note: " + notes) }
        return lines
    }
}

extension RegisterOutput.Change {
    init(_ from: KernelVersion, _ until: KernelVersion?, _ behaviour: Behaviour?) {
        self.from = from.description
        self.until = until?.description
        self.class = behaviour?.behaviourClass.rawValue
        mask = behaviour?.mask.map { RegisterValue($0).description }
        rule = behaviour?.rule
        needs = (behaviour?.needs ?? []).map(\.description)
    }

    /// Without those of which nothing else is to be said than of the one before.
    static func telling(_ history: [RegisterOutput.Change]) -> [RegisterOutput.Change] {
        history.reduce(into: []) { changes, change in
            if change.until != nil || changes.last?.what != change.what { changes.append(change) }
        }
    }

    var line: String { "Linux \(from)" + (until.map { ", until \($0)" } ?? "") + ": " + what }

    private var what: String {
        let what = [self.class ?? "not there", mask.map { "mask \($0)" }, rule].compactMap(\.self)
        let condition = needs.isEmpty ? [] : ["only with " + needs.joined(separator: " and ")]
        return (what + condition).joined(separator: "; ")
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

    var line: PrintableText {
        let range = PrintableText(bitRange(msb, lsb)).padded(to: 10)
        let names = values.map { "\($0.value) \($0.name)" }.joined(separator: ", ")
        let details = [rule.map { "rule \($0)" }, names.isEmpty ? nil : names].compactMap(\.self)
        let name = PrintableText(name).padded(to: 16)
        return "  \(range)\(name) \(details.joined(separator: "; "))"
    }
}
