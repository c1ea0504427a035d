internal import Registers
internal import VCPUModel

/// The report of `diff`.
struct DiffOutput: Report {
    struct Register {
        var name: String
        var id: String
        var category: String
        var left: String?
        var right: String?
        var fields: [Field]
    }

    struct Field {
        var name: String
        var left: String
        var right: String
    }

    let left: String
    let right: String
    let same: Bool
    let difference: SnapshotDifference
    let values: ValueText

    // MARK: JSON

    func write(json: JSONWriter) {
        json.object {
            json.member("left", left)
            json.member("provenance", array: difference.provenance) { entry in
                json.object {
                    json.member("key", entry.key.rawValue)
                    json.member("left", entry.left)
                    json.member("right", entry.right)
                }
            }
            json.member("right", right)
            json.member("same", same)
            json.member("vcpus", array: difference.vcpus) { write($0, json) }
        }
    }

    private func write(_ vcpu: VCPUDifference, _ json: JSONWriter) {
        json.object {
            json.member("index", vcpu.index)
            json.member("only", vcpu.onlyText)
            json.member("registers", array: vcpu.registers) { Register($0, values).write(to: json) }
            json.member("volatile", array: vcpu.volatile) { Register($0, values).write(to: json) }
        }
    }

    // MARK: Text

    /// vCPUs that follow each other and differ in the same are said once.
    func write(text output: ReportWriter) {
        guard !difference.provenance.isEmpty || !difference.vcpus.isEmpty else { return }
        let style = output.style
        output.write(style.bad("--- \(left)") + "\n" + style.good("+++ \(right)") + "\n")
        if !difference.provenance.isEmpty {
            output.write(style.bold("provenance") + "\n")
            for entry in difference.provenance {
                output.write(change("  \(entry.key.rawValue)", entry.left, entry.right))
            }
        }
        var numbers = VCPUNumbers()
        for (place, vcpu) in difference.vcpus.enumerated() {
            numbers.append(vcpu.index)
            let next = place + 1
            if next < difference.vcpus.count, difference.vcpus[next].isLike(vcpu) { continue }
            write(vcpu, numbers.title, output)
            numbers = VCPUNumbers()
        }
    }

    private func write(_ vcpu: VCPUDifference, _ title: String, _ output: ReportWriter) {
        let style = output.style
        let only = vcpu.onlyText.map { ": only in the \($0) one" } ?? ""
        output.write("\(style.bold("\(title)"))\(only)\n")
        let byCategory = Dictionary(grouping: vcpu.registers, by: \.category)
        for category in RegisterCategory.allCases {
            guard let members = byCategory[category] else { continue }
            output.write("  \(style.bold("\(category.rawValue)"))\n")
            for member in members { output.write(Register(member, values).text) }
        }
        if !vcpu.volatile.isEmpty {
            output.write("  " + style.faint("volatile: these move by themselves") + "\n")
            for member in vcpu.volatile { output.write(style.faint(Register(member, values).text)) }
        }
    }
}

/// `NAME: LEFT -> RIGHT`, with `(none)` for a side that has nothing.
private func change(_ name: String, _ left: String?, _ right: String?) -> PrintableText {
    "\(name): \(left ?? "(none)") -> \(right ?? "(none)")\n"
}

extension VCPUDifference {
    fileprivate var onlyText: String? { presence.map { $0 == .left ? "left" : "right" } }

    fileprivate func isLike(_ other: VCPUDifference) -> Bool {
        presence == other.presence && registers == other.registers && volatile == other.volatile
    }
}

extension DiffOutput.Register {
    init(_ difference: RegisterDifference, _ values: ValueText) {
        name = difference.id.name
        id = difference.id.hex
        category = difference.category.rawValue
        left = values.text(difference.left, of: difference.id)
        right = values.text(difference.right, of: difference.id)
        let isHidden = values.isHidden(difference.id)
        fields = isHidden ? [] : difference.fields.map { DiffOutput.Field($0, values) }
    }

    func write(to json: JSONWriter) {
        json.object {
            json.member("category", category)
            json.member("fields", array: fields) { field in
                json.object {
                    json.member("left", field.left)
                    json.member("name", field.name)
                    json.member("right", field.right)
                }
            }
            json.member("id", id)
            json.member("left", left)
            json.member("name", name)
            json.member("right", right)
        }
    }

    /// One line a field where there are fields, else one line for the register.
    var text: PrintableText {
        // A register that is one single field says nothing more by naming the field.
        guard fields.count > 1 || (fields.first.map { $0.left != left } ?? false) else {
            return change("    \(name)", left, right)
        }
        return fields.map { change("    \(name).\($0.name)", $0.left, $0.right) }.joined()
    }
}

extension DiffOutput.Field {
    init(_ difference: FieldDifference, _ values: ValueText) {
        name = difference.field.name
        left = values.text(difference.left, of: difference.field)
        right = values.text(difference.right, of: difference.field)
    }
}
