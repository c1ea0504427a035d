import Policy
import Registers
import Testing
import VCPUModel

/// Which rules speak of a register is looked up once; that must not show.
@Suite struct RuleMatchTests {
    private static let id = RegisterID(parsing: "TCR2_EL1") ?? .pstate
    private static let other = RegisterID(parsing: "SCTLR_EL1") ?? .pstate

    private func rule(_ text: String, _ action: PolicyRule.Action) -> PolicyRule {
        PolicyRule(RegisterPattern(text), action)
    }

    /// The last one decides, whether it names the register or has a wildcard.
    @Test(arguments: [
        (["tcr2_el1", "TCR?_*"], false), (["TCR?_*", "tcr2_el1"], true),
        (["0x603000000013c103", "*"], false), (["*", "0x603000000013c103"], true),
        (["*", "SCTLR_EL1"], false), (["S*", "TCR2_EL1", "*_EL2"], true),
    ])
    func theLastRuleDecides(patterns: [String], isLeftOut: Bool) {
        // The first and the last but one pattern require, so only the last that matches leaves out.
        let named = patterns.map { text in
            rule(text, RegisterPattern(text).isWildcard ? .require : .ignore)
        }
        let policy = RestorePolicy(name: "p", base: .safe, rules: named)
        for _ in 0..<3 { #expect((policy.omission(of: Self.id) != nil) == isLeftOut) }
    }

    @Test func aPolicyThatIsChangedIsAskedAnew() {
        var policy = RestorePolicy(name: "p", base: .safe, rules: [rule("*", .require)])
        #expect(policy.omission(of: Self.id) == nil)
        let copy = policy
        policy.rules.append(rule("TCR*", .ignore))
        #expect(policy.omission(of: Self.id)?.pattern.text == "TCR*")
        #expect(policy.omission(of: Self.other) == nil)
        #expect(copy.omission(of: Self.id) == nil)
        #expect(policy.ignoring([Self.other]).omission(of: Self.other) != nil)
        #expect(policy != copy)
        policy.rules.removeLast()
        #expect(policy == copy && policy.hashValue == copy.hashValue)
    }

    /// Overrides of one register apply in the order of the policy.
    @Test func overridesApplyInOrder() {
        let policy = RestorePolicy(
            name: "p", base: .exact,
            rules: [
                rule("TCR2_EL1", .override(field: nil, 1)), rule("T*", .override(field: nil, 2)),
                rule("SCTLR_EL1", .override(field: nil, 3)),
            ])
        let result = policy.value(of: Self.id, saved: RegisterValue(9))
        #expect(result.value == RegisterValue(2))
        #expect(result.rules.map(\.pattern.text) == ["TCR2_EL1", "T*"])
    }
}
