internal import Registers
package import Transfer
package import VCPUModel

/// What a restore did, as JSON (Formats/json-output.md, "restore").
package struct RestoreJSON: JSONConvertible {
    private let account: RestoreAccount
    private let counter: CounterMismatch?
    private let policy: String
    private let notes: [String]?
    private let source: String?
    private let target: String?
    private let dryRun: Bool
    private let values: ValueText

    /// - Parameters:
    ///   - notes: what is to be said of the snapshot; nil for nothing.
    ///   - source: what the snapshot is called; nil where it has no name, and so is `target`.
    package init(
        account: RestoreAccount, counter: CounterMismatch?, policy: String, notes: [String]?,
        source: String? = nil, target: String? = nil, dryRun: Bool = false, values: ValueText
    ) {
        self.account = account
        self.counter = counter
        self.policy = policy
        self.notes = notes
        self.source = source
        self.target = target
        self.dryRun = dryRun
        self.values = values
    }

    /// Whether nothing is lost that the policy does not pardon, the counter's frequency included.
    package var isComplete: Bool { account.isComplete && counter?.isLoss != true }

    package var json: JSONObject {
        [
            "complete": isComplete, "counter": counter, "dryRun": dryRun, "notes": notes,
            "policy": policy, "source": source, "target": target,
        ] + .units(account, \.unit) { $0.json(values) + ["complete": $0.isComplete] }
    }
}

extension RestoreReport {
    /// What a restore did to a unit.
    func json(_ values: ValueText) -> JSONObject {
        [
            "counts": JSONObject(counts), "registers": registers.json(values),
            "undo": undo?.json(values), "undone": undo?.allSatisfy(\.isUndone),
        ]
    }
}

extension RegisterRestore: ValueHolder {
    package func json(_ values: ValueText) -> JSONObject {
        values.register(
            id,
            [
                "before": before, "found": found, "lostBits": outcome.lostBits, "wanted": wanted,
            ],
            [
                "errno": outcome.errno, "outcome": outcome.name,
                "overrides": values.texts(overrides, of: id),
                "pardon": pardon, "reason": reason,
            ])
    }
}

extension RegisterUndo: ValueHolder {
    /// A register that a strict restore put back, or could not.
    package func json(_ values: ValueText) -> JSONObject {
        values.register(
            id, ["before": before, "found": found], ["reason": reason, "undone": isUndone])
    }
}

extension Snapshot {
    /// What is odd about it in words, for reports; nil for nothing, so that JSON has no key for it.
    package var noteTexts: [String]? { Self.texts(of: notes.filter { $0 != unknown }) }

    /// The same, and what it cannot tell, for reports on what vcpusnap restores.
    package var noteTextsOfRestore: [String]? { Self.texts(of: notes) }

    private static func texts(of notes: [SnapshotNote]) -> [String]? {
        notes.isEmpty ? nil : notes.map(\.description)
    }
}
