internal import Registers
internal import Synchronization

/// Which rules of a policy speak of which register, looked up once for each register.
///
/// A policy has up to 1,024 rules, and each is asked several times about each register of each vCPU. The
/// copies of a policy share what was found; any thread may ask.
final class RuleMatches: Sendable {
    private let patterns: [RegisterPattern]
    /// The rules that name one register.
    private let named: [RegisterID: [Int]]
    private let wildcards: [Int]
    private let known = Mutex<[RegisterID: [Int]]>([:])

    /// More registers than any list of KVM or QEMU has; beyond, all are forgotten.
    private static let capacity = 1 << 14

    init(_ rules: [PolicyRule]) {
        patterns = rules.map(\.pattern)
        wildcards = patterns.indices.filter { rules[$0].pattern.isWildcard }
        var named: [RegisterID: [Int]] = [:]
        for (number, pattern) in patterns.enumerated() {
            if let id = pattern.registerID { named[id, default: []].append(number) }
        }
        self.named = named
    }

    /// The numbers of the rules that match, in the order of the policy.
    func of(_ id: RegisterID) -> [Int] {
        guard !wildcards.isEmpty else { return named[id] ?? [] }
        return known.withLock { known in
            if let numbers = known[id] { return numbers }
            if known.count >= Self.capacity { known.removeAll(keepingCapacity: true) }
            let numbers = find(id)
            known[id] = numbers
            return numbers
        }
    }

    private func find(_ id: RegisterID) -> [Int] {
        let register = MatchableRegister(id)
        let matching = wildcards.filter { patterns[$0].matches(register) }
        return (matching + (named[id] ?? [])).sorted()
    }
}
