internal import Registers
internal import Synchronization

/// Which rules of a policy speak of which register, looked up once for each register.
///
/// A policy has up to 1,024 rules, and each is asked several times about each register of each vCPU. The
/// copies of a policy share what was found; any thread may ask.
final class RuleMatches: Sendable {
    private let rules: [PolicyRule]
    /// The rules that name one register.
    private let named: [RegisterID: [Int]]
    private let wildcards: [Int]
    private let known = Mutex(Known())

    private struct Known {
        var byRegister: [RegisterID: RegisterRules] = [:]
        /// Registers that the same rules match share what was found.
        var byNumbers: [[Int]: RegisterRules] = [:]
    }

    /// More registers than any list of KVM's or QEMU's has; beyond, all are forgotten.
    private static let capacity = 1 << 14

    init(_ rules: [PolicyRule]) {
        self.rules = rules
        wildcards = rules.indices.filter { rules[$0].pattern.isWildcard }
        var named: [RegisterID: [Int]] = [:]
        for (number, rule) in rules.enumerated() {
            if let id = rule.pattern.registerID { named[id, default: []].append(number) }
        }
        self.named = named
    }

    /// The rules that match.
    func of(_ id: RegisterID) -> RegisterRules {
        guard !wildcards.isEmpty || named[id] != nil else { return .none }
        return known.withLock { known in
            if let rules = known.byRegister[id] { return rules }
            if known.byRegister.count >= Self.capacity { known = Known() }
            let numbers = find(id)
            let found = known.byNumbers[numbers] ?? RegisterRules(numbers, of: rules)
            known.byRegister[id] = found
            known.byNumbers[numbers] = found
            return found
        }
    }

    /// The numbers of the rules that match, in the order of the policy.
    private func find(_ id: RegisterID) -> [Int] {
        let register = MatchableRegister(id)
        let matching = wildcards.filter { rules[$0].pattern.matches(register) }
        return (matching + (named[id] ?? [])).sorted()
    }
}
