import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel

@Suite("Policies: which losses are pardoned")
struct PardonTests {
    /// The rule that pardons a loss of a guest of which nothing else is known.
    private func rule(_ policy: RestorePolicy, _ loss: PolicyLoss) -> String? {
        policy.pardon(loss, of: RegisterList())?.rule
    }

    private static let kinds: [PolicyLoss.Kind] = [
        .absent, .refused, .different(RegisterValue(1)),
    ]

    // MARK: Presets

    @Test(arguments: kinds)
    func exactPardonsNothing(_ kind: PolicyLoss.Kind) throws {
        let exact = RestorePolicy(.exact)
        #expect(rule(exact, try loss("FAR_EL1", saved: 1, kind)) == nil)
        // Not even what has a proof.
        #expect(rule(exact, try loss("FAR_EL1", saved: 0x1de7_ec7e_dbad_c0de, kind)) == nil)
    }

    @Test(arguments: kinds)
    func forcePardonsEverything(_ kind: PolicyLoss.Kind) throws {
        let pardon = RestorePolicy(.force).pardon(
            try loss("FAR_EL1", saved: 1, kind), of: RegisterList())
        #expect(pardon?.rule == "force")
        #expect(pardon?.proof == nil)
    }

    @Test(arguments: kinds)
    func safeAsksForAProof(_ kind: PolicyLoss.Kind) throws {
        let safe = RestorePolicy(.safe)
        #expect(rule(safe, try loss("FAR_EL1", saved: 1, kind)) == nil)
        let pardon = try #require(
            safe.pardon(
                try loss("FAR_EL1", saved: 0x1de7_ec7e_dbad_c0de, kind), of: RegisterList()))
        #expect(pardon.rule == "safe")
        #expect(pardon.proof?.isEmpty == false)
    }

    @Test func baseDecidesWhereNoRuleSpeaks() throws {
        let policy = try policy("base force", "require ESR_EL1")
        #expect(rule(policy, try loss("FAR_EL1")) == "force")
        #expect(rule(policy, try loss("ESR_EL1")) == nil)
    }

    // MARK: require

    @Test(arguments: kinds)
    func requireGoesOverTheBase(_ kind: PolicyLoss.Kind) throws {
        #expect(
            rule(try policy("base force", "require FAR*"), try loss("FAR_EL1", kind)) == nil)
        let unwritten = try loss("FAR_EL1", saved: 0x1de7_ec7e_dbad_c0de, kind)
        #expect(rule(try policy("base safe", "require FAR_EL1"), unwritten) == nil)
        #expect(rule(try policy("base safe", "require ESR_EL1"), unwritten) == "safe")
    }

    // MARK: drop

    @Test func dropIsForAbsenceAndRefusal() throws {
        let policy = try policy("base exact", "drop FAR_EL1")
        #expect(rule(policy, try loss("FAR_EL1", saved: 7, .absent)) == "drop FAR_EL1")
        #expect(rule(policy, try loss("FAR_EL1", saved: 7, .refused)) == "drop FAR_EL1")
        #expect(rule(policy, try loss("FAR_EL1", saved: 7, different(1))) == nil)
        #expect(rule(policy, try loss("ESR_EL1", saved: 7, .absent)) == nil)
    }

    @Test(arguments: [
        (0x5 as UInt64, true), (0x4, false), (0x105, false), (0x8000_0000_0000_0005, false),
    ])
    func dropOfOneValue(_ saved: UInt64, _ isPardoned: Bool) throws {
        let policy = try policy("base exact", "drop FAR_EL1 if 0x5")
        for kind in [PolicyLoss.Kind.absent, .refused] {
            let rule = rule(policy, try loss("FAR_EL1", saved: saved, kind))
            #expect(rule == (isPardoned ? "drop FAR_EL1 if 0x5" : nil))
        }
        #expect(rule(policy, try loss("FAR_EL1", saved: 5, different(1))) == nil)
    }

    @Test(arguments: [
        (0x5 as UInt64, true), (0x105, true), (0xffff_ffff_ffff_ff05, true), (0x15, false),
        (0x4, false),
    ])
    func dropOfOneValueInAMask(_ saved: UInt64, _ isPardoned: Bool) throws {
        let policy = try policy("base exact", "drop FAR_EL1 if 0x5/0xff")
        let rule = rule(policy, try loss("FAR_EL1", saved: saved))
        #expect(rule == (isPardoned ? "drop FAR_EL1 if 0x5/0xff" : nil))
    }

    /// The value of a Z register has 256 bytes, and the zero that is asked for means all of them.
    @Test func dropOfAWideValueInAMaskLooksAtTheMask() throws {
        let policy = try policy("base exact", "drop z0 if 0x0/0xff")
        var bytes = [UInt8](repeating: 0, count: 256)
        bytes[255] = 1
        let high = try #require(RegisterValue(littleEndian: bytes))
        let id = try register("z0")
        #expect(
            rule(policy, PolicyLoss(id, saved: high, .absent)) == "drop z0 if 0x0/0xff")
        bytes[0] = 1
        let low = try #require(RegisterValue(littleEndian: bytes))
        #expect(rule(policy, PolicyLoss(id, saved: low, .absent)) == nil)
    }

    @Test func dropOfAWideValueLooksAtAllOfIt() throws {
        let policy = try policy("base exact", "drop z0 if 0x0")
        let id = try register("z0")
        var bytes = [UInt8](repeating: 0, count: 256)
        let zero = try #require(RegisterValue(littleEndian: bytes))
        #expect(rule(policy, PolicyLoss(id, saved: zero, .absent)) == "drop z0 if 0x0")
        bytes[255] = 1
        let high = try #require(RegisterValue(littleEndian: bytes))
        #expect(rule(policy, PolicyLoss(id, saved: high, .absent)) == nil)
    }

    // MARK: accept-masked

    @Test func acceptMaskedIsForOtherValues() throws {
        let policy = try policy("base exact", "accept-masked PMCR_EL0")
        #expect(
            rule(policy, try loss("PMCR_EL0", saved: 7, different(.max)))
                == "accept-masked PMCR_EL0")
        #expect(rule(policy, try loss("PMCR_EL0", saved: 7, .absent)) == nil)
        #expect(rule(policy, try loss("PMCR_EL0", saved: 7, .refused)) == nil)
    }

    @Test(arguments: [
        (0xf800 as UInt64, true), (0x800, true), (0xf801, false), (0x1, false),
        (0x8000_0000_0000_0800, false),
    ])
    func acceptMaskedOnlyInTheMask(_ bits: UInt64, _ isPardoned: Bool) throws {
        let policy = try policy("base exact", "accept-masked PMCR_EL0 0xf800")
        let rule = rule(policy, try loss("PMCR_EL0", saved: 7, different(bits)))
        #expect(rule == (isPardoned ? "accept-masked PMCR_EL0 0xf800" : nil))
    }

    /// A mask has 64 bits: a difference above them is outside of every mask.
    @Test func acceptMaskedOfAWideRegister() throws {
        let id = try register("v0")
        let saved = try #require(RegisterValue.zero(size: 16))
        let high = try #require(
            RegisterValue(littleEndian: Array(repeating: 0, count: 15) + [1 as UInt8]))
        let lost = PolicyLoss(id, saved: saved, .different(high))
        #expect(
            rule(try policy("base exact", "accept-masked v0 0xffffffffffffffff"), lost) == nil)
        #expect(rule(try policy("base exact", "accept-masked v0"), lost) == "accept-masked v0")
    }

    // MARK: The last rule

    @Test func lastRuleThatSpeaksDecides() throws {
        let absent = try loss("FAR_EL1", saved: 5)
        #expect(rule(try policy("drop FAR_EL1", "require FAR_EL1"), absent) == nil)
        #expect(rule(try policy("require FAR_EL1", "drop FAR_EL1"), absent) == "drop FAR_EL1")
        #expect(
            rule(try policy("drop FAR_EL1", "drop FAR* if 0x5"), absent) == "drop FAR* if 0x5")
        #expect(
            rule(try policy("drop FAR_EL1", "require F*", "ignore *"), absent) == "ignore *")
    }

    @Test func ruleThatDoesNotSpeakIsPassedOver() throws {
        let absent = try loss("FAR_EL1", saved: 5)
        // Of another value, of another kind of loss, of another register, of no loss at all.
        for silent in [
            "drop FAR_EL1 if 0x6", "accept-masked FAR_EL1", "require ESR_EL1",
            "override FAR_EL1 0x1", "require counter-frequency",
        ] {
            #expect(
                rule(try policy("drop FAR_EL1", silent), absent) == "drop FAR_EL1", "\(silent)")
            #expect(
                rule(try policy("base force", "require FAR_EL1", silent), absent) == nil,
                "\(silent)")
        }
        let masked = try loss("FAR_EL1", saved: 5, different(0x10))
        #expect(
            rule(try policy("accept-masked FAR_EL1", "accept-masked FAR_EL1 0xf"), masked)
                == "accept-masked FAR_EL1")
    }

    @Test func rulesGiveNoProof() throws {
        // The register has a proof, and yet the rule is what decides.
        let pardon = try policy("base safe", "drop FAR_EL1").pardon(
            try loss("FAR_EL1", saved: 0x1de7_ec7e_dbad_c0de), of: RegisterList())
        #expect(pardon?.rule == "drop FAR_EL1")
        #expect(pardon?.proof == nil)
    }

    // MARK: Patterns

    @Test(arguments: [
        ("FAR_EL1", true), ("far_el1", true), ("0x603000000013c300", true), ("FAR*", true),
        ("?AR_EL1", true), ("s3_0_c6_c0_0", true), ("*", true), ("FAR?", false), ("AR_EL1*", false),
        ("ESR_EL1", false), ("0x603000000013c290", false),
    ])
    func patternIsANameAnIdOrAWildcard(_ pattern: String, _ matches: Bool) throws {
        let policy = try policy("base exact", "drop \(pattern)")
        #expect(rule(policy, try loss("FAR_EL1")) == (matches ? "drop \(pattern)" : nil))
    }

    // MARK: ignore

    @Test func ignoredRegistersAreNotWritten() throws {
        let policy = try policy("ignore CNTPCT_EL0", "ignore PIR*")
        #expect(policy.omission(of: try register("CNTPCT_EL0"))?.description == "ignore CNTPCT_EL0")
        #expect(policy.omission(of: try register("PIRE0_EL1"))?.description == "ignore PIR*")
        #expect(policy.omission(of: try register("CNTVCT_EL0")) == nil)
        #expect(RestorePolicy(.force).omission(of: try register("CNTPCT_EL0")) == nil)
    }

    @Test func laterRequireTakesAnIgnoreBack() throws {
        let id = try register("CNTPCT_EL0")
        #expect(try policy("ignore CNT*", "require CNTPCT_EL0").omission(of: id) == nil)
        #expect(
            try policy("require CNTPCT_EL0", "ignore CNT*").omission(of: id)?.description
                == "ignore CNT*")
        // A drop says what a loss means, not what is written.
        #expect(
            try policy("ignore CNT*", "drop CNTPCT_EL0").omission(of: id)?.description
                == "ignore CNT*")
    }

    @Test(arguments: kinds)
    func lossOfAnIgnoredRegisterIsPardoned(_ kind: PolicyLoss.Kind) throws {
        let policy = try policy("base exact", "ignore FAR_EL1")
        #expect(rule(policy, try loss("FAR_EL1", saved: 1, kind)) == "ignore FAR_EL1")
    }

    @Test func ignoringAddsRules() throws {
        let policy = RestorePolicy(.exact).ignoring([try register("x0"), try register("x1")])
        #expect(policy.name == "exact" && policy.base == .exact)
        #expect(
            policy.rules.map(\.description)
                == ["ignore 0x6030000000100000", "ignore 0x6030000000100002"])
        #expect(policy.omission(of: try register("x1")) != nil)
        #expect(policy.omission(of: try register("x2")) == nil)
    }

    // MARK: override

    private func overridden(
        _ name: String, _ saved: UInt64, _ lines: String...
    ) throws -> (value: RegisterValue, rules: [String]) {
        let text = (["vpolicy 1"] + lines).joined(separator: "\n")
        let policy = try RestorePolicy(parsing: text.utf8, file: "test")
        let id = try register(name)
        let (value, rules) = policy.value(of: id, saved: try PolicyTests.value(saved, of: id))
        return (value, rules.map(\.description))
    }

    @Test func overrideOfAField() throws {
        // CSV2 is bits 59:56, RAS bits 31:28.
        let result = try overridden(
            "ID_AA64PFR0_EL1", 0x1100_0000_1111_0112, "override ID_AA64PFR0_EL1.RAS 0x2")
        #expect(result.value == RegisterValue(0x1100_0000_2111_0112))
        #expect(result.rules == ["override ID_AA64PFR0_EL1.RAS 0x2"])
    }

    @Test func overrideOfAWholeRegister() throws {
        let result = try overridden("PSCI_VERSION", 0x1_0003, "override PSCI_VERSION 0x10001")
        #expect(result.value == RegisterValue(0x1_0001))
        #expect(try overridden("fpsr", 7, "override fpsr 1").value == RegisterValue(1, size: 4))
    }

    @Test func severalOverridesFollowEachOther() throws {
        let field = "override ID_AA64PFR0_EL1.CSV2 0x0"
        let whole = "override ID_AA64PFR0_EL1 0x11"
        let both = try overridden("ID_AA64PFR0_EL1", 0x1100_0000_1111_0112, field, whole)
        #expect(both.value == RegisterValue(0x11))
        #expect(both.rules == [field, whole])
        let other = try overridden(
            "ID_AA64PFR0_EL1", 0x1100_0000_1111_0112, whole,
            "override ID_AA64PFR0_EL1.CSV2 CSV2_3", "override ID_AA64PFR0_EL1.EL0 AARCH32")
        #expect(other.value == RegisterValue(0x0300_0000_0000_0012))
        #expect(other.rules.count == 3)
    }

    @Test func overrideIsOfOneRegister() throws {
        let result = try overridden("ESR_EL1", 5, "override FAR_EL1 0x1", "ignore ESR_EL1")
        #expect(result.value == RegisterValue(5))
        #expect(result.rules.isEmpty)
    }

    @Test func overrideOfAWideRegisterHasZeroAbove() throws {
        let id = try register("v0")
        let saved = try #require(RegisterValue(littleEndian: [UInt8](repeating: 0xff, count: 16)))
        let value = try policy("override v0 0x102").value(of: id, saved: saved).value
        #expect(value.littleEndianBytes == [2, 1] + Array(repeating: 0, count: 14))
    }

    // MARK: The counter frequency

    @Test func counterFrequencyOfThePresets() {
        #expect(RestorePolicy(.exact).counterFrequencyPardon == nil)
        #expect(RestorePolicy(.safe).counterFrequencyPardon == nil)
        #expect(RestorePolicy(.force).counterFrequencyPardon?.rule == "force")
        #expect(RestorePolicy(.force).counterFrequencyPardon?.proof == nil)
    }

    @Test(arguments: ["drop counter-frequency", "ignore counter-frequency"])
    func counterFrequencyCanBePardoned(_ line: String) throws {
        #expect(try policy("base exact", line).counterFrequencyPardon?.rule == line)
        #expect(try policy(line, "require counter-frequency").counterFrequencyPardon == nil)
        #expect(try policy("require counter-frequency", line).counterFrequencyPardon?.rule == line)
    }

    @Test func requiredCounterFrequencyCountsUnderForce() throws {
        let policy = try policy("base force", "require counter-frequency")
        #expect(policy.counterFrequencyPardon == nil)
    }

    /// It is a word of its own, which no pattern for registers takes, in either case as names are.
    @Test func counterFrequencyIsAWord() throws {
        #expect(try policy("base exact", "drop *").counterFrequencyPardon == nil)
        #expect(try policy("base force", "require *").counterFrequencyPardon?.rule == "force")
        #expect(
            try policy("base exact", "drop Counter-Frequency").counterFrequencyPardon != nil)
    }
}
