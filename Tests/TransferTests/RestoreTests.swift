import LinuxSystem
import Policy
import Registers
import Testing
import Transfer
import VCPUModel

@Suite("Restore: one outcome for each register")
struct RestoreTests {
    /// Restores `wanted` into a register that holds `before` and behaves so.
    private func outcome(
        _ name: String = "FAR_EL1", wanted: UInt64, before: UInt64,
        _ behaviour: BehavingBank.Behaviour = .stores
    ) throws -> RegisterRestore {
        let source = BehavingBank()
        source.add(id(name), wanted)
        let target = BehavingBank()
        target.add(id(name), before, behaviour)
        let reports = try Restore.run([source.state()], into: [target])
        return try #require(reports.first?.registers.first)
    }

    @Test func writtenAndReadBack() throws {
        let result = try outcome(wanted: 0x1234, before: 0)
        #expect(result.outcome == .restored)
        #expect(result.before?.bits == 0)
        #expect(result.found?.bits == 0x1234)
    }

    @Test func equalIsNotWritten() throws {
        let source = BehavingBank()
        source.add(id("FAR_EL1"), 7)
        let target = BehavingBank()
        target.add(id("FAR_EL1"), 7, .refuses(.invalidArgument))
        let report = try #require(try Restore.run([source.state()], into: [target]).first)
        #expect(report.registers.map(\.outcome) == [.alreadyEqual])
        #expect(target.writes.isEmpty)
        #expect(report.isComplete)
    }

    @Test func maskedBitsAreNamed() throws {
        let result = try outcome(wanted: 0xff, before: 0, .keeps(mask: 0x0f))
        #expect(result.outcome == .keptButMasked(lost: RegisterValue(0xf0)))
        #expect(result.outcome.isLoss)
    }

    @Test func ignoredWriteIsAChange() throws {
        let result = try outcome(wanted: 0xff, before: 1, .ignores)
        #expect(result.outcome == .acceptedThenChanged)
        #expect(result.found?.bits == 1)
    }

    @Test func inventedBitsAreAChange() throws {
        let result = try outcome(wanted: 0x10, before: 0, .becomes(0x90))
        #expect(result.outcome == .acceptedThenChanged)
    }

    @Test(arguments: [Errno.invalidArgument, .busy, .notPermitted])
    func refusalKeepsItsErrno(errno: Errno) throws {
        let result = try outcome(wanted: 1, before: 0, .refuses(errno))
        #expect(result.outcome == .refused(errno))
        #expect(result.found?.bits == 0)
    }

