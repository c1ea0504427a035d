internal import Machines
internal import QEMUStream
internal import Registers
internal import Reports
internal import Transfer
internal import VCPUModel

/// The report of `show`.
struct ShowOutput: Report {
    private struct Register: Hashable {
        let id: RegisterID
        let value: RegisterValue
        /// The registers that an AArch32 guest has in it, with other fields.
        let views: [RegisterID]
    }

    private let source: String
    private let snapshot: Snapshot
    /// Nil where it is from none.
    private let stream: QEMUStream?
    private let values: ValueText
    private let decoded: DecodedText
    /// The registers to be shown, with their fields; nil for all, without.
    private let filter: Set<RegisterID>?

    /// - Parameters:
    ///   - patterns: where there are any, only registers that match one are shown, with their fields.
    init(
        _ snapshot: Snapshot, of stream: QEMUStream?, source: String, patterns: [RegisterPattern],
        values: ValueText, fields: DecodedText
    ) {
        decoded = fields
        self.stream = stream
        self.source = source
        self.snapshot = snapshot
        self.values = values
        guard !patterns.isEmpty else {
            filter = nil
            return
        }
        filter = Self.ids(in: snapshot.units.map(\.registers))
            .filter { id in patterns.contains { $0.matches(id) } }
    }

    /// The ids of several lists, of which most have the same.
    private static func ids(in lists: [RegisterList]) -> Set<RegisterID> {
        var last: [RegisterID] = []
        var ids: Set<RegisterID> = []
        for list in lists where list.ids != last {
            last = list.ids
            ids.formUnion(last)
        }
        return ids
    }

    /// Whether any unit has a register that matches one of the patterns that were asked for.
    func has(_ pattern: RegisterPattern) -> Bool {
        filter?.contains(where: pattern.matches) ?? true
    }

    private func shown(_ registers: RegisterList) -> [Register] {
        let isAArch32 = registers.hasAArch32AtEL1
        return registers.filter { isShown($0.0) }.map { id, value in
            Register(id: id, value: value, views: isAArch32 ? AArch32Bank.views(in: id) : [])
        }
    }

    private func isShown(_ id: RegisterID) -> Bool { filter?.contains(id) ?? true }

    /// Why it is not all of a stream; nil where it is.
    private var partial: String? { stream?.problem.map { "\($0)" } }

    // MARK: JSON

    var json: JSONObject {
        [
            "foundBySearch": stream?.foundBySearch, "notes": snapshot.noteTexts,
            "partial": partial,
            "provenance": snapshot.provenance.entries.json { .entry($0.key, ["value": $0.value]) },
            "source": source,
        ] + .units(snapshot.units, \.unit) { ["registers": shown($0.registers).json(json(of:))] }
    }

    private func json(of register: Register) -> JSONObject {
        values.register(
            register.id, ["value": register.value],
            [
                "category": RegisterCategory(of: register.id).rawValue,
                "fields": fields(of: register).map(DecodedText(showsAll: true).json),
                "views": filter == nil || register.views.isEmpty ? nil : register.views.map(\.name),
            ])
    }

    /// Nil where they are not to be told, or not known.
    private func fields(of register: Register) -> [DecodedField]? {
        guard filter != nil, register.views.isEmpty, !values.isHidden(register.id) else {
            return nil
        }
        return RegisterDictionary.entry(for: register.id).map {
            DecodedField.all(of: register.value, in: $0)
        }
    }

    // MARK: Text

    /// The VM's own stands first, then what all vCPUs have alike, then what each has of its own.
    func write(text output: ReportWriter) {
        output.write(output.style.bold("\(source)") + "\n")
        if let partial { output.write(output.style.bad("  partial: \(partial)") + "\n") }
        if let places = stream?.placesText { output.write("  \(places)\n") }
        output.write(output.style.notes(snapshot.noteTexts))
        if filter == nil {
            for entry in snapshot.provenance.entries {
                output.write("  \(entry.key.rawValue): \(entry.value)\n")
            }
        }
        if snapshot.vm.count > 0 { write(shown(snapshot.vm), UnitID.vm.description, "", output) }
        writeVCPUs(output)
    }

