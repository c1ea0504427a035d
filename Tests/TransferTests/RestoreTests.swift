import Emulation
import LinuxSystem
import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel

@Suite("Restore: one outcome for each register")
struct RestoreTests {
    /// Restores `wanted` into a register that holds `before` and behaves so.
    private func outcome(
        _ name: String = "FAR_EL1", wanted: UInt64, before: UInt64,
        _ behavior: BehavingBank.Behavior = .stores
    ) throws -> RegisterRestore {
        let source = BehavingBank()
        source.add(id(name), wanted)
        let target = BehavingBank()
        target.add(id(name), before, behavior)
        let reports = try Restore.run([source.state()], into: [target])
        return try #require(reports.first?.registers.first)
    }

    @Test func writtenAndReadBack() throws {
        let result = try outcome(wanted: 0x1234, before: 0)
        #expect(result.outcome == .taken)
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
        #expect(report.registers.map(\.outcome) == [.untouched])
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
        #expect(try outcome("CNTV_CTL_EL0", wanted: 5, before: 0, .becomes(1)).outcome == .taken)
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
        "VCPU_INIT", "SVE_VLS", "VCPU_FINALIZED", "PSCI_VERSION", "ID_AA64PFR0_EL1", "GIC_NR_IRQS",
        "PMCR_EL0", "pstate", "x0", "z0", "SCTLR_EL1", "GICD_IIDR", "GICD_CTLR", "GICR_PENDBASER",
        "GICR_CTLR", "GICD_IROUTER40", "GICR_ISPENDR0", "GICD_ISACTIVER1", "ICC_CTLR_EL1",
        "ICC_PMR_EL1", "GITS0_CBASER", "GITS0_CTLR", "CNTV_CVAL_EL0", "CNTVCT_EL0", "CNTPCT_EL0",
        "CLOCK_CNTVCT", "VCPU_EVENTS", "MP_STATE",
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
        var options = Restore.Options()
        options.hasTables = true
        _ = try Restore.run([source.state()], into: [target], options: options)
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
        var states: [UnitState] = []
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

@Suite("Restore: several vCPUs")
struct SeveralVCPUsTests {
    private func error(_ states: [UnitState], _ banks: [any RegisterBank]) -> RestoreError? {
        do throws(RestoreError) {
            _ = try Restore.run(states, into: banks)
            return nil
        } catch {
            return error
        }
    }

    @Test func countsMustMatch() {
        let banks = (0..<4).map { _ in BehavingBank() }
        for bank in banks { bank.add(id("FAR_EL1"), 1) }
        let states = banks.enumerated().map { $1.state(index: UInt32($0)) }
        #expect(error(states, Array(banks.prefix(2))) == .counts(states: 4, banks: 2))
        #expect(error(Array(states.prefix(1)), banks) == .counts(states: 1, banks: 4))
        #expect(error([], banks) == .noVCPU)
        #expect(error([], []) == .noVCPU)
        #expect(banks.allSatisfy { $0.writes.isEmpty })
        #expect(error(states, banks) == nil)
    }

    /// A bank that lists nothing is still an error of the restore.
    @Test func errorsAreInWords() {
        #expect(RestoreError.noVCPU.description == "there is no vCPU to restore")
        #expect(
            RestoreError.counts(states: 4, banks: 2).description
                == "4 vCPUs cannot be restored into 2: make as many as were saved")
    }

    // MARK: What is the VM's

    private func states(
        on host: String, _ count: Int = 2, _ change: (Int, EmulatedCPU) throws -> Void
    ) throws -> [UnitState] {
        let cpus = (0..<count).map { _ in EmulatedHost(builtInHost(host)).makeVCPUs(1)[0] }
        return try cpus.enumerated().map { number, cpu in
            try cpu.write(
                #require(cpu.profile.registers[.vcpuInit]), to: .vcpuInit)
            try change(number, cpu)
            return UnitState(.vcpu(UInt32(number)), try Capture(of: cpu).registers)
        }
    }

    private func builtInHost(_ name: String) -> HostProfile {
        guard let profile = try? builtIn(name) else { preconditionFailure("no host \(name)") }
        return profile
    }

    private func restore(
        _ states: [UnitState], on host: String, strict: Bool = false
    ) throws -> (reports: [RestoreReport], cpus: [EmulatedCPU]) {
        var options = Restore.Options()
        options.isStrict = strict
        let cpus = EmulatedHost(builtInHost(host)).makeVCPUs(states.count)
        options.kernel = cpus[0].profile.kernel
        return (try Restore.run(states, into: cpus, options: options), cpus)
    }

    private func result(_ report: RestoreReport, _ name: String) throws -> RegisterRestore {
        try #require(report.registers.first { $0.id == id(name) })
    }

    /// N of the guest is taken with the first vCPU; the others have it then, and what they do not take is all
    /// that is written: another outcome than on the first, as on KVM.
    @Test func counterNumberIsTakenOnce() throws {
        let lines = ["register PMCR_EL0 0x603000000013dce0 0x4040"]
        let host = try HostProfile(parsing: profileText(lines), file: "test")
        let states = try (0..<3).map { number in
            let cpu = EmulatedCPU(
                profile: try HostProfile(
                    parsing: profileText(["register PMCR_EL0 0x603000000013dce0 0x3000"]),
                    file: "source"), initialized: true)
            return UnitState(.vcpu(UInt32(number)), try Capture(of: cpu).registers)
        }
        let reports = try Restore.run(
            states, into: EmulatedHost(host).makeVCPUs(3))
        let outcomes = try reports.map { try result($0, "PMCR_EL0").outcome }
        // LC is one where there is no AArch32, and cannot be cleared.
        #expect(
            outcomes == [
                .keptButMasked(lost: RegisterValue(0x40)), .acceptedThenChanged,
                .acceptedThenChanged,
            ])
        #expect(try reports.allSatisfy { try result($0, "PMCR_EL0").found?.bits == 0x3040 })
    }

    @Test func otherFeaturesAreRefused() throws {
        var states = try states(on: "6.12-neoverse-n1") { number, cpu in
            if number == 1 {
                try cpu.write(VCPUInit(features: [.psci02]).value, to: .vcpuInit)
            }
        }
        states[1].registers.set(RegisterValue(0), for: id("PMINTENCLR_EL1"))
        let (reports, _) = try restore(states, on: "6.12-neoverse-n1")
        #expect(reports[0].isComplete)
        #expect(!reports[1].isComplete)
        let refused = try result(reports[1], "VCPU_INIT")
        #expect(refused.outcome == .refused(.invalidArgument))
        #expect(refused.reason?.contains("the same features") == true)
        let other = try result(reports[1], "x0")
        #expect(other.outcome == .refused(.notExecutable))
        #expect(other.reason == "the vCPU is not initialized: see VCPU_INIT")
        // Those too that would not have been written.
        let unwritten = try result(reports[1], "PMINTENCLR_EL1")
        #expect(unwritten.outcome == other.outcome && unwritten.reason == other.reason)
        // A kernel that makes them takes them.
        #expect(try restore(states, on: "6.1-neoverse-n1").reports[1].registers.count > 1)
        #expect(
            try result(restore(states, on: "6.1-neoverse-n1").reports[1], "VCPU_INIT").outcome
                == .taken)
    }

