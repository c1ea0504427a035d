import LinuxSystem
import Registers
import Testing
import Transfer
import VCPUModel

@Suite("Restore: policies")
struct PolicyRestoreTests {
    let source = BehavingBank()
    let target = BehavingBank()

    private func options(_ lines: [String], strict: Bool = false) throws -> Restore.Options {
        var options = Restore.Options()
        options.policy = try RestorePolicy(
            parsing: (["vpolicy 1"] + lines).joined(separator: "\n").utf8, file: "test")
        options.isStrict = strict
        return options
    }

    private func restore(_ lines: String..., strict: Bool = false) throws -> RestoreReport {
        try #require(
            try Restore.run(
                [source.state()], into: [target], options: options(lines, strict: strict)
            ).first)
    }

    private func result(_ name: String, in report: RestoreReport) throws -> RegisterRestore {
        try #require(report.registers.first { $0.id == id(name) })
    }

    // MARK: Pardons

    @Test func withoutAPolicyEveryLossCounts() throws {
        // KVM's pattern for what the guest never wrote, which the preset safe would pardon.
        source.add(id("FAR_EL1"), 0x1de7_ec7e_dbad_c0de)
        let report = try #require(try Restore.run([source.state()], into: [target]).first)
        #expect(!report.isComplete)
        #expect(report.losses.map(\.id) == [id("FAR_EL1")])
        #expect(report.pardoned.isEmpty)
    }

    @Test func pardonDoesNotChangeTheFact() throws {
        source.add(id("FAR_EL1"), 1)
        source.add(id("ESR_EL1"), 2)
        source.add(id("PMCR_EL0"), 0xff)
        target.add(id("ESR_EL1"), 0, .refuses(.invalidArgument))
        target.add(id("PMCR_EL0"), 0, .keeps(mask: 0x0f))
        let report = try restore(
            "base exact", "drop FAR_EL1 if 1", "drop ESR*", "accept-masked PMCR_EL0 0xf0")
        #expect(report.isComplete)
        #expect(report.losses.isEmpty)
        #expect(
            report.registers.map(\.outcome) == [
                .refused(.invalidArgument), .absent,
                .keptButMasked(lost: RegisterValue(0xf0)),
            ])
        #expect(report.registers.allSatisfy { $0.outcome.isLoss && !$0.isLoss })
        #expect(
            report.pardoned.map { $0.pardon?.rule }
                == ["drop ESR*", "drop FAR_EL1 if 0x1", "accept-masked PMCR_EL0 0xf0"])
        #expect(report.counts == ["refused": 1, "absent": 1, "kept-but-masked": 1])
    }

    @Test func oneLossThatCountsIsEnough() throws {
        source.add(id("FAR_EL1"), 1)
        source.add(id("ESR_EL1"), 2)
        let report = try restore("base exact", "drop FAR_EL1")
        #expect(!report.isComplete)
        #expect(report.losses.map(\.id) == [id("ESR_EL1")])
        #expect(report.pardoned.map(\.id) == [id("FAR_EL1")])
    }

    @Test func maskThatDoesNotCoverTheLoss() throws {
        source.add(id("PMCR_EL0"), 0xff)
        target.add(id("PMCR_EL0"), 0, .keeps(mask: 0x0f))
        #expect(try !restore("base exact", "accept-masked PMCR_EL0 0x70").isComplete)
    }

    @Test func acceptMaskedIsAboutTheBitsThatDiffer() throws {
        source.add(id("FAR_EL1"), 0x11)
        target.add(id("FAR_EL1"), 0x91, .becomes(0x91))
        let report = try restore("base exact", "accept-masked FAR_EL1 0x80")
        #expect(report.registers.map(\.outcome) == [.acceptedThenChanged])
        #expect(report.isComplete)
        #expect(try !restore("base exact", "accept-masked FAR_EL1 0x11").isComplete)
    }

    /// ISTATUS, bit 2, is the timer's own, so no policy has to accept it.
    @Test func bitsThatMoveAreNoPartOfTheLoss() throws {
        source.add(id("CNTV_CTL_EL0"), 1)
        target.add(id("CNTV_CTL_EL0"), 0, .becomes(6))
        let report = try restore("base exact", "accept-masked CNTV_CTL_EL0 0x3")
        #expect(report.registers.map(\.outcome) == [.acceptedThenChanged])
        #expect(report.isComplete)
        #expect(try !restore("base exact", "accept-masked CNTV_CTL_EL0 0x1").isComplete)
    }

    @Test func whatIsNotLostHasNoPardon() throws {
        source.add(id("FAR_EL1"), 1)
        source.add(id("ESR_EL1"), 2)
        source.add(id("CNTVCT_EL0"), 3)
        target.add(id("FAR_EL1"), 0)
        target.add(id("ESR_EL1"), 2)
        target.add(id("CNTVCT_EL0"), 0, .counts)
        target.add(id("TCR2_EL1"), 5)
        let report = try restore("base force", "drop *", "accept-masked *")
        #expect(
            Set(report.registers.map(\.outcome))
                == [.taken, .alreadyEqual, .volatile, .untouched])
        #expect(report.pardoned.isEmpty)
        #expect(report.isComplete)
    }

    @Test func forcePardonsWhateverHappens() throws {
        source.add(id("FAR_EL1"), 1)
        source.add(id("ESR_EL1"), 2)
        source.add(id("x0"), 3)
        target.add(id("ESR_EL1"), 0, .refuses(.busy))
        target.add(id("x0"), 0, .ignores)
        #expect(try restore("base force").isComplete)
        #expect(try !restore("base force", "require x0").isComplete)
    }

    @Test func safePardonsWithAProof() throws {
        source.add(id("CNTP_CTL_EL0"), 4)
        source.add(id("TCR2_EL1"), 0x22)
        source.add(id("ID_AA64MMFR3_EL1"), 0)
        target.add(id("ID_AA64MMFR3_EL1"), 0)
        let report = try restore("base safe")
        #expect(report.isComplete)
        #expect(report.pardoned.map(\.id) == [id("TCR2_EL1"), id("CNTP_CTL_EL0")])
        #expect(
            report.pardoned.allSatisfy { $0.pardon?.rule == "safe" && $0.pardon?.proof != nil })
    }

    /// A proof is about the vCPU as it was saved, not as a policy changes it.
    @Test func proofIsAboutTheSavedGuest() throws {
        source.add(id("TCR2_EL1"), 0x22)
        source.add(id("ID_AA64MMFR3_EL1"), 1)
        target.add(id("ID_AA64MMFR3_EL1"), 0)
        let report = try restore("base safe", "override ID_AA64MMFR3_EL1.TCRX 0")
        #expect(report.losses.map(\.id) == [id("TCR2_EL1")])
        let wanted = try result("ID_AA64MMFR3_EL1", in: report)
        #expect(wanted.outcome == .alreadyEqual)
    }

    // MARK: Overrides

    @Test func overrideIsWrittenAndReported() throws {
        source.add(id("ID_AA64PFR0_EL1"), 0x1100_0000_1111_0112)
        target.add(id("ID_AA64PFR0_EL1"), 0)
        let report = try restore("override ID_AA64PFR0_EL1.CSV2 0")
        let result = try result("ID_AA64PFR0_EL1", in: report)
        #expect(result.outcome == .taken)
        #expect(result.wanted == RegisterValue(0x1000_0000_1111_0112))
        #expect(result.found == RegisterValue(0x1000_0000_1111_0112))
        #expect(result.overrides.map(\.description) == ["override ID_AA64PFR0_EL1.CSV2 0x0"])
        #expect(try target.read(id("ID_AA64PFR0_EL1")).bits == 0x1000_0000_1111_0112)
    }

    @Test func overriddenRegisterThatHoldsTheValueIsNotWritten() throws {
        source.add(id("FAR_EL1"), 1)
        target.add(id("FAR_EL1"), 7)
        let result = try result("FAR_EL1", in: restore("override FAR_EL1 6", "override FAR_EL1 7"))
        #expect(result.outcome == .alreadyEqual)
        #expect(result.overrides.count == 2)
        #expect(target.writes.isEmpty)
    }

    @Test func otherRegistersKeepTheSnapshotsValue() throws {
        source.add(id("FAR_EL1"), 1)
        source.add(id("ESR_EL1"), 2)
        target.add(id("FAR_EL1"), 0)
        target.add(id("ESR_EL1"), 0)
        let report = try restore("override FAR_EL1 6")
        #expect(try result("ESR_EL1", in: report).overrides.isEmpty)
        #expect(try target.read(id("ESR_EL1")).bits == 2)
        #expect(try target.read(id("FAR_EL1")).bits == 6)
    }

    @Test func lossOfAnOverrideIsJudgedByWhatWasWanted() throws {
        source.add(id("FAR_EL1"), 0)
        target.add(id("FAR_EL1"), 0, .ignores)
        let report = try restore("base exact", "override FAR_EL1 6")
        #expect(report.registers.map(\.outcome) == [.acceptedThenChanged])
        #expect(!report.isComplete)
    }

    /// `if` asks for the guest's value, and that is the saved one.
    @Test func dropLooksAtTheSavedValue() throws {
        source.add(id("FAR_EL1"), 1)
        target.add(id("FAR_EL1"), 0, .refuses(.invalidArgument))
        #expect(
            try restore("base exact", "override FAR_EL1 6", "drop FAR_EL1 if 1").isComplete)
        #expect(
            try !restore("base exact", "override FAR_EL1 6", "drop FAR_EL1 if 6").isComplete)
    }

    // MARK: Ignored registers

    @Test func ignoredRegistersAreNeverWritten() throws {
        for name in ["FAR_EL1", "ESR_EL1", "TCR2_EL1", "x0"] { source.add(id(name), 1) }
        for name in ["FAR_EL1", "ESR_EL1", "x0"] { target.add(id(name), 0) }
        let report = try restore("base exact", "ignore *_EL1", "ignore NOTHING*")
        #expect(target.writes == [id("x0")])
        #expect(try target.read(id("FAR_EL1")).bits == 0)
        #expect(report.isComplete)
        #expect(report.counts == ["skipped": 3, "restored": 1])
        let ignored = try result("FAR_EL1", in: report)
        #expect(ignored.outcome == .skipped(.policy))
        #expect(ignored.wanted == RegisterValue(1))
        #expect(ignored.before == RegisterValue(0))
        #expect(ignored.found == RegisterValue(0))
        #expect(ignored.reason?.contains("ignore *_EL1") == true)
        #expect(ignored.pardon == nil)
        // One that the destination lacks is left out all the same, and not lost.
        let absent = try result("TCR2_EL1", in: report)
        #expect(absent.outcome == .skipped(.policy))
        #expect(absent.found == nil)
    }

    @Test func ignoredRegisterIsNotWrittenByAStrictRestoreEither() throws {
        source.add(id("FAR_EL1"), 1)
        source.add(id("ESR_EL1"), 1)
        target.add(id("FAR_EL1"), 5)
        target.add(id("ESR_EL1"), 0, .refuses(.invalidArgument))
        let report = try restore("base exact", "ignore FAR_EL1", strict: true)
        #expect(report.undo?.isEmpty == true)
        #expect(target.writes == [id("ESR_EL1")])
        #expect(try target.read(id("FAR_EL1")).bits == 5)
    }

    @Test func registerThatIsTakenBackIsWritten() throws {
        source.add(id("FAR_EL1"), 1)
        source.add(id("ESR_EL1"), 1)
        target.add(id("FAR_EL1"), 0)
        target.add(id("ESR_EL1"), 0)
        let report = try restore("ignore *", "require FAR_EL1")
        #expect(target.writes == [id("FAR_EL1")])
        #expect(report.registers.map(\.outcome) == [.skipped(.policy), .taken])
    }

    // MARK: Strict restores

    @Test func pardonedLossUndoesNothing() throws {
        source.add(id("FAR_EL1"), 1)
        source.add(id("ESR_EL1"), 1)
        source.add(id("TCR2_EL1"), 1)
        target.add(id("FAR_EL1"), 100)
        target.add(id("ESR_EL1"), 200, .refuses(.invalidArgument))
        let report = try restore("base exact", "drop ESR_EL1", "drop TCR2_EL1", strict: true)
        #expect(report.undo == nil)
        #expect(report.isComplete)
        #expect(try target.read(id("FAR_EL1")).bits == 1)
    }

    @Test func lossThatCountsUndoesWhatIsPardonedToo() throws {
        source.add(id("FAR_EL1"), 1)
        source.add(id("PMCR_EL0"), 0xff)
        source.add(id("TCR2_EL1"), 1)
        target.add(id("FAR_EL1"), 100)
        target.add(id("PMCR_EL0"), 0, .keeps(mask: 0x0f))
        let report = try restore("base exact", "accept-masked PMCR_EL0", strict: true)
        #expect(report.losses.map(\.id) == [id("TCR2_EL1")])
        #expect(Set(report.undo?.map(\.id) ?? []) == [id("FAR_EL1"), id("PMCR_EL0")])
        #expect(try target.read(id("FAR_EL1")).bits == 100)
        #expect(try target.read(id("PMCR_EL0")).bits == 0)
    }

    /// One vCPU that cannot be restored takes the others back with it, by the same policy for all.
    @Test func strictIsForAllVCPUs() throws {
        let (other, otherTarget) = (BehavingBank(), BehavingBank())
        for (bank, bits) in [(source, 1 as UInt64), (other, 2)] { bank.add(id("FAR_EL1"), bits) }
        target.add(id("FAR_EL1"), 100)
        otherTarget.add(id("FAR_EL1"), 100, .refuses(.invalidArgument))
        let states = [source.state(index: 0), other.state(index: 1)]
        let pardoned = try Restore.run(
            states, into: [target, otherTarget],
            options: options(["base exact", "drop FAR_EL1 if 2"], strict: true))
        #expect(pardoned.allSatisfy { $0.undo == nil && $0.isComplete })
        #expect(try target.read(id("FAR_EL1")).bits == 1)
        let undone = try Restore.run(
            states, into: [target, otherTarget],
            options: options(["base exact", "drop FAR_EL1 if 1"], strict: true))
        #expect(undone.map(\.isComplete) == [true, false])
        #expect(undone.allSatisfy { $0.undo != nil })
    }
}
