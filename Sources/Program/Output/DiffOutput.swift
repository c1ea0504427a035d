internal import Registers
internal import Reports
internal import Transfer
internal import VCPUModel

/// The report of `diff`.
struct DiffOutput: Report {
    let left: String
    let right: String
    let same: Bool
    let difference: SnapshotDifference
    let values: ValueText

    // MARK: JSON

    var json: JSONObject {
        .sides(left, right) + [
            "provenance": difference.provenance.json { .entry($0.key, .sides($0.left, $0.right)) },
            "same": same,
        ]
            + .units(difference.units, \.unit) { unit in
                [
                    "only": unit.onlyText, "registers": unit.registers.json(values),
                    "volatile": unit.volatile.json(values),
                ]
            }
    }

    var status: ExitStatus { same ? .success : .finding }

    // MARK: Text

    func write(text output: ReportWriter) {
        guard !difference.provenance.isEmpty || !difference.units.isEmpty else { return }
        let style = output.style
        output.write(style.bad("--- \(left)") + "\n" + style.good("+++ \(right)") + "\n")
        if !difference.provenance.isEmpty {
            output.write(style.bold("provenance") + "\n")
            for entry in difference.provenance {
                let change = Lines.Change(left: entry.left, right: entry.right)
                output.write("  \(entry.key.rawValue): \(change.text)\n")
            }
        }
        for vm in difference.units where vm.unit == .vm {
            let only = vm.onlyText.map { ": only the \($0) one has state of the VM itself" } ?? ""
            write(lines(of: [vm]), "VM", PrintableText(only), among: UnitNumbers(of: .vm), output)
        }
        let vcpus = difference.units.filter { $0.unit != .vm }
        write(vcpus.filter { $0.presence == nil }, output)
        var alone = Folded<String, Void>()
        for vcpu in vcpus { vcpu.onlyText.map { alone.add($0, of: vcpu.unit) } }
        for entry in alone.entries {
            output.write(
                "\(style.bold("\(entry.units.title)")): only in the \(entry.subject) one\n")
        }
    }

    /// What differs in all vCPUs alike, then the rest, each register with what it holds where.
    private func write(_ vcpus: [UnitDifference], _ output: ReportWriter) {
        let all = UnitNumbers(vcpus.compactMap(\.unit.index))
        let lines = lines(of: vcpus)
        let (alike, own) = (
            lines.filter { $0.isAlike(among: all) }, lines.filter { !$0.isAlike(among: all) }
        )
        if !alike.isEmpty {
            write(alike, all.title + (own.isEmpty ? "" : ", alike"), among: all, output)
        }
        guard !own.isEmpty else { return }
        let isShort = own.contains(where: \.isShortened)
        write(
            own, all.title + ", each its own", isShort ? " (--format json has every value)" : "",
            among: all, output)
    }

    private func write(
        _ lines: [Lines.Line], _ title: String, _ remark: PrintableText = "",
        among all: UnitNumbers, _ output: ReportWriter
    ) {
        let style = output.style
        output.write("\(style.bold("\(title)"))\(remark)\n")
        let text = { (alike: [Lines.Line]) in
            "    \(alike[0].text(Self.name(of: alike), among: all))\n" as PrintableText
        }
        let constant = Self.grouped(lines.filter { !$0.subject.isVolatile }, among: all)
        output.write(constant, by: \.[0].subject.category, text)
        let volatile = lines.filter(\.subject.isVolatile)
        if !volatile.isEmpty {
            output.write("  " + style.faint("volatile: these move by themselves") + "\n")
            for line in volatile { output.write(style.faint(text([line]))) }
        }
    }