    /// Nothing is called refused that holds what was wanted.
    @Test(arguments: ["6.1-neoverse-n1", "6.12-neoverse-n1", "6.12-cortex-a72"])
    func refusedMeansAnotherValue(_ host: String) throws {
        for psci in [0, 1] {
            let states = try states(on: "6.1-neoverse-n1") { number, cpu in
                guard number == psci else { return }
                try cpu.write(VCPUInit(features: [.pmuV3]).value, to: .vcpuInit)
            }
            for report in try restore(states, on: host).reports {
                for register in report.registers {
                    guard case .refused = register.outcome else { continue }
                    #expect(register.found != register.wanted, "\(register)")
                }
            }
        }
    }

    /// A write that is refused where another vCPU's is not.
    @Test func sharedRegisterThatOneRefuses() throws {
        let banks = [BehavingBank(), BehavingBank()]
        banks[0].add(id("PSCI_VERSION"), 1, .refuses(.invalidArgument))
        banks[1].add(id("PSCI_VERSION"), 1)
        let source = BehavingBank()
        source.add(id("PSCI_VERSION"), 0x1_0001)
        banks[1].onWrite = { _ in banks[0].add(id("PSCI_VERSION"), 0x1_0001) }
        let reports = try Restore.run([source.state(), source.state(index: 1)], into: banks)
        #expect(reports[0].isComplete)
        #expect(reports[0].registers[0].outcome == .taken)
        #expect(reports[0].registers[0].reason?.contains("EINVAL") == true)
    }

    // MARK: What no vCPU can do without

    @Test(arguments: ["6.1-neoverse-n1", "6.12-neoverse-n1"])
    func vcpuOfItsInitializationAlone(_ host: String) throws {
        var states = try states(on: host) { _, _ in }
        let made = try #require(states[1].registers[.vcpuInit])
        states[1].registers = try #require(RegisterList([(.vcpuInit, made)]))
        let (reports, _) = try restore(states, on: host)
        #expect(!reports[1].isComplete)
        let missing = reports[1].registers.filter { $0.outcome == .missing }
        #expect(missing.map(\.id.name).contains("pc"))
        #expect(missing.allSatisfy { $0.isLoss && $0.wanted == nil && $0.found != nil })
        #expect(reports[0].registers.allSatisfy { $0.outcome != .missing })
    }

