import Registers
import SeededRandom
import TestSubjects
import Testing
import TextFormats
import Transfer
import VCPUModel

/// The policy that Formats/policy-v1.md shows.
private let sample = """
    vpolicy 1
    name our-fleet
    base safe
    # The guests use the virtual counter only.
    ignore CNTPCT_EL0
    drop VENDOR_HYP_BMAP_2 if 0x0
    drop PM* if 0x0/0xffffffff
    accept-masked PMCR_EL0 0xf800
    override ID_AA64DFR0_EL1.DebugVer 0x6
    require SMCCC_ARCH_WORKAROUND_*

    """

@Suite("Policies: reading and writing the format")
struct PolicyParsingTests {
    private let nextStep = "Formats/policy-v1.md says what a line may be"

    private func field(_ register: String, _ name: String) throws -> RegisterField {
        let id = try TestSubjects.register(register)
        return try #require(RegisterDictionary.entry(for: id)?.field(named: name))
    }

    // MARK: What is read

    @Test func sampleOfTheFormat() throws {
        let policy = try RestorePolicy(parsing: sample.utf8, file: "sample")
        #expect(policy.name == "our-fleet")
        #expect(policy.base == .safe)
        let debugVersion = try field("ID_AA64DFR0_EL1", "DebugVer")
        #expect(debugVersion.msb == 3 && debugVersion.lsb == 0)
        #expect(
            policy.rules == [
                PolicyRule(RegisterPattern("CNTPCT_EL0"), .ignore),
                PolicyRule(RegisterPattern("VENDOR_HYP_BMAP_2"), .drop(.init(value: 0))),
                PolicyRule(
                    RegisterPattern("PM*"), .drop(.init(value: 0, mask: 0xffff_ffff))),
                PolicyRule(RegisterPattern("PMCR_EL0"), .acceptMasked(0xf800)),
                PolicyRule(
                    RegisterPattern("ID_AA64DFR0_EL1"), .override(field: debugVersion, 6)),
                PolicyRule(RegisterPattern("SMCCC_ARCH_WORKAROUND_*"), .require),
            ])
    }

    @Test func onlyTheFirstLineIsNeeded() throws {
        for text in ["vpolicy 1", "vpolicy 1\n", "vpolicy 1\n\n  # nothing\n"] {
            let policy = try RestorePolicy(parsing: text.utf8, file: "empty.vpolicy")
            #expect(policy == RestorePolicy(name: "empty.vpolicy", base: .safe))
        }
    }

    @Test(arguments: [
        ("exact", RestorePolicy.Preset.exact), ("safe", .safe), ("force", .force),
    ])
    func everyPreset(_ word: String, _ preset: RestorePolicy.Preset) throws {
        #expect(try policy("base \(word)").base == preset)
        #expect(RestorePolicy(preset) == RestorePolicy(name: word, base: preset))
    }

    /// A line, and the canonical form of it.
    private static let lines = [
        ("require x0", "require x0"),
        ("require   SMCCC_*  ", "require SMCCC_*"),
        ("ignore cntpct_el0", "ignore cntpct_el0"),
        ("ignore 0x603000000013c300", "ignore 0x603000000013c300"),
        ("ignore counter-frequency", "ignore counter-frequency"),
        ("ignore PIR?_EL1", "ignore PIR?_EL1"),
        ("drop *", "drop *"),
        ("drop TCR2_EL1 if 10", "drop TCR2_EL1 if 0xa"),
        ("drop TCR2_EL1 if 0x0A/0x0F", "drop TCR2_EL1 if 0xa/0xf"),
        ("drop TCR2_EL1 if 0/255", "drop TCR2_EL1 if 0x0/0xff"),
        ("drop z0 if 1/0xffffffffffffffff", "drop z0 if 0x1/0xffffffffffffffff"),
        ("drop x0 if 0xffffffffffffffff", "drop x0 if 0xffffffffffffffff"),
        ("accept-masked PMCR_EL0", "accept-masked PMCR_EL0"),
        ("accept-masked PMCR_EL0 63488", "accept-masked PMCR_EL0 0xf800"),
        ("accept-masked z* 0xffffffffffffffff", "accept-masked z* 0xffffffffffffffff"),
        ("override PSCI_VERSION 65537", "override PSCI_VERSION 0x10001"),
        ("override fpsr 0xffffffff", "override fpsr 0xffffffff"),
        ("override z0 0xffffffffffffffff", "override z0 0xffffffffffffffff"),
        ("override ID_AA64PFR0_EL1.csv2 15", "override ID_AA64PFR0_EL1.CSV2 0xf"),
    ]

    @Test(arguments: lines)
    func everyDirectiveHasACanonicalForm(_ line: String, _ canonical: String) throws {
        let policy = try policy("name n", line)
        #expect(policy.text == "vpolicy 1\nname n\nbase safe\n\(canonical)\n")
        #expect(policy.rules.map(\.description) == [canonical])
        #expect(try RestorePolicy(parsing: policy.text.utf8, file: "again") == policy)
    }

    /// A policy that its file does not name has the file's name, which need not be a word.
    @Test(arguments: ["my policy.vpolicy", String(repeating: "x", count: 129), "caf\u{e9}", ""])
    func nameThatIsNoWordIsLeftOut(_ file: String) throws {
        let policy = try RestorePolicy(parsing: "vpolicy 1\nbase exact\n".utf8, file: file)
        #expect(policy.name == file)
        #expect(policy.text == "vpolicy 1\nbase exact\n")
        #expect(try RestorePolicy(parsing: policy.text.utf8, file: file) == policy)
    }

    @Test func canonicalTextReturns() throws {
        let policy = try RestorePolicy(parsing: sample.utf8, file: "sample")
        #expect(
            policy.text
                == sample.replacing("# The guests use the virtual counter only.\n", with: ""))
        #expect(try RestorePolicy(parsing: policy.text.utf8, file: "again") == policy)
    }

    /// A policy that a program made has the same text as one that was read.
    @Test func madePolicyReturns() throws {
        let made = RestorePolicy(
            name: "made", base: .force,
            rules: [
                PolicyRule(RegisterPattern("x?"), .require),
                PolicyRule(RegisterPattern("counter-frequency"), .drop(nil)),
                PolicyRule(RegisterPattern("PM*"), .drop(.init(value: 5, mask: 7))),
                PolicyRule(RegisterPattern("z1"), .acceptMasked(nil)),
                PolicyRule(
                    RegisterPattern("ID_AA64PFR0_EL1"),
                    .override(field: try field("ID_AA64PFR0_EL1", "RAS"), 1)),
                PolicyRule(RegisterPattern("FAR_EL1"), .override(field: nil, .max)),
            ]
        ).ignoring([try register("FAR_EL1")])
        #expect(
            made.text == """
                vpolicy 1
                name made
                base force
                require x?
                drop counter-frequency
                drop PM* if 0x5/0x7
                accept-masked z1
                override ID_AA64PFR0_EL1.RAS 0x1
                override FAR_EL1 0xffffffffffffffff
                ignore 0x603000000013c300

                """)
        #expect(try RestorePolicy(parsing: made.text.utf8, file: "again") == made)
    }

    /// The names are those of the Arm ARM for the fields' values.
    @Test(arguments: [
        ("ID_AA64PFR0_EL1.CSV2 CSV2_2", "0x2"), ("ID_AA64PFR0_EL1.EL1 AARCH32", "0x2"),
        ("id_aa64dfr0_el1.debugver v8p2", "0x8"), ("ID_AA64DFR0_EL1.DoubleLock NI", "0xf"),
        ("ID_AA64DFR0_EL1.PMUVer IMP_DEF", "0xf"), ("SCTLR_EL1.TCF ASYNC", "0x2"),
    ])
    func fieldValuesHaveNames(_ words: String, _ value: String) throws {
        let rule = try #require(try policy("override " + words).rules.first)
        #expect(rule.description.split(separator: " ").last.map(String.init) == value)
    }

    // MARK: What is refused

    /// A line that is wrong, and the column and message of the error.
    struct Wrong: CustomTestStringConvertible {
        var line: String
        var column: Int?
        var message: String

        var testDescription: String { line }

        init(_ line: String, _ column: Int?, _ message: String) {
            self.line = line
            self.column = column
            self.message = message
        }
    }

    private static let patternWanted =
        "expected a register, a pattern with * or ?, or counter-frequency, found "

    @Test(arguments: [
        Wrong("pardon x0", 1, "unknown directive \"pardon\"; a newer program may know it"),
        Wrong("Drop x0", 1, "unknown directive \"Drop\"; did you mean drop?"),
        Wrong(
            "acept-masked x0", 1, "unknown directive \"acept-masked\"; did you mean accept-masked?"),
        Wrong("dorp x0", 1, "unknown directive \"dorp\"; did you mean drop?"),
        Wrong("name", nil, "expected a name, found the end of the line"),
        Wrong("name two words", 10, "expected the end of the line, found \"words\""),
        Wrong("base", nil, "expected one of exact, safe, force, found the end of the line"),
        Wrong("base strict", nil, "expected one of exact, safe, force, found \"strict\""),
        Wrong("base Safe", nil, "expected one of exact, safe, force, found \"Safe\""),
        Wrong("base safe exact", 11, "expected the end of the line, found \"exact\""),
        Wrong("require", nil, "expected a register or a pattern, found the end of the line"),
        Wrong("ignore", nil, "expected a register or a pattern, found the end of the line"),
        Wrong("drop", nil, "expected a register or a pattern, found the end of the line"),
        Wrong("accept-masked", nil, "expected a register or a pattern, found the end of the line"),
        Wrong("require NO_SUCH", 9, patternWanted + "\"NO_SUCH\""),
        Wrong("ignore 0x", 8, patternWanted + "\"0x\""),
        Wrong("drop counter-frequenc", 6, patternWanted + "\"counter-frequenc\""),
        Wrong("require x0 if 0x0", 12, "expected the end of the line, found \"if\""),
        Wrong("ignore x0 x1", 11, "expected the end of the line, found \"x1\""),
        Wrong("drop x0 when 0x0", 9, "expected \"if\", found \"when\""),
        Wrong("drop x0 if", nil, "expected a value, found the end of the line"),
        Wrong("drop x0 if zero", 12, "expected VALUE or VALUE/MASK, found \"zero\""),
        Wrong("drop x0 if 0x0/", 12, "expected VALUE or VALUE/MASK, found \"0x0/\""),
        Wrong("drop x0 if /0xf", 12, "expected VALUE or VALUE/MASK, found \"/0xf\""),
        Wrong("drop x0 if 1/2/3", 12, "expected VALUE or VALUE/MASK, found \"1/2/3\""),
        Wrong(
            "drop x0 if 0x10000000000000000", 12,
            "expected VALUE or VALUE/MASK, found \"0x10000000000000000\""),
        Wrong("drop x0 if +5", 12, "expected VALUE or VALUE/MASK, found \"+5\""),
        Wrong("drop x0 if 1_0", 12, "expected VALUE or VALUE/MASK, found \"1_0\""),
        Wrong("drop x0 if 0x1_0", 12, "expected VALUE or VALUE/MASK, found \"0x1_0\""),
        Wrong(
            "drop x0 if 0x12/0xf", 12,
            "\"0x12/0xf\" holds for no register: the value has bits outside the mask"),
        Wrong(
            "drop counter-frequency if 1", 1,
            "counter-frequency can be required, ignored or dropped, "
                + "found \"drop counter-frequency if 0x1\""),
        Wrong(
            "accept-masked Counter-Frequency", 1,
            "counter-frequency can be required, ignored or dropped, "
                + "found \"accept-masked Counter-Frequency\""),
        Wrong("accept-masked x0 +1", 18, "expected a number of at most 64 bits, found \"+1\""),
        Wrong("drop x0 if 0x0 0x1", 16, "expected the end of the line, found \"0x1\""),
        Wrong(
            "accept-masked x0 0xg", 18, "expected a number of at most 64 bits, found \"0xg\""),
        Wrong("accept-masked x0 1 2", 20, "expected the end of the line, found \"2\""),
        Wrong("override", nil, "expected a register, found the end of the line"),
        Wrong("override x0", nil, "expected a value, found the end of the line"),
        Wrong("override x* 0x0", 10, "expected a register, found \"x*\""),
        Wrong(
            "override counter-frequency 1", 10, "expected a register, found \"counter-frequency\""),
        Wrong("override .RAS 1", 10, "expected a register, found \"\""),
        Wrong("override ID_AA64PFR0_EL1.NO 1", 10, "ID_AA64PFR0_EL1 has no field NO"),
        Wrong("override ID_AA64PFR0_EL1. 1", 10, "ID_AA64PFR0_EL1 has no field "),
        Wrong("override x0.low 1", 10, "x0 has no field low"),
        Wrong(
            "override ID_AA64PFR0_EL1.RAS V9", 30,
            "expected a number or one of NI, IMP, V1P1, V2, found \"V9\""),
        Wrong(
            "override ID_AA64PFR0_EL1.RAS 0x10", 30,
            "ID_AA64PFR0_EL1.RAS has 4 bits, found 0x10"),
        Wrong("override SCTLR_EL1.M 2", 22, "SCTLR_EL1.M has 1 bits, found 2"),
        Wrong("override fpsr 0x100000000", 15, "fpsr has 32 bits, found 0x100000000"),
        Wrong("override x0 0x0 0x0", 17, "expected the end of the line, found \"0x0\""),
        Wrong("ignore\tx0 x1", 11, "expected the end of the line, found \"x1\""),
        Wrong("ignore x0\r\r", 10, "expected printable ASCII, found byte 0xd"),
        Wrong("caf\u{e9} # ", 4, "expected printable ASCII, found byte 0xc3"),
        Wrong("ignore x0#1", 8, patternWanted + "\"x0#1\""),
        Wrong("name \u{7f}", 6, "expected printable ASCII, found byte 0x7f"),
        Wrong("name \u{0}", 6, "expected printable ASCII, found byte 0x0"),
    ])
    func lineIsRefused(_ wrong: Wrong) throws {
        let error = try refusal("vpolicy 1\n# a comment\n\(wrong.line)\n".utf8)
        #expect(
            error
                == DirectiveError(
                    file: "fleet.vpolicy", line: 3, column: wrong.column, message: wrong.message,
                    nextStep: nextStep))
        let column = wrong.column.map { ":\($0)" } ?? ""
        let end = wrong.message.hasSuffix("?") ? "" : ";"
        #expect(
            error.description == "fleet.vpolicy:3\(column): \(wrong.message)\(end) \(nextStep)")
    }

    @Test(arguments: [
        ("", "fleet.vpolicy:1: expected \"vpolicy 1\", found an empty line"),
        ("\nvpolicy 1\n", "fleet.vpolicy:1: expected \"vpolicy 1\", found an empty line"),
        ("# c\nvpolicy 1\n", "fleet.vpolicy:1:1: expected \"vpolicy 1\", found other text"),
        ("vhost 1\n", "fleet.vpolicy:1:1: expected \"vpolicy 1\", found other text"),
        (
            "vpolicy 2\n",
            "fleet.vpolicy:1:1: expected \"vpolicy 1\", found another version of the format"
        ),
        (
            "vpolicy 1 0\n",
            "fleet.vpolicy:1:1: expected \"vpolicy 1\", found another version of the format"
        ),
        (
            "vpolicy  1\n",
            "fleet.vpolicy:1:1: expected \"vpolicy 1\", found other spacing"
        ),
        (
            "vpolicy 1 # one\n",
            "fleet.vpolicy:1:1: expected \"vpolicy 1\", found another version of the format"
        ),
        (
            "vpolicy 1\nname a\n\nname b\n",
            "fleet.vpolicy:4:1: name stands a second time, it is already on line 2"
        ),
        (
            "vpolicy 1\nbase safe\nbase safe\n",
            "fleet.vpolicy:3:1: base stands a second time, it is already on line 2"
        ),
    ])
    func fileIsRefused(_ text: String, _ description: String) throws {
        #expect(try refusal(text.utf8).description == "\(description); \(nextStep)")
    }

    /// Nothing of a file is accepted when a late line is wrong, and the line is named.
    @Test func lastLineCounts() throws {
        let error = try refusal((sample + "ignore x0\nignore\n").utf8)
        #expect(error.line == 12)
    }

    // MARK: Limits

    @Test func size() throws {
        let comment = "#" + String(repeating: "x", count: 1022) + "\n"
        let head = "vpolicy 1\n" + String(repeating: comment, count: 63)
        let rest = 65_536 - head.utf8.count
        let fits = head + "#" + String(repeating: "y", count: rest - 1)
        #expect(fits.utf8.count == 65_536)
        #expect(try RestorePolicy(parsing: fits.utf8, file: "fits").rules.isEmpty)
        let error = try refusal((fits + "\n").utf8)
        #expect(
            error.description
                == "fleet.vpolicy:1: a file has at most 65536 bytes, this one has 65537; \(nextStep)"
        )
    }

    @Test func rules() throws {
        let fits = "vpolicy 1\n" + String(repeating: "ignore x0\n", count: 1024)
        #expect(try RestorePolicy(parsing: fits.utf8, file: "fits").rules.count == 1024)
        let error = try refusal((fits + "ignore x0\n").utf8)
        #expect(
            error.description == "fleet.vpolicy:1026: a policy has at most 1024 rules; \(nextStep)")
    }

    // MARK: Damage

    @Test func damagedPoliciesNeverCrash() throws {
        let seed = UInt64.random(in: .min ... .max)
        print("seed of damagedPoliciesNeverCrash: \(seed)")
        var generator = SeededGenerator(seed: seed)
        var outcomes = (accepted: 0, refused: 0)
        for round in 0..<2000 {
            var text = Array(sample.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let start = Int.random(in: 0..<text.count, using: &generator)
                let end = min(text.count, start + Int.random(in: 0...9, using: &generator))
                let count = Int.random(in: 0...9, using: &generator)
                // Now and then a byte that no policy has.
                let widest: UInt8 = Bool.random(using: &generator) ? 0x7e : 0xff
                let bytes = (0..<count).map { _ in
                    UInt8.random(in: 0x20...widest, using: &generator)
                }
                text.replaceSubrange(start..<end, with: bytes)
            }
            do throws(DirectiveError) {
                let policy = try RestorePolicy(parsing: text, file: "damaged")
                outcomes.accepted += 1
                // What was read can be written and read again: nothing of it is lost.
                let again = try RestorePolicy(parsing: policy.text.utf8, file: "again")
                #expect(again == policy, "seed \(seed), round \(round)")
            } catch {
                outcomes.refused += 1
                #expect(error.file == "damaged", "seed \(seed), round \(round): \(error)")
                #expect(error.line >= 1 && !error.message.isEmpty)
            }
        }
        // Damage hits comments too; neither may be all there is.
        #expect(outcomes.accepted > 0 && outcomes.refused > 0, "seed \(seed)")
    }

    @Test(arguments: ["V8", "8.0", "imp1", "-1"])
    func namesOfAFieldsValuesAreListed(_ value: String) throws {
        let error = try refusal("vpolicy 1\noverride ID_AA64DFR0_EL1.DebugVer \(value)\n".utf8)
        let text = error.description
        #expect(text.contains("a number or one of IMP, VHE, V8P2"), "\(text)")
        #expect(text.contains("\"\(value)\""), "\(text)")
    }
}
