internal import Reports
internal import VCPUModel

/// The report of `show --interrupts`.
struct InterruptsOutput: Report {
    private let source: String
    private let snapshot: Snapshot
    private let units: [(unit: UnitID, interrupts: [Interrupt])]
    /// Whether interrupts that nobody uses are told, too.
    private let showsAll: Bool

    /// - Throws: where nothing is said of any interrupt.
    init(_ snapshot: Snapshot, source: String, showsAll: Bool) throws {
        self.source = source
        self.snapshot = snapshot
        self.showsAll = showsAll
        units = snapshot.units.map { ($0.unit, $0.registers.interrupts) }
            .filter { !$0.interrupts.isEmpty }
        guard !units.isEmpty else {
            throw CommandError("\(source) has no state of an interrupt controller")
        }
    }

    // MARK: JSON

    var json: JSONObject {
        ["source": source]
            + .units(units, \.unit) { ["interrupts": $0.interrupts.json(json(of:))] }
    }

    private func json(of interrupt: Interrupt) -> JSONObject {
        [
            "active": interrupt.isActive, "edgeTriggered": interrupt.isEdgeTriggered,
            "enabled": interrupt.isEnabled, "group": interrupt.isInGroup1.map { $0 ? 1 : 0 },
            "intid": interrupt.number, "kind": interrupt.kind.rawValue,
            "lineHigh": interrupt.isHigh, "pending": interrupt.isPending,
            "priority": interrupt.priority.map { RegisterValue(UInt64($0)).description },
            "target": interrupt.target.map(text(of:)),
        ]
    }

    // MARK: Text

    private static let columns: [(title: PrintableText, width: Int)] = [
        ("INTID", 7), ("kind", 6), ("enabled", 9), ("pending", 9), ("active", 8), ("priority", 10),
        ("level", 7), ("target", 0),
    ]

    func write(text output: ReportWriter) {
        output.write(output.style.bold("\(source)") + "\n")
        var tables = Folded<[Interrupt], Void>()
        for (unit, interrupts) in units { tables.add(interrupts, of: unit) }
        for table in tables.entries {
            let interrupts = table.subject
            let shown = showsAll ? interrupts : interrupts.filter(\.isInUse)
            let rest = interrupts.count - shown.count
            let remark: PrintableText = rest > 0 ? " (\(rest) not in use: --all)" : ""
            output.write("\(output.style.bold("\(table.units.title)"))\(remark)\n")
            if !shown.isEmpty { output.write(line(Self.columns.map(\.title))) }
            for interrupt in shown { output.write(line(cells(of: interrupt))) }
        }
    }

    private func line(_ cells: [PrintableText]) -> PrintableText {
        zip(cells, Self.columns).reduce("  ") { $0 + $1.0.padded(to: $1.1.width) } + "\n"
    }

    private func cells(of interrupt: Interrupt) -> [PrintableText] {
        let switches = [interrupt.isEnabled, interrupt.isPending, interrupt.isActive].map {
            Self.word($0, "yes", "no")
        }
        let priority = interrupt.priority.map { "\(RegisterValue(UInt64($0)))" as PrintableText }
        let target = interrupt.target.map { "\(text(of: $0))" as PrintableText }
        return ["\(interrupt.number)", "\(interrupt.kind.rawValue)"] + switches
            + [priority ?? "?", Self.word(interrupt.isHigh, "high", "low"), target ?? "-"]
    }

    /// What is not known is a question mark.
    private static func word(
        _ state: Bool?, _ yes: PrintableText, _ no: PrintableText
    ) -> PrintableText {
        state.map { $0 ? yes : no } ?? "?"
    }

    /// `vCPU 1`, or the affinity of a CPU that the snapshot does not have.
    private func text(of target: Interrupt.Target) -> String {
        switch target {
        case .any: return "any"
        case .interfaces(let bits):
            let numbers = (0..<8).filter { bits >> UInt8($0) & 1 != 0 }
            return numbers.isEmpty
                ? "none" : "CPU interface " + numbers.map(String.init).joined(separator: ", ")
        case .affinity(let affinity):
            if let vcpu = snapshot.vcpu(withAffinity: affinity) { return "vCPU \(vcpu.index)" }
            let levels = [24, 16, 8, 0].map { "\(affinity >> UInt32($0) & 0xff)" }
            return "affinity " + levels.joined(separator: ".")
        }
    }
}