    @Test func vcpuOfNothing() throws {
        var states = try states(on: "6.12-neoverse-n1") { _, _ in }
        states[0].registers = RegisterList()
        let (reports, _) = try restore(states, on: "6.12-neoverse-n1")
        #expect(reports[0].registers.allSatisfy { $0.outcome == .missing })
        #expect(reports[0].registers.map(\.id) == states[0].registers.missing)
        #expect(reports[0].registers.contains { $0.id == .vcpuInit })
        #expect(!reports[0].isComplete && reports[1].isComplete)
    }

    /// With SVE a vCPU lists nothing before it is finalized, and yet it is missing.
    @Test func vcpuThatIsNotFinalized() throws {
        var states = try states(on: "6.12-max") { _, _ in }
        let made = try #require(states[1].registers[.vcpuInit])
        states[1].registers = try #require(RegisterList([(.vcpuInit, made)]))
        let (reports, cpus) = try restore(states, on: "6.12-max")
        #expect(!cpus[1].list().contains(id("x0")))
        #expect(!reports[1].isComplete)
        #expect(try result(reports[1], "x0").outcome == .missing)
        #expect(try result(reports[1], "z31").outcome == .missing)
    }

    /// A guest with SVE misses no V registers, nor one without it Z registers.
    @Test func vectorsOfTheOtherKindAreNotMissing() throws {
        for (from, to) in [("6.12-max", "6.12-neoverse-n1"), ("6.12-neoverse-n1", "6.12-max")] {
            let states = try states(on: from) { _, cpu in
                guard cpu.profile.features.contains(.sve) else { return }
                try cpu.set("VCPU_FINALIZED", 0x10)
            }
            let reports = try restore(states, on: to).reports
            #expect(reports.flatMap(\.registers).allSatisfy { $0.outcome != .missing })
        }
    }

    @Test(arguments: ["x0", "pstate", "v31", "SCTLR_EL1", "fpcr"])
    func oneRegisterIsMissing(_ name: String) throws {
        var states = try states(on: "6.12-neoverse-n1") { _, _ in }
        let rest = states[1].registers.filter { $0.0 != id(name) }
        states[1].registers = try #require(RegisterList(rest))
        let reports = try restore(states, on: "6.12-neoverse-n1").reports
        #expect(reports[1].losses.map(\.id) == [id(name)])
        #expect(reports[1].losses.map(\.outcome) == [.missing])
        // What a policy leaves out is not missed, and force misses nothing.
        for policy in [RestorePolicy(.exact).ignoring([id(name)]), RestorePolicy(.force)] {
            var options = Restore.Options()
            options.policy = policy
            let cpus = EmulatedHost(builtInHost("6.12-neoverse-n1")).makeVCPUs(2)
            #expect(try Restore.run(states, into: cpus, options: options)[1].isComplete)
        }
        var options = Restore.Options()
        options.policy = RestorePolicy(.safe)
        let cpus = EmulatedHost(builtInHost("6.12-neoverse-n1")).makeVCPUs(2)
        #expect(try !Restore.run(states, into: cpus, options: options)[1].isComplete)
    }

    @Test func registerThatNewerKernelsAddIsNotMissing() throws {
        let states = try states(on: "6.1-neoverse-n1") { _, _ in }
        let reports = try restore(states, on: "6.12-neoverse-n1").reports
        #expect(reports.flatMap(\.registers).allSatisfy { $0.outcome != .missing })
    }

    // MARK: Undoing

