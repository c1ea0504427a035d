import Registers
import Testing
import Transfer
import VCPUModel

/// What a guest's clock is after a restore.
@Suite("Restore: modes of the clock")
struct ClockModeTests {
    private static let second: UInt64 = 1_000_000_000
    private static let frequency: UInt64 = 25_000_000

    /// The clock of a VM: the physical count is 1,000 ahead of the virtual one.
    private func clock(
        count: UInt64, time: UInt64, frequency: UInt64 = frequency
    ) -> BehavingBank {
        let bank = BehavingBank()
        bank.add(.clockCntvct, count)
        bank.add(.clockCntpct, count &+ 1000)
        bank.add(.clockRealtime, time, .ignores)
        bank.add(.clockCntfrq, frequency, .ignores)
        return bank
    }

    /// Restores a guest that was saved at a count of 5,000 and 100 s.
    private func restored(
        _ mode: ClockMode, into vm: BehavingBank, with vcpu: BehavingBank? = nil
    ) throws -> RestoreReport {
        let guest = Snapshot(
            provenance: Provenance(),
            vcpus: [VCPUState(index: 0, registers: counters(at: 5000).state().registers)],
            vm: clock(count: 5000, time: 100 * Self.second).state().registers)
        var options = Restore.Options()
        options.clock = mode
        let reports = Array(
            try Restore.perform(
                guest, into: [vcpu ?? counters(at: 70)], vm: vm, options: options))
        return reports[0]
    }

    private func counters(at count: UInt64) -> BehavingBank {
        let bank = BehavingBank()
        bank.add(.cntvctEL0, count)
        bank.add(.cntpctEL0, count)
        return bank
    }

    private func counts(of vm: BehavingBank) throws -> [UInt64?] {
        [try vm.read(.clockCntvct).bits, try vm.read(.clockCntpct).bits]
    }

    @Test func stoppedItGoesOnWhereItWas() throws {
        let vm = clock(count: 70, time: 160 * Self.second)
        #expect(try restored(.stop, into: vm).isComplete)
        #expect(try counts(of: vm) == [5000, 6000])
    }

    @Test func byTheWallItAdvances() throws {
        let vm = clock(count: 70, time: 160 * Self.second)
        #expect(try restored(.wall, into: vm).isComplete)
        let passed = 60 * Self.frequency
        #expect(try counts(of: vm) == [5000 + passed, 6000 + passed])
    }

    @Test func onItsHostItKeepsTheDistanceFromTheCounter() throws {
        let vm = clock(count: 1_000_000, time: 160 * Self.second)
        let vcpu = counters(at: 70)
        #expect(try restored(.host, into: vm, with: vcpu).isComplete)
        #expect(try counts(of: vm) == [1_001_000 - 1000, 1_001_000])
        #expect(try vcpu.read(.cntpctEL0).bits == 70)
        #expect(!vcpu.writes.contains(.cntpctEL0))
    }

    @Test func aCountIsGivenToBothCounters() throws {
        let vm = clock(count: 70, time: 160 * Self.second)
        #expect(try restored(.count(9), into: vm).isComplete)
        #expect(try counts(of: vm) == [9, 1009])
    }

    @Test(arguments: [
        (time: 160 * second, frequency: UInt64(24_000_000), words: "another frequency"),
        (time: 99 * second, frequency: frequency, words: "before that of the snapshot"),
    ])
    func whatTheWallCannotTellIsALoss(
        time: UInt64, frequency: UInt64, words: String
    ) throws {
        let vm = clock(count: 70, time: time, frequency: frequency)
        let report = try restored(.wall, into: vm)
        let counts: Set<RegisterID> = [.clockCntvct, .clockCntpct]
        let lost = report.losses.filter { counts.contains($0.id) }
        #expect(lost.count == 2)
        #expect(lost.allSatisfy { $0.reason?.contains(words) == true })
    }

    @Test func moreTimeThanACounterHoldsIsALoss() throws {
        let frequency = UInt64.max / 2
        let guest = Snapshot(
            provenance: Provenance(),
            vcpus: [VCPUState(index: 0, registers: counters(at: 0).state().registers)],
            vm: clock(count: 0, time: 0, frequency: frequency).state().registers)
        var options = Restore.Options()
        options.clock = .wall
        let vm = clock(count: 70, time: .max, frequency: frequency)
        let report = Array(
            try Restore.perform(guest, into: [counters(at: 0)], vm: vm, options: options))[0]
        #expect(report.losses.contains { $0.reason?.contains("more time has passed") == true })
    }

    @Test func aModeIsReadAsItIsWritten() {
        for mode in ClockMode.namedModes + [.count(77)] {
            #expect(ClockMode(word: mode.description) == mode)
        }
        #expect(ClockMode(word: "0x10") == .count(16))
        #expect(ClockMode(word: "later") == nil)
        #expect(ClockMode(word: "") == nil)
    }

    /// KVM counts from 0 for a VM that is restored: the clock is set after the counters of the vCPUs.
    @Test func theClockComesAfterCountersAndInterrupts() throws {
        let vm = clock(count: 70, time: 160 * Self.second)
        let vcpu = counters(at: 70)
        var order: [RegisterID] = []
        vm.onWrite = { order.append($0) }
        vcpu.onWrite = { order.append($0) }
        _ = try restored(.wall, into: vm, with: vcpu)
        #expect(
            order.filter { $0 != .clockRealtime } == [
                .cntvctEL0, .cntpctEL0, .clockCntvct, .clockCntpct,
            ])
    }
}
