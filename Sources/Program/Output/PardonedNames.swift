internal import Planning
internal import Registers
internal import Transfer
internal import VCPUModel

/// What a policy pardons, in short: by which rule what happened to which registers.
struct PardonedNames {
    private struct Kind: Hashable {
        let rule: String
        let outcome: String
    }

    private var names = Folded<Kind, [RegisterID]>()
    private var known: Set<RegisterID> = []

    mutating func add(_ id: RegisterID, _ outcome: String, by rule: String) {
        guard known.insert(id).inserted else { return }
        names.add(Kind(rule: rule, outcome: outcome), of: .vm, [id]) { $0.statement.append(id) }
    }

    mutating func add(_ loads: [RegisterLoad]) {
        for load in loads {
            guard load.fate != .loaded, let rule = load.pardon?.rule else { continue }
            add(load.id, load.fate.rawValue, by: rule)
        }
    }

    /// A heading and a line for each rule and outcome; nothing where nothing is pardoned.
    var text: PrintableText {
        .list(
            "pardoned by the policy",
            names.entries.map { entry in
                let ids = RegisterID.folded(entry.statement.sorted().map(\.name))
                return "\(entry.subject.rule): \(entry.subject.outcome) \(ids)"
            }, count: known.count)
    }
}