    /// What the vCPUs share goes back to what it was before the first was written.
    @Test func strictUndoesWhatIsShared() throws {
        let states = try states(on: "6.12-neoverse-n1") { number, cpu in
            try cpu.set("PMCR_EL0", 2 << 11)
            try cpu.set("PSCI_VERSION", 0x1_0000)
            try cpu.set("FAR_EL1", UInt64(number))
        }
        var options = Restore.Options()
        options.isStrict = true
        let cpus = EmulatedHost(builtInHost("6.12-neoverse-n1")).makeVCPUs(2)
        for cpu in cpus {
            try cpu.write(#require(cpu.profile.registers[.vcpuInit]), to: .vcpuInit)
        }
        var lacking = states
        lacking[1].registers.set(RegisterValue(1), for: id("VENDOR_HYP_BMAP_2"))
        let reports = try Restore.run(lacking, into: cpus, options: options)
        for (cpu, report) in zip(cpus, reports) {
            #expect(report.undo?.allSatisfy(\.isUndone) == true)
            #expect(try cpu.bits("PMCR_EL0") == 0x3000)
            #expect(try cpu.bits("PSCI_VERSION") == 0x1_0001)
            #expect(try cpu.bits("FAR_EL1") == 0x1de7_ec7e_dbad_c0de)
        }
    }

    /// PMCR_EL0.N, written before them, hides bits of the other PMU registers, of every vCPU.
    @Test func strictUndoesWhatAnEarlierWriteChanged() throws {
        let states = try states(on: "6.12-neoverse-n1") { _, cpu in
            try cpu.set("PMCR_EL0", 0x1000)
            try cpu.set("PMINTENSET_EL1", 0x8000_0000)
        }
        var lacking = states
        lacking[1].registers.set(RegisterValue(1), for: id("VENDOR_HYP_BMAP_2"))
        let names = ["PMCR_EL0", "PMINTENSET_EL1", "PMCNTENSET_EL0"]
        let fresh = EmulatedCPU(profile: builtInHost("6.12-neoverse-n1"), initialized: true)
        let before = try names.map { try fresh.bits($0) }
        let (reports, cpus) = try restore(lacking, on: "6.12-neoverse-n1", strict: true)
        for (cpu, report) in zip(cpus, reports) {
            let undo = try #require(report.undo)
            #expect(undo.filter { !$0.isUndone }.map(\.id) == [.vcpuInit])
            #expect(try names.map { try cpu.bits($0) } == before)
        }
    }

    /// Every register that was written is accounted for, those that had no value too.
    @Test func strictSaysWhatCannotGoBack() throws {
        let states = try states(on: "6.12-neoverse-n1") { _, cpu in
            try cpu.set("FAR_EL1", 5)
            try cpu.set("ESR_EL1", 6)
        }
        var lacking = states
        for number in 0..<2 {
            lacking[number].registers.set(RegisterValue(1), for: id("VENDOR_HYP_BMAP_2"))
        }
        for report in try restore(lacking, on: "6.12-neoverse-n1", strict: true).reports {
            let undo = try #require(report.undo).filter { $0.id != .mpidrEL1 }
            #expect(Set(undo.map(\.id)) == [id("VCPU_INIT"), id("FAR_EL1"), id("ESR_EL1")])
            let made = try #require(undo.first { $0.id == .vcpuInit })
            #expect(!made.isUndone && made.before == nil && made.found != nil)
            #expect(made.reason == "a vCPU that is initialized stays so")
            #expect(undo.filter(\.isUndone).count == 2)
        }
    }

    /// So is what could not be read before, and what does not go back.
    @Test func strictSaysWhyARegisterStays() throws {
        let (source, target) = (BehavingBank(), BehavingBank())
        for name in ["FAR_EL1", "ESR_EL1", "x0"] { source.add(id(name), 1) }
        target.add(id("FAR_EL1"), 100, .unreadable(.notPermitted))
        target.add(id("ESR_EL1"), 7)
        target.add(id("x0"), 0, .ignores)
        target.onWrite = { written in
            if written == id("ESR_EL1"), target.writes.contains(written) {
                target.add(id("ESR_EL1"), 1, .refuses(.busy))
            }
        }
        var options = Restore.Options()
        options.isStrict = true
        let report = try #require(
            try Restore.run([source.state()], into: [target], options: options).first)
        let undo = try #require(report.undo)
        #expect(undo.count == 3)
        let (far, esr) = (
            undo.first { $0.id == id("FAR_EL1") }, undo.first { $0.id == id("ESR_EL1") }
        )
        #expect(
            far?.isUndone == false && far?.before == nil && far?.reason?.contains("EPERM") == true)
        #expect(esr?.isUndone == false && esr?.before?.bits == 7)
        #expect(esr?.reason?.contains("EBUSY") == true)
        #expect(undo.first { $0.id == id("x0") }?.isUndone == true)
    }
}

@Suite("Capture")
struct CaptureTests {
    @Test func failuresDoNotStopIt() throws {
        let bank = BehavingBank()
        bank.add(id("FAR_EL1"), 1)
        bank.add(id("ESR_EL1"), 2, .unreadable(.notPermitted))
        bank.add(id("x0"), 3)
        let capture = try Capture(of: bank)
        #expect(capture.registers.ids.map(\.name) == ["x0", "FAR_EL1"])
        #expect(capture.unreadable.map(\.id) == [id("ESR_EL1")])
    }
}
