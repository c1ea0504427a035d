internal import Registers
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

    /// Units that differ in the same are said once.
    func write(text output: ReportWriter) {
        guard !difference.provenance.isEmpty || !difference.units.isEmpty else { return }
        let style = output.style
        output.write(style.bad("--- \(left)") + "\n" + style.good("+++ \(right)") + "\n")
        if !difference.provenance.isEmpty {
            output.write(style.bold("provenance") + "\n")
            for entry in difference.provenance {
                output.write(change("  \(entry.key.rawValue)", entry.left, entry.right))
            }
        }
        var said = Folded<UnitDifference, Void>()
        for difference in difference.units {
            var body = difference
            body.unit = .vm
            said.add(body, of: difference.unit)
        }
        for entry in said.entries { write(entry.subject, entry.units.title, output) }
    }

    private func write(_ unit: UnitDifference, _ title: String, _ output: ReportWriter) {
        let style = output.style
        let only = unit.onlyText.map { ": only in the \($0) one" } ?? ""
        output.write("\(style.bold("\(title)"))\(only)\n")
        output.write(unit.registers, by: \.category) { $0.lines(values) }
        if !unit.volatile.isEmpty {
            output.write("  " + style.faint("volatile: these move by themselves") + "\n")
            for member in unit.volatile { output.write(style.faint(member.lines(values))) }
        }
    }
}

/// `NAME: LEFT -> RIGHT`, with `(none)` for a side that has nothing.
private func change(_ name: String, _ left: String?, _ right: String?) -> PrintableText {
    "\(name): \(left ?? "(none)") -> \(right ?? "(none)")\n"
}

extension UnitDifference {
    fileprivate var onlyText: String? { presence.map { $0 == .left ? "left" : "right" } }
}

extension RegisterDifference: ValueHolder {
    /// Those of which the values may be seen.
    private func fields(_ values: ValueText) -> [FieldDifference] {
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

    /// One line a field where there are fields, else one line for the register.
    fileprivate func lines(_ values: ValueText) -> PrintableText {
        let fields = fields(values)
        let (left, right) = (values.text(left, of: id), values.text(right, of: id))
        // A register that is one single field says nothing more by naming the field.
        guard fields.count > 1 || (fields.first.map { $0.texts(values).left != left } ?? false)
        else { return change("    \(id.name)", left, right) }
        return fields.map { field in
            let (left, right) = field.texts(values)
            return change("    \(id.name).\(field.field.name)", left, right)
        }.joined()
    }
}

extension FieldDifference {
    fileprivate func texts(_ values: ValueText) -> (left: String, right: String) {
        (values.text(left, of: field), values.text(right, of: field))
    }
}
