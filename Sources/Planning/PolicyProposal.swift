public import Registers
public import Transfer
public import VCPUModel

/// Rules that pardon exactly what a policy does not, for the guest's owner to decide about.
public struct PolicyProposal: Sendable {
    /// One rule, by what it pardons.
    public enum Rule: Sendable {
        /// The guest's counter runs at another frequency.
        case counter(CounterMismatch)
        /// The snapshot lacks a register; `held` is what the destination has.
        case missing(RegisterID, held: RegisterValue?)
        /// What a restore or QEMU's load loses, and what the guest would notice of it, where that is known.
        case loss(
            RegisterID, RegisterOutcome, saved: RegisterValue, held: RegisterValue?, GuestImpact?)
        /// A field of an ID register gets another value, which the destination takes.
        case field(RegisterID, RegisterField, value: UInt64, saved: UInt64, GuestImpact?)

        /// As it stands in a policy.
        public var rule: PolicyRule {
            switch self {
            case .counter:
                PolicyRule(RegisterPattern(PolicyRule.counterFrequency), .drop(nil))
            case .missing(let id, _): PolicyProposal.rule(for: id, .missing)
            case .loss(let id, let outcome, let saved, let held, _):
                PolicyProposal.rule(for: id, outcome, differing: held.flatMap(saved.differingBits))
            case .field(let id, let field, let value, _, _):
                PolicyRule(RegisterPattern(id.name), .override(field: field, value))
            }
        }
    }

    /// The rule that pardons a loss of a register, and nothing else.
    /// - Parameter differing: the bits that the register has otherwise than it should; nil where a rule of all bits is meant.
    static func rule(
        for id: RegisterID, _ outcome: RegisterOutcome, differing: RegisterValue? = nil
    ) -> PolicyRule {
        let pattern = RegisterPattern(id.name)
        return switch outcome {
        case .missing: PolicyRule(pattern, .ignore)
        case .absent, .refused: PolicyRule(pattern, .drop(nil))
        default: PolicyRule(pattern, .acceptMasked(differing?.bits))
        }
    }

    /// One for each register and way in which it is lost, by the first such loss.
    public private(set) var proposed: [Rule] = []
    private var seen: Set<PolicyRule> = []
    private var hasMove = false
    private var isOfSeveralMoves = false
    /// What stands for the fields of a register that are proposed.
    private var wholes: [RegisterID: Rule] = [:]

    /// For a load by QEMU.
    /// - Parameter move: what a restore of the guest there would lose, which says what the guest has in use.
    package init(_ losses: [RegisterLoad], of move: MovePlan?) {
        add(losses, of: move)
    }

    /// For the loads on several hosts.
    package init(_ answers: [LoadRemedies]) {
        for proposal in answers.map(\.proposal) {
            wholes.merge(proposal.wholes) { first, _ in first }
            for rule in proposal.proposed { add(rule) }
        }
        if answers.count > 1 { dropWholeRegisters { _ in true } }
    }

    /// Adds the rules for what loads by QEMU lose; of what is proposed already the first stays.
    mutating func add(_ losses: [RegisterLoad], of move: MovePlan?) {
        let notices = move.map(Self.notices) ?? [:]
        let restores = Dictionary(
            (move.map { $0.units.flatMap(\.losses) } ?? []).map { ($0.restore.id, $0) }
        ) { first, _ in first }
        for loss in losses { add(loss, restores[loss.id], notices[loss.id]) }
    }

    /// Fields of a register are proposed where a restore refuses the same value for the same reason, until a load shows that
    /// they are not enough.
    private mutating func add(
        _ loss: RegisterLoad, _ restored: PlannedLoss?, _ notice: GuestImpact?
    ) {
        let id = loss.id
        // What is not written on any vCPU is lost on none.
        guard let saved = loss.incoming, !seen.contains(Self.rule(for: id, .missing)) else {
            return
        }
        let whole = Rule.loss(id, loss.outcome, saved: saved, held: loss.held, notice)
        if let restored, restored.restore.wanted == saved, case .refused = loss.outcome,
            restored.restore.outcome == loss.outcome
        {
            var restore = restored.restore
            restore.found = loss.held
            add(restored.explainer.rules(for: restore, notice: notice), of: id, or: whole)
        } else {
            dropWholeRegisters { $0 == id }
            add(whole)
        }
    }

