internal import LinuxSystem
internal import Machines
internal import Planning
internal import Registers
internal import Transfer
internal import VCPUModel

/// Rules that pardon exactly what a policy does not, for the guest's owner to decide about.
struct PolicyProposal {
    struct Rule: JSONConvertible {
        var rule: String
        /// What it means to the guest.
        var comment: String

        var json: JSONObject { ["comment": comment, "rule": rule] }
    }

    /// What a restore or QEMU's load loses.
    private typealias Loss = (
        id: RegisterID, outcome: RegisterOutcome, saved: RegisterValue?, held: RegisterValue?
    )

    private(set) var proposed: [Rule] = []
    private var seen: Set<RegisterID> = []

    var rules: [String] { proposed.map(\.rule) }

    /// - Parameter move: what a restore of the guest there would lose, which says what the guest has in use.
    init(_ losses: [RegisterLoad], of move: MovePlan?, _ values: ValueText) {
        add(losses.map(Self.loss), Self.notices(move), values)
    }

    /// For the loads on several hosts.
    init(_ answers: [LoadRemedies], _ values: ValueText) {
        for answer in answers {
            add(answer.losses.map(Self.loss), Self.notices(answer.move), values)
        }
    }

    private static func loss(_ load: RegisterLoad) -> Loss {
        (load.id, load.outcome, load.incoming, load.held)
    }

    /// For restores.
    init(_ plans: [MovePlan], _ values: ValueText) {
        if let counter = plans.lazy.compactMap(\.counter).first(where: \.isLoss) {
            proposed.append(Self.rule(counter))
        }
        for plan in plans {
            let losses = plan.units.lazy.flatMap(\.report.losses)
            for loss in losses where loss.outcome == .missing { addMissing(loss, values) }
            add(losses.map { ($0.id, $0.outcome, $0.wanted, $0.found) }, Self.notices(plan), values)
        }
    }

    private static func rule(_ counter: CounterMismatch) -> Rule {
        Rule(
            rule: "drop \(PolicyRule.counterFrequency)",
            comment:
                "the guest's counter runs at \(counter.host) Hz in place of \(counter.guest) Hz, and "
                + "its clocks with it")
    }

    private mutating func addMissing(_ loss: RegisterRestore, _ values: ValueText) {
        // Of a vCPU that is not initialized the destination has no values; the others would not be initialized either.
        guard loss.id != .vcpuInit, seen.insert(loss.id).inserted else { return }
        let isShort = (loss.found?.size ?? 0) <= 8
        let held = isShort ? values.text(loss.found, of: loss.id).map { ", \($0)" } ?? "" : ""
        proposed.append(
            Rule(
                rule: "ignore \(loss.id.name)",
                comment:
                    "the snapshot does not have it: the guest goes on with the destination's value"
                    + held))
    }

    private mutating func add(
        _ losses: some Sequence<Loss>, _ notices: [RegisterID: String], _ values: ValueText
    ) {
        for loss in losses {
            guard let saved = loss.saved, seen.insert(loss.id).inserted else { continue }
            let notice = notices[loss.id].map { "; in the guest: \($0)" } ?? ""
            let action =
                switch loss.outcome {
                case .absent, .refused: "drop"
                default: "accept-masked"
                }
            proposed.append(
                Rule(
                    rule: "\(action) \(loss.id.name)",
                    comment: Self.meaning(loss, saved, values) + notice))
        }
    }

    /// What is said first of each register, of whichever vCPU.
    private static func notices(_ move: MovePlan?) -> [RegisterID: String] {
        guard let move else { return [:] }
        var notices: [RegisterID: String] = [:]
        for vcpu in move.units {
            for loss in vcpu.losses where notices[loss.restore.id] == nil {
                let notice = loss.notice
                if !notice.isEmpty { notices[loss.restore.id] = notice.text }
            }
        }
        return notices
    }

    private static func meaning(
        _ loss: Loss, _ saved: RegisterValue, _ values: ValueText
    ) -> String {
        let isShort = saved.size <= 8
        func text(_ value: RegisterValue?) -> String {
            isShort ? values.text(value, of: loss.id).map { " \($0)" } ?? "" : ""
        }
        switch loss.outcome {
        case .absent:
            return
                "the destination does not have it, and what it holds\(isShort ? ",\(text(saved))," : "") is lost"
        case .refused:
            let changed = loss.held.flatMap { saved.differingBits(from: $0)?.lowBits } ?? 0
            let fields = RegisterDictionary.entry(for: loss.id)?.fieldsText(of: changed) ?? ""
            return "the guest finds\(text(loss.held)) in place of\(text(saved))\(fields)"
        default:
            if loss.id == .sveVLS { return "the guest's vectors become shorter" }
            return isShort
                ? "KVM makes\(text(loss.held)) of\(text(saved))"
                : "what stands above the destination's vectors is lost"
        }
    }
}

extension PolicyProposal {
    /// A policy file: what the old one says, in its own words where it is a file, and the rules proposed.
    ///
    /// The comments are left out where a policy would be too long with them.
    /// - Throws: where it would be too long without them too.
    private func file(after policy: LoadedPolicy) throws -> [UInt8] {
        let old = policy.text ?? "vpolicy 1\nbase \(policy.policy.base.rawValue)"
        let first = [
            old.hasSuffix("\n") ? String(old.dropLast()) : old,
            "# Delete those of the rules below whose registers the guest needs.",
        ]
        for lines in [Self.lines(proposed), rules] {
            let file = Array(((first + lines).joined(separator: "\n") + "\n").utf8)
            if file.count <= RestorePolicy.Limit.size { return file }
        }
        throw Self.tooLong("\(RestorePolicy.Limit.size) bytes")
    }

    private static func tooLong(_ most: String) -> CommandError {
        CommandError(
            "the policy was not written, it would have more than \(most): give --policy a policy whose "
                + "patterns pardon many registers with one rule (drop 'PMEV*'), or --policy force")
    }

    /// Lines of a policy: each rule below what it means to the guest, which is said once for several.
    static func lines(_ rules: [Rule]) -> [String] {
        var last: String?
        return rules.flatMap { rule in
            defer { last = rule.comment }
            return rule.comment == last ? [rule.rule] : ["# \(rule.comment)", rule.rule]
        }
    }

    /// The same policy with the rules.
    func policy(after policy: RestorePolicy) throws -> RestorePolicy {
        var rules = policy.rules
        for rule in proposed {
            let own = try RestorePolicy(
                parsing: Array("vpolicy 1\n\(rule.rule)\n".utf8), file: policy.name)
            rules += own.rules
        }
        var result = policy
        result.rules = rules
        return result
    }

    /// Makes sure that a policy can be written here, and that nothing is lost by it.
    ///
    /// The policy that the rules are added to may be the same file.
    static func check(_ location: Location, keeping others: [Location]) throws {
        _ = try path(location)
        try location.checkOutput(.text, keeping: others)
        guard !others.contains(location) else {
            throw CommandError("--write-policy needs a file of its own, not \(location.text)")
        }
    }

    /// - Throws: for what is no file.
    private static func path(_ location: Location) throws -> String {
        guard case .path(let path) = try location.place(orElse: "a policy goes to a file") else {
            throw CommandError("--write-policy needs a file: the report goes to standard output")
        }
        return path
    }

    func write(to location: Location, after policy: LoadedPolicy) throws {
        guard policy.policy.rules.count + proposed.count <= RestorePolicy.Limit.rules else {
            throw Self.tooLong("\(RestorePolicy.Limit.rules) rules")
        }
        try AtomicFile.replace(Self.path(location), with: [file(after: policy)])
    }
}
