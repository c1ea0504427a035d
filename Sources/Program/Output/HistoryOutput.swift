internal import Registers
internal import Reports
internal import Transfer
internal import VCPUModel

/// The report of `register --history`: what each kernel made of registers, fields, capabilities and features.
struct HistoryOutput: WholeReport {
    let subjects: [HistorySubject]

    var json: JSONObject { ["subjects": subjects.json(\.json)] }

    func text(_ style: TextStyle) -> PrintableText {
        subjects.map { $0.text(style) }.joined(separator: "\n")
    }
}

extension HistorySubject {
    private var type: String {
        switch self {
        case .register(let subject): subject.field == nil ? "register" : "field"
        case .capability: "capability"
        case .feature: "feature"
        }
    }

    private var name: String {
        switch self {
        case .register(let subject): subject.id.name + (subject.field.map { "." + $0 } ?? "")
        case .capability(let capability): capability.name
        case .feature(let feature): feature.macro
        }
    }

    private var id: String? {
        if case .register(let subject) = self { subject.id.hex } else { nil }
    }

    /// The first kernel known to have it; nil where the oldest examined one does, or none.
    private var since: KernelVersion? {
        switch self {
        case .register(let subject): RegisterDictionary.entry(for: subject.id)?.listedSince
        case .capability(let capability): capability.since
        case .feature(let feature): feature.since
        }
    }

    private var entries: [KernelEntry] {
        switch self {
        case .register(let subject): KernelEntry.all(of: subject)
        case .capability, .feature: KernelEntry.all(about: .macro(name))
        }
    }

    fileprivate var json: JSONObject {
        [
            "id": id, "kernels": entries.json(\.json), "name": name,
            "since": since?.description, "type": type,
        ]
    }

    fileprivate func text(_ style: TextStyle) -> PrintableText {
        var lines: [PrintableText] = ["\(style.bold("\(name)"))  \(id ?? type)"]
        if let since {
            lines.append("  \(id == nil ? "there" : "KVM lists it") since Linux \(since)")
        }
        let entries = entries
        if entries.isEmpty, let oldest = KernelVersion.oldestKnown {
            lines.append("  no change of it is known since Linux \(oldest)")
        }
        for entry in entries {
            lines.append("  Linux \(entry.kernel)")
            lines += entry.lines.map { "    \($0)" }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// What is new of one subject with one kernel.
private struct KernelEntry {
    let kernel: KernelVersion
    var changes: [KernelChange] = []
    var states: [BehaviorChange] = []
    var deviations: [(field: String, special: IDFieldRule.Special)] = []

    /// Those of changes alone, oldest kernel first.
    static func all(about subject: KernelChange.Subject) -> [KernelEntry] {
        sorted { add in
            for change in KernelChange.all(of: subject) {
                for kernel in change.kernels { add(kernel) { $0.changes.append(change) } }
            }
        }
    }

    /// Those of a register or of one field of it.
    static func all(of subject: RegisterSubject) -> [KernelEntry] {
        let entry = RegisterDictionary.entry(for: subject.id)
        let field = subject.field.flatMap { entry?.field(named: $0) }
        return sorted { add in
            let about = field.map { KernelChange.Subject.field(subject.id, $0.name) }
            for old in all(about: about ?? .register(subject.id)) {
                add(old.kernel) { $0.changes = old.changes }
            }
            for state in BehaviorChange.telling(states(of: entry, field)) {
                add(state.from) { $0.states.append(state) }
            }
            for rule in entry?.idFieldRules ?? [] where field.map({ $0.name == rule.field }) ?? true
            {
                for special in rule.specials {
                    guard let since = special.since ?? .oldestExamined else { continue }
                    add(since) { $0.deviations.append((rule.field, special)) }
                }
            }
        }
    }

    /// What a write did, of a field with the mask of its own bits.
    private static func states(
        of entry: RegisterEntry?, _ field: RegisterField?
    ) -> [BehaviorChange] {
        (entry.map(BehaviorChange.all(of:)) ?? []).map { state in
            var state = state
            if let field, let mask = state.behavior?.mask {
                state.behavior?.mask = mask & field.mask
            }
            return state
        }
    }

    private typealias Adding = (KernelVersion, (inout KernelEntry) -> Void) -> Void

    /// The entries that are filled, in ascending order of their kernels.
    private static func sorted(_ fill: (Adding) -> Void) -> [KernelEntry] {
        var entries: [KernelVersion: KernelEntry] = [:]
        fill { kernel, add in add(&entries[kernel, default: KernelEntry(kernel: kernel)]) }
        return entries.values.sorted { $0.kernel < $1.kernel }
    }

    var json: JSONObject {
        [
            "changes": changes.json { change in
                change.json + ["release": isBackport(change) ? change.release : nil]
            },
            "deviations": deviations.json { field, special in
                [
                    "field": field, "kind": special.kind.rawValue,
                    "until": special.until?.description, "what": special.text,
                ]
            },
            "kernel": kernel.description, "states": states.json(\.json),
        ]
    }

    var lines: [PrintableText] {
        var lines = changes.flatMap { change -> [PrintableText] in
            isBackport(change)
                ? ["\(change.kind.rawValue), as in Linux \(change.release)"] : change.lines
        }
        lines += states.map { state in
            "on write\(state.isOfOlder ? ", in older kernels too" : "")\(ending(state.until)): \(state.what)"
        }
        return lines
            + deviations.map { field, special in
                "\(field)\(ending(special.until)): \(special.text)"
            }
    }

    private func isBackport(_ change: KernelChange) -> Bool { change.kernels.last != kernel }

    private func ending(_ until: KernelVersion?) -> String { until.map { ", until \($0)" } ?? "" }
}

extension KernelChange {
    /// The kernel release that has it.
    fileprivate var release: String { kernels.last.map(\.description) ?? "" }

    fileprivate var json: JSONObject {
        [
            "basis": bases.map(\.rawValue), "commits": commits,
            "examined": examined.map(\.description), "kind": kind.rawValue, "note": note,
            "what": text,
        ]
    }

    /// What changed, and how it is known.
    fileprivate var lines: [PrintableText] {
        let words = bases.filter { $0 != .examined }.map(\.rawValue)
        let kernels = examined.map(\.description).joined(separator: ", ")
        let known = words + [kernels.isEmpty ? "not run" : "runs of " + kernels]
        let commit = commits.isEmpty ? [] : ["commit " + commits.joined(separator: ", ")]
        let lines: [PrintableText] = [
            "\(kind.rawValue): \(text)",
            "  known from \((known + commit).joined(separator: "; "))",
        ]
        return lines + (note.map { ["  note: \($0)"] } ?? [])
    }
}
