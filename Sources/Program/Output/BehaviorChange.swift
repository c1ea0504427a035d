internal import Registers
internal import Reports
internal import VCPUModel

/// What a register became with a kernel.
struct BehaviorChange: JSONConvertible {
    let from: KernelVersion
    /// The first kernel that does not do so, of a backport to one stable series.
    let until: KernelVersion?
    /// Whether it is so in older kernels too, of which none was examined.
    let isOfOlder: Bool
    /// Nil where KVM does not have the register.
    var behavior: Behavior?

    private var mask: String? { behavior?.mask.map { RegisterValue($0).description } }
    private var needs: [String] { (behavior?.needs ?? []).map(\.description) }

    var json: JSONObject {
        [
            "class": behavior?.behaviorClass.rawValue, "from": from.description, "mask": mask,
            "needs": needs, "rule": behavior?.rule, "until": until?.description,
        ]
    }

    /// Those of a register, oldest first.
    static func all(of entry: RegisterEntry) -> [BehaviorChange] {
        let history = entry.behaviorHistory
        return history.map {
            BehaviorChange(
                from: $0.from, until: $0.until,
                isOfOlder: $0.from == .oldestExamined && $0.from == history[0].from,
                behavior: $0.behavior)
        }
    }

    /// Without those of which nothing else is to be said than of the one before.
    static func telling(_ history: [BehaviorChange]) -> [BehaviorChange] {
        history.reduce(into: []) { changes, change in
            if change.until != nil || changes.last?.what != change.what { changes.append(change) }
        }
    }

    var line: String { "Linux \(from)" + (until.map { ", until \($0)" } ?? "") + ": " + what }

    /// What KVM does with a write, and what there must be.
    var what: String {
        let what = [
            behavior?.behaviorClass.rawValue ?? "not there", mask.map { "mask \($0)" },
            behavior?.rule,
        ].compactMap(\.self)
        let condition = needs.isEmpty ? [] : ["only with " + needs.joined(separator: " and ")]
        return (what + condition).joined(separator: "; ")
    }
}