    /// No rules yet, for restores.
    public init() {}

    /// Adds the rules for what one restore loses; of what is proposed already the first stays.
    public mutating func add(_ plan: MovePlan) {
        if hasMove, !isOfSeveralMoves {
            isOfSeveralMoves = true
            dropWholeRegisters { _ in true }
        }
        hasMove = true
        add(plan.counter)
        let losses = plan.units.lazy.flatMap(\.report.losses)
        // Of a vCPU that is not initialized the destination has no values; the others would not be initialized either.
        for loss in losses where loss.outcome == .missing && loss.id != .vcpuInit {
            add(.missing(loss.id, held: loss.found))
        }
        let notices = Self.notices(plan)
        for loss in plan.units.lazy.flatMap(\.losses) where loss.restore.pardon == nil {
            let restore = loss.restore
            // What is not written on any vCPU is lost on none.
            guard !seen.contains(Self.rule(for: restore.id, .missing)) else { continue }
            add(loss, notices[restore.id])
        }
    }

    private mutating func add(_ loss: PlannedLoss, _ notice: GuestImpact?) {
        let restore = loss.restore
        guard let saved = restore.wanted else { return }
        let whole = Rule.loss(
            restore.id, restore.outcome, saved: saved, held: restore.found, notice)
        let rules =
            isOfSeveralMoves ? [whole] : loss.explainer.rules(for: restore, notice: notice)
        add(rules, of: restore.id, or: whole)
    }

    /// - Parameter whole: what can stand for the rules, where they are about fields.
    private mutating func add(_ rules: [Rule], of id: RegisterID, or whole: Rule) {
        if case .field? = rules.first, wholes[id] == nil { wholes[id] = whole }
        for rule in rules { add(rule) }
    }

    /// One value of a field need not suit several hosts: each has to do with its own of the whole register.
    private mutating func dropWholeRegisters(_ isMeant: (RegisterID) -> Bool) {
        let rules = proposed
        proposed = []
        for rule in rules {
            if case .field(let id, _, _, _, _) = rule, isMeant(id), let whole = wholes[id] {
                add(whole)
            } else {
                proposed.append(rule)
            }
        }
    }

    /// The counter's rule stands before those of registers.
    private mutating func add(_ counter: CounterMismatch?) {
        guard let counter, counter.isLoss else { return }
        if case .counter = proposed.first { return }
        proposed.insert(.counter(counter), at: 0)
    }

    private mutating func add(_ rule: Rule) {
        if seen.insert(rule.rule).inserted { proposed.append(rule) }
    }

    /// What is said first of each register, of whichever vCPU.
    private static func notices(_ move: MovePlan) -> [RegisterID: GuestImpact] {
        var notices: [RegisterID: GuestImpact] = [:]
        for loss in move.units.lazy.flatMap(\.losses) where notices[loss.restore.id] == nil {
            let notice = loss.notice
            if !notice.isEmpty { notices[loss.restore.id] = notice }
        }
        return notices
    }
    /// Adds rules until there are enough; each round of them can bring up what was not reached before it.
    /// - Parameter round: whether the rules so far are enough; adds those that it finds missing.
    /// - Returns: whether they are enough in the end.
    mutating func addRounds<Failure: Error>(
        _ round: (inout PolicyProposal) throws(Failure) -> Bool
    ) throws(Failure) -> Bool {
        for _ in 0..<Self.maximumRounds {
            let known = seen.count
            if try round(&self) { return true }
            guard seen.count > known else { return false }
        }
        return false
    }

    private static let maximumRounds = 8

    /// The same policy with the rules.
    public func policy(after policy: RestorePolicy) -> RestorePolicy {
        var result = policy
        result.rules += proposed.map(\.rule)
        return result
    }
}
