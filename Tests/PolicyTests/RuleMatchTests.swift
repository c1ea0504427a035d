import Registers
import Testing
import Transfer
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

    /// Of rules that test the value the last one decides that holds, whichever way it tests.
    @Test(arguments: [
        (["drop * if 5", "drop * if 4/6"], UInt64(5), "drop * if 0x4/0x6"),
        (["drop * if 4/6", "drop * if 5"], 5, "drop * if 0x5"),
        (["drop * if 4/6", "drop * if 5"], 4, "drop * if 0x4/0x6"),
        (["drop * if 5", "drop * if 5", "drop * if 4"], 5, "drop * if 0x5"),
        (["drop * if 5", "drop *", "drop * if 6"], 5, "drop *"),
        (["drop *", "drop * if 5"], 5, "drop * if 0x5"),
        (["drop * if 5", "require *"], 5, nil), (["drop * if 5"], 6, nil),
    ])
    func theLastTestThatHoldsDecides(lines: [String], saved: UInt64, rule: String?) throws {
        let text = (["vpolicy 1", "base exact"] + lines).joined(separator: "\n")
        let policy = try RestorePolicy(parsing: text.utf8, file: "p")
        for kind in [PolicyLoss.Kind.absent, .refused] {
            let loss = PolicyLoss(Self.id, saved: RegisterValue(saved), kind)
            #expect(policy.pardon(loss, of: RegisterList())?.rule == rule)
        }
        let missing = PolicyLoss(Self.id, saved: RegisterValue(saved), .missing)
        #expect(policy.pardon(missing, of: RegisterList()) == nil)
    }

    /// The bits above the 64th have no mask: they are to be zero, or as wanted.
    @Test func wideValuesAreTestedWhole() throws {
        let id = try #require(RegisterID(parsing: "v3"))
        let text = "vpolicy 1\nbase exact\ndrop v3 if 5\naccept-masked v3 5\n"
        let policy = try RestorePolicy(parsing: text.utf8, file: "p")
        for (top, rules) in [(UInt8(0), ["drop V3 if 0x5", "accept-masked V3 0x5"]), (1, [])] {
            let bytes = [5] + [UInt8](repeating: 0, count: 14) + [top]
            let value = try #require(RegisterValue(littleEndian: bytes))
            let pardons = [PolicyLoss.Kind.absent, .different(value)].compactMap { kind in
                policy.pardon(PolicyLoss(id, saved: value, kind), of: RegisterList())?.rule
            }
            #expect(pardons.map { $0.lowercased() } == rules.map { $0.lowercased() })
        }
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