    @Test func absentIsNotWritten() throws {
        let source = BehavingBank()
        source.add(id("TCR2_EL1"), 1)
        let target = BehavingBank()
        var options = Restore.Options()
        options.kernel = KernelVersion(parsing: "6.1.176")
        let report = try #require(
            try Restore.run([source.state()], into: [target], options: options).first)
        #expect(report.registers.map(\.outcome) == [.absent])
        #expect(target.writes.isEmpty)
        #expect(report.registers.first?.reason?.contains("6.1.176") == true)
    }

    @Test func destinationOnlyIsReportedAndUntouched() throws {
        let target = BehavingBank()
        target.add(id("TCR2_EL1"), 5)
        let report = try #require(
            try Restore.run([BehavingBank().state()], into: [target]).first)
        #expect(report.registers.map(\.outcome) == [.notInSnapshot])
        #expect(report.isComplete)
        #expect(target.writes.isEmpty)
    }

    @Test func countersAreVolatile() throws {
        let result = try outcome("CNTVCT_EL0", wanted: 1000, before: 5, .counts)
        #expect(result.outcome == .volatile)
        #expect(
            try outcome("CNTVCT_EL0", wanted: 1, before: 5, .refuses(.invalidArgument)).outcome
                == .refused(.invalidArgument))
    }

    @Test func timerStatusBitDoesNotCount() throws {
        #expect(try outcome("CNTV_CTL_EL0", wanted: 5, before: 0, .becomes(1)).outcome == .restored)
    }

    @Test func clearViewsAreNeverWritten() throws {
        let result = try outcome("PMCNTENCLR_EL0", wanted: 1, before: 0)
        #expect(result.outcome == .skipped(.clearView))
        #expect(!result.outcome.isLoss)
    }

    @Test func readBackFailureIsALoss() throws {
        let result = try outcome(wanted: 1, before: 0, .unreadable(.notPermitted))
        #expect(result.outcome == .refused(.notPermitted))
    }

    @Test func laterWriteThatChangesAnEqualRegisterIsSeen() throws {
        let source = BehavingBank()
        source.add(id("FAR_EL1"), 1)
        source.add(id("MPIDR_EL1"), 9)
        let target = BehavingBank()
        target.add(id("FAR_EL1"), 0)
        target.add(id("MPIDR_EL1"), 9)
        target.onWrite = { [unowned target] written in
            if written == id("FAR_EL1") { target.add(id("MPIDR_EL1"), 3) }
        }
        let report = try #require(try Restore.run([source.state()], into: [target]).first)
        let outcomes = Dictionary(
            uniqueKeysWithValues: report.registers.map { ($0.id, $0.outcome) })
        #expect(outcomes[id("MPIDR_EL1")] == .acceptedThenChanged)
    }

    @Test func ignoredRegistersAreLeftAlone() throws {
        let source = BehavingBank()
        source.add(id("FAR_EL1"), 1)
        let target = BehavingBank()
        target.add(id("FAR_EL1"), 2)
        var options = Restore.Options()
        options.policy = RestorePolicy(.exact).ignoring([id("FAR_EL1")])
        let report = try #require(
            try Restore.run([source.state()], into: [target], options: options).first)
        #expect(report.registers.map(\.outcome) == [.skipped(.policy)])
        #expect(report.isComplete)
        #expect(target.writes.isEmpty)
        #expect(try target.read(id("FAR_EL1")).bits == 2)
    }
}

@Suite("Restore: order")
struct RestoreOrderTests {
    /// Names in the order their phases put them.
    private static let names = [
        "VCPU_INIT", "SVE_VLS", "VCPU_FINALIZED", "PSCI_VERSION", "ID_AA64PFR0_EL1", "PMCR_EL0",
        "pstate", "x0", "z0", "SCTLR_EL1", "CNTV_CVAL_EL0", "CNTVCT_EL0", "CNTPCT_EL0",
        "VCPU_EVENTS",
        "MP_STATE",
    ]

    @Test func phasesFollowKVM() {
        let phases = Self.names.map { RestorePhase(of: id($0)) }
        #expect(phases == phases.sorted())
        #expect(Set(phases).count == Self.names.count)
    }

    @Test func writesFollowThePhases() throws {
        let (source, target) = (BehavingBank(), BehavingBank())
        for name in Self.names where (id(name).size ?? 0) <= 8 {
            source.add(id(name), 1)
            target.add(id(name), 0)
        }
        _ = try Restore.run([source.state()], into: [target])
        #expect(target.writes.map(\.name) == Self.names.filter { (id($0).size ?? 0) <= 8 })
    }

    /// With HAS_EL2 the counters share an offset and differ by CNTVOFF_EL2: whichever is written last
    /// decides both, and CNTVCT_EL0 does not read back as written.
    @Test func countersOfAGuestWithEL2ArriveAsTheyWere() throws {
        let offset: UInt64 = 300
        let (source, target) = (BehavingBank(), BehavingBank())
        for (name, bits) in [
            ("CNTVOFF_EL2", offset), ("CNTPCT_EL0", 2000), ("CNTVCT_EL0", 1700),
        ] as [(String, UInt64)] {
            source.add(id(name), bits)
            target.add(id(name), 0)
        }
        var physical: UInt64 = 0
        target.onWrite = { written in
            let isCounter = ["CNTPCT_EL0", "CNTVCT_EL0"].contains(written.name)
            if isCounter { physical = written.name == "CNTPCT_EL0" ? 2000 : 1700 }
        }
        _ = try Restore.run([source.state()], into: [target])
        #expect(physical == 2000)
        #expect(physical - offset == 1700, "CNTVCT_EL0")
        #expect(target.writes.map(\.name) == ["CNTVOFF_EL2", "CNTVCT_EL0", "CNTPCT_EL0"])
    }

