internal import Emulation
package import Planning
internal import Registers
package import Transfer

/// Plans as JSON (Formats/json-output.md, "plan").
package struct PlanJSON {
    private let notes: [String]?
    private let policy: String
    private let source: String?

    /// - Parameters:
    ///   - notes: what is to be said of the guest; nil for nothing.
    ///   - source: what the guest is called; nil where it has no name.
    package init(notes: [String]?, policy: String, source: String? = nil) {
        self.notes = notes
        self.policy = policy
        self.source = source
    }

    /// The plans for some hosts, each made when it is written.
    package func json<Host>(
        _ hosts: [Host], _ plan: @escaping (Host) throws -> JSONObject
    ) -> JSONObject {
        ["hosts": hosts.json(plan), "notes": notes, "policy": policy, "source": source]
    }
}

extension MovePlan: ValueHolder {
    package func json(_ values: ValueText) -> JSONObject {
        let guesses = guesses.map(\.name)
        return [
            "counter": counter, "guessed": guesses.isEmpty ? nil : guesses, "host": host,
            "notices": notices.list, "verdict": verdict.text,
            // Of each unit what the restore will report, and why.
        ]
            + .units(units, \.report.unit) {
                $0.report.json(values) + ["causes": $0.byCause.json { $0.json($1, values) }]
            }
    }
}

extension [MoveNotice] {
    /// Nil for none.
    package var list: JSONList? {
        isEmpty ? nil : json { ["notice": $0.name, "text": $0.text] }
    }
}

extension Cause: JSONConvertible {
    package var json: JSONObject { ["cause": kind.rawValue, "detail": detail, "text": text] }

    fileprivate func json(_ losses: [PlannedLoss], _ values: ValueText) -> JSONObject {
        json + ["losses": losses.json(values)]
    }
}

extension PlannedLoss: ValueHolder {
    package func json(_ values: ValueText) -> JSONObject {
        [
            "notice": notice, "register": restore.json(values),
            "remedies": remedies,
        ]
    }
}

extension GuestImpact: JSONConvertible {
    package var json: JSONObject {
        ["changedSinceReset": isChangedFromReset, "inUse": isInUse, "text": text]
    }
}