    /// Lines of interrupts, of which there can be a thousand, together where one after the other changes alike.
    private static func grouped(
        _ lines: [Lines.Line], among all: UnitNumbers
    ) -> [[Lines.Line]] {
        var groups: [[Lines.Line]] = []
        var last: (register: RegisterID?, text: PrintableText)?
        for line in lines {
            let (subject, text) = (line.subject, line.text("", among: all))
            // Fields of one register, or registers of which each is about one interrupt.
            let register = subject.field == nil ? nil : subject.id
            if subject.isOfInterrupt, let last, last == (register, text) {
                groups[groups.count - 1].append(line)
            } else {
                groups.append([line])
            }
            last = subject.isOfInterrupt ? (register, text) : nil
        }
        return groups
    }

    private static func name(of lines: [Lines.Line]) -> String {
        let names = lines.map(\.subject.name)
        // Fields stand from the highest bit down.
        return RegisterID.folded(lines[0].subject.field == nil ? names : names.reversed())
    }

    // MARK: Lines

    /// What a line is about.
    private struct Subject: Hashable {
        let id: RegisterID
        let isVolatile: Bool
        /// Nil for the whole register.
        let field: RegisterField?

        var category: RegisterCategory { RegisterCategory(of: id) }
        var name: String { id.name + (field.map { ".\($0.name)" } ?? "") }

        var isOfInterrupt: Bool {
            if let field { return field.interrupt != nil }
            return if case .route = id.interruptProperty { true } else { false }
        }

        func stands(before other: Subject) -> Bool {
            id == other.id ? (field?.msb ?? 0) > (other.field?.msb ?? 0) : id < other.id
        }
    }

    private typealias Lines = FoldedChanges<Subject>

    private func lines(of units: [UnitDifference]) -> [Lines.Line] {
        var lines = Lines()
        // Most units say what the one before them said.
        var last: [RegisterID: (difference: RegisterDifference, changes: [Lines.Statement])] = [:]
        for unit in units {
            for register in unit.registers + unit.volatile {
                let known = last[register.id].flatMap {
                    $0.difference == register ? $0.changes : nil
                }
                let changes = known ?? statements(on: register)
                last[register.id] = (register, changes)
                for change in changes { lines.add(change, of: unit.unit) }
            }
        }
        return lines.lines.sorted { $0.subject.stands(before: $1.subject) }
    }

    /// One for each field where there are fields, else one for the register.
    private func statements(on register: RegisterDifference) -> [Lines.Statement] {
        let fields = register.fields(values)
        let (id, isVolatile) = (register.id, register.isVolatile)
        let left = values.text(register.left, of: id)
        // A register that is one single field says nothing more by naming the field, unless that is an INTID.
        let isTold = fields.first.map {
            $0.texts(values).left != left || $0.field.interrupt != nil
        }
        guard fields.count > 1 || isTold == true
        else {
            return [
                Lines.Statement(
                    subject: Subject(id: id, isVolatile: isVolatile, field: nil),
                    change: .init(left: left, right: values.text(register.right, of: id)),
                    left: register.left, right: register.right)
            ]
        }
        return fields.map { field in
            let (left, right) = field.texts(values)
            return Lines.Statement(
                subject: Subject(id: id, isVolatile: isVolatile, field: field.field),
                change: .init(left: left, right: right), left: RegisterValue(field.left),
                right: RegisterValue(field.right))
        }
    }
}

extension UnitDifference {
    fileprivate var onlyText: String? { presence.map { $0 == .left ? "left" : "right" } }
}

extension RegisterDifference: ValueHolder {
    /// Those of which the values may be seen.
    fileprivate func fields(_ values: ValueText) -> [FieldDifference] {
        values.isHidden(id) ? [] : fields
    }

    func json(_ values: ValueText) -> JSONObject {
        values.register(
            id, ["left": left, "right": right],
            [
                "category": category.rawValue,
                "fields": fields(values).json { field in
                    let (left, right) = field.texts(values)
                    return ["name": field.field.name] + .sides(left, right)
                },
            ])
    }
}

extension FieldDifference {
    fileprivate func texts(_ values: ValueText) -> (left: String, right: String) {
        (values.text(left, of: field), values.text(right, of: field))
    }
}