    @Test func allVCPUsPassAPhaseBeforeTheNext() throws {
        var order: [String] = []
        var states: [VCPUState] = []
        var banks: [BehavingBank] = []
        for index in 0..<2 {
            let (source, target) = (BehavingBank(), BehavingBank())
            for name in ["ID_AA64PFR0_EL1", "x0"] {
                source.add(id(name), 1)
                target.add(id(name), 0)
            }
            target.onWrite = { order.append("\(index) \($0.name)") }
            states.append(source.state(index: UInt32(index)))
            banks.append(target)
        }
        _ = try Restore.run(states, into: banks)
        #expect(order == ["0 ID_AA64PFR0_EL1", "1 ID_AA64PFR0_EL1", "0 x0", "1 x0"])
    }
}

@Suite("Restore: --strict")
struct StrictRestoreTests {
    private func strict(_ source: BehavingBank, _ target: BehavingBank) throws -> RestoreReport {
        var options = Restore.Options()
        options.isStrict = true
        return try #require(
            try Restore.run([source.state()], into: [target], options: options).first)
    }

    @Test func lossPutsEverythingBack() throws {
        let (source, target) = (BehavingBank(), BehavingBank())
        source.add(id("FAR_EL1"), 1)
        source.add(id("ESR_EL1"), 1)
        target.add(id("FAR_EL1"), 100)
        target.add(id("ESR_EL1"), 200, .refuses(.invalidArgument))
        let report = try strict(source, target)
        #expect(report.undo?.map(\.id) == [id("FAR_EL1")])
        #expect(report.undo?.allSatisfy(\.isUndone) == true)
        #expect(try target.read(id("FAR_EL1")).bits == 100)
        #expect(try target.read(id("ESR_EL1")).bits == 200)
    }

    @Test func successIsNotUndone() throws {
        let (source, target) = (BehavingBank(), BehavingBank())
        source.add(id("FAR_EL1"), 1)
        target.add(id("FAR_EL1"), 100)
        #expect(try strict(source, target).undo == nil)
        #expect(try target.read(id("FAR_EL1")).bits == 1)
    }

    @Test func registerThatCannotGoBackIsReported() throws {
        let (source, target) = (BehavingBank(), BehavingBank())
        source.add(id("FAR_EL1"), 6)
        source.add(id("ESR_EL1"), 1)
        target.add(id("FAR_EL1"), 1, .gainsBits)
        target.add(id("ESR_EL1"), 0, .ignores)
        let report = try strict(source, target)
        #expect(report.undo?.first { $0.id == id("FAR_EL1") }?.isUndone == false)
    }

    @Test func setRegistersAreClearedThroughTheirTwin() throws {
        let (source, target) = (BehavingBank(), BehavingBank())
        source.add(id("PMCNTENSET_EL0"), 6)
        source.add(id("ESR_EL1"), 1)
        target.add(id("PMCNTENSET_EL0"), 0, .gainsBits)
        target.add(id("ESR_EL1"), 0, .ignores)
        _ = try strict(source, target)
        #expect(target.writes.contains(id("PMCNTENCLR_EL0")))
    }
}

@Suite("Capture")
struct CaptureTests {
    @Test func failuresDoNotStopIt() throws {
        let bank = BehavingBank()
        bank.add(id("FAR_EL1"), 1)
        bank.add(id("ESR_EL1"), 2, .unreadable(.notPermitted))
        bank.add(id("x0"), 3)
        let capture = try Capture(of: bank, index: 4)
        #expect(capture.state.index == 4)
        #expect(capture.state.registers.ids.map(\.name) == ["x0", "FAR_EL1"])
        #expect(capture.unreadable.map(\.id) == [id("ESR_EL1")])
    }
}
