internal import Difference
internal import Registers
internal import VCPUModel

/// The report of `diff`.
struct DiffOutput: Report {
    struct VCPU: Encodable {
        var index: UInt32
        /// `left` or `right` when only that side has the vCPU.
        var only: String?
        var registers: [Register]
        var volatile: [Register]
    }

    struct Register: Encodable {
        var name: String
        var id: String
        var category: String
        var left: String?
        var right: String?
        var fields: [Field]
    }

    struct Field: Encodable {
        var name: String
        var left: String
        var right: String
    }

    struct Provenance: Encodable {
        var key: String
        var left: String?
        var right: String?
    }

    var left: String
    var right: String
    var same: Bool
    var provenance: [Provenance]
    var vcpus: [VCPU]

    init(
        left: String, right: String, same: Bool, _ difference: SnapshotDifference,
        _ values: ValueText
    ) {
        self.left = left
        self.right = right
        self.same = same
        provenance = difference.provenance.map {
            Provenance(key: $0.key.rawValue, left: $0.left, right: $0.right)
        }
        vcpus = difference.vcpus.map { VCPU($0, values) }
    }

    func text(_ style: TextStyle) -> String {
        guard !provenance.isEmpty || !vcpus.isEmpty else { return "" }
        var text = style.bad("--- \(left)") + "\n" + style.good("+++ \(right)") + "\n"
        if !provenance.isEmpty {
            text += style.bold("provenance") + "\n"
            text += provenance.map { change("  \($0.key)", $0.left, $0.right) }.joined()
        }
        return text + vcpus.map { $0.text(style) }.joined()
    }
}

/// `NAME: LEFT -> RIGHT`, with `(none)` for a side that has nothing.
private func change(_ name: String, _ left: String?, _ right: String?) -> String {
    "\(name): \(left ?? "(none)") -> \(right ?? "(none)")\n"
}

extension DiffOutput.VCPU {
    init(_ difference: VCPUDifference, _ values: ValueText) {
        index = difference.index
        only = difference.presence.map { $0 == .left ? "left" : "right" }
        registers = difference.registers.map { DiffOutput.Register($0, values) }
        volatile = difference.volatile.map { DiffOutput.Register($0, values) }
    }

    func text(_ style: TextStyle) -> String {
        var text =
            style.bold("vCPU \(index)") + (only.map { ": only in the \($0) one" } ?? "") + "\n"
        for category in RegisterCategory.allCases {
            let members = registers.filter { $0.category == category.rawValue }
            guard !members.isEmpty else { continue }
            text += "  " + style.bold(category.rawValue) + "\n"
            text += members.map(\.text).joined()
        }
        if !volatile.isEmpty {
            text += "  " + style.faint("volatile: these move by themselves") + "\n"
            text += volatile.map { style.faint($0.text) }.joined()
        }
        return text
    }
}

extension DiffOutput.Register {
    init(_ difference: RegisterDifference, _ values: ValueText) {
        name = difference.id.name
        id = difference.id.number
        category = difference.category.rawValue
        left = values.text(difference.left, of: difference.id)
        right = values.text(difference.right, of: difference.id)
        let isHidden = values.isHidden(difference.id)
        fields = isHidden ? [] : difference.fields.map { DiffOutput.Field($0, values) }
    }

    /// One line a field where there are fields, else one line for the register.
    var text: String {
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
