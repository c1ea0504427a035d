internal import Machines
internal import QEMUStream
internal import Registers
internal import VCPUModel

/// The report of `show`.
struct ShowOutput: Report {
    private typealias Pair = (id: RegisterID, value: RegisterValue)

    private let source: String
    private let snapshot: Snapshot
    /// Nil where it is from none.
    private let stream: QEMUStream?
    private let values: ValueText
    /// The registers to be shown, with their fields; nil for all, without.
    private let filter: Set<RegisterID>?

    /// - Parameters:
    ///   - patterns: where there are any, only registers that match one are shown, with their fields.
    init(
        _ snapshot: Snapshot, of stream: QEMUStream?, source: String, patterns: [RegisterPattern],
        values: ValueText
    ) {
        self.stream = stream
        self.source = source
        self.snapshot = snapshot
        self.values = values
        guard !patterns.isEmpty else {
            filter = nil
            return
        }
        var known: [RegisterID] = []
        var asked: Set<RegisterID> = []
        for unit in snapshot.units where unit.registers.ids != known {
            known = unit.registers.ids
            asked.formUnion(known)
        }
        filter = asked.filter { id in patterns.contains { $0.matches(id) } }
    }

    /// Whether any unit has a register that matches one of the patterns that were asked for.
    func has(_ pattern: RegisterPattern) -> Bool {
        filter?.contains(where: pattern.matches) ?? true
    }

    private func shown(_ registers: RegisterList) -> [Pair] {
        registers.filter { isShown($0.0) }.map { ($0.0, $0.1) }
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

    private func json(of register: Pair) -> JSONObject {
        values.register(
            register.id, ["value": register.value],
            [
                "category": RegisterCategory(of: register.id).rawValue,
                "fields": fields(of: register)?.json { field in
                    let bits = field.extract(from: register.value)
                    return .field(
                        field,
                        [
                            "meaning": field.valueName(bits),
                            "value": RegisterValue(bits).description,
                        ])
                },
            ])
    }

    /// Nil where they are not to be told.
    private func fields(of register: Pair) -> [RegisterField]? {
        guard filter != nil, !values.isHidden(register.id) else { return nil }
        return RegisterDictionary.entry(for: register.id)?.fields.filter { !$0.isReserved }
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
        var said = Folded<RegisterList, Void>()
        for vcpu in snapshot.vcpus { said.add(vcpu.registers, of: .vcpu(vcpu.index)) }
        let common = Self.common(to: said.entries.map(\.subject)).filter { isShown($0.id) }
        if !common.isEmpty {
            let all = UnitNumbers(snapshot.vcpus.lazy.map(\.index))
            write(common, all.title + ", alike", "", output)
        }
        let known = Set(common.map(\.id))
        for entry in said.entries {
            let own = shown(entry.subject).filter { !known.contains($0.id) }
            guard common.isEmpty || !own.isEmpty else { continue }
            write(own, entry.units.title, common.isEmpty ? "" : " more", output)
        }
    }

    /// The registers that several vCPUs have with the same value.
    private static func common(to vcpus: [RegisterList]) -> [Pair] {
        guard vcpus.count > 1 else { return [] }
        return vcpus[0].filter { id, value in
            vcpus.dropFirst().allSatisfy { $0[id] == value }
        }.map { ($0.0, $0.1) }
    }

    private func write(
        _ registers: [Pair], _ title: String, _ more: String, _ output: ReportWriter
    ) {
        let count = registers.count
        output.write(
            "\(output.style.bold("\(title)")): \(count)\(more) register\(count == 1 ? "" : "s")\n")
        output.write(registers, by: { RegisterCategory(of: $0.id) }, lines)
    }

    private func lines(of register: Pair) -> PrintableText {
        let name = PrintableText(register.id.name).padded(to: 24)
        let value = values.text(register.value, of: register.id) ?? ""
        let fields = (fields(of: register) ?? []).map { field -> PrintableText in
            let range = PrintableText(bitRange(field.msb, field.lsb)).padded(to: 9)
            let bits = values.text(field.extract(from: register.value), of: field)
            return "      \(range) \(PrintableText(field.name).padded(to: 16)) \(bits)\n"
        }
        return "    \(name) \(value)\n\(fields.joined())"
    }
}