    private func writeVCPUs(_ output: ReportWriter) {
        let lists = snapshot.vcpus.map(\.registers)
        let all = UnitNumbers(snapshot.vcpus.lazy.map(\.index))
        guard let first = lists.first else { return }
        guard lists.contains(where: { $0 != first }) else {
            return write(shown(first), all.title, "", output)
        }
        let alike = shown(first).filter { register in
            lists.allSatisfy { $0[register.id] == register.value }
        }
        if !alike.isEmpty { write(alike, all.title + ", alike", "", output) }
        let known = Set(alike.map(\.id))
        let others = Self.ids(in: lists).subtracting(known)
        if !alike.isEmpty, filter == nil, others.count <= Self.maximumByRegister {
            return writeByRegister(others.sorted(), of: all, output)
        }
        var said = Folded<[Register], Void>()
        for vcpu in snapshot.vcpus {
            let own = shown(vcpu.registers).filter { !known.contains($0.id) }
            if alike.isEmpty || !own.isEmpty { said.add(own, of: .vcpu(vcpu.index)) }
        }
        for entry in said.entries {
            write(entry.subject, entry.units.title, alike.isEmpty ? "" : " more", output)
        }
    }

    /// How many registers in which vCPUs differ are told one by one, with the values of all vCPUs.
    ///
    /// vCPUs that did not run differ in how they were made, a handful; those that did, in 50 and more, X registers among
    /// them, and whoever reads these wants the ones of one vCPU together.
    private static let maximumByRegister = 16

    /// How many values of one register are told beside each other.
    private static let maximumValues = 8

    private func writeByRegister(
        _ ids: [RegisterID], of all: UnitNumbers, _ output: ReportWriter
    ) {
        writeTitle("\(all.title), each its own", "\(ids.count) more", ids.count, output)
        output.write(ids, by: RegisterCategory.init(of:)) { id in
            var said = Folded<String, Void>()
            for vcpu in snapshot.vcpus {
                let value = values.text(vcpu.registers[id], of: id) ?? "no register"
                said.add(value, of: .vcpu(vcpu.index))
            }
            let texts = said.entries.prefix(Self.maximumValues).map {
                $0.line("\($0.subject)", among: all)
            }
            let more = said.entries.count - texts.count
            let rest: PrintableText =
                more > 0 ? "; and \(more) more (--register \(id.name) shows each)" : ""
            return "    \(Self.column(id)) \(texts.joined(separator: "; "))\(rest)\n"
        }
    }

    private func write(
        _ registers: [Register], _ title: String, _ more: String, _ output: ReportWriter
    ) {
        writeTitle(title, "\(registers.count)\(more)", registers.count, output)
        output.write(registers, by: { RegisterCategory(of: $0.id) }, lines)
    }

    private func writeTitle(
        _ title: String, _ number: String, _ count: Int, _ output: ReportWriter
    ) {
        output.write(
            "\(output.style.bold("\(title)")): \(number) register\(count == 1 ? "" : "s")\n")
    }

    private static func column(_ id: RegisterID) -> PrintableText {
        PrintableText(id.name).padded(to: 24)
    }

    private func lines(of register: Register) -> PrintableText {
        let value = values.text(register.value, of: register.id) ?? ""
        let told =
            meaning(of: register.value, fields(of: register) ?? [], register.id, indent: "      ")
            + views(of: register)
        let lines = told.map { "\($0)\n" as PrintableText }
        return "    \(Self.column(register.id)) \(value)\n\(lines.joined())"
    }

    private func meaning(
        of value: RegisterValue, _ fields: [DecodedField], _ id: RegisterID, indent: String
    ) -> [PrintableText] {
        guard !fields.isEmpty else { return [] }
        let sentence = fields.sentence.map { "\(PrintableText(indent))\($0)" as PrintableText }
        return [sentence].compactMap { $0 } + decoded.lines(fields, indent: indent)
            + decoded.reserved(value, of: id, indent: indent)
    }

    /// What an AArch32 guest has in the register, in place of fields that are not the guest's.
    private func views(of register: Register) -> [PrintableText] {
        guard filter != nil, !register.views.isEmpty, !values.isHidden(register.id) else {
            return []
        }
        let names = register.views.map(\.name).joined(separator: ", ")
        var told: [PrintableText] = [
            "      the guest has AArch32 at EL1, and this holds its \(names)"
        ]
        for view in register.views {
            guard let value = AArch32Bank.holder(of: view)?.extract(from: register.value),
                let entry = RegisterDictionary.entry(for: view)
            else { continue }
            told.append("      \(PrintableText(view.name).padded(to: 8)) \(value)")
            let fields = DecodedField.all(of: value, in: entry)
            told += meaning(of: value, fields, view, indent: "        ")
        }
        return told
    }
}
