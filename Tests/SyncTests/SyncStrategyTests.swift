import Emulation
import LinuxSystem
import Registers
import SeededRandom
import TestSubjects
import Testing
import Transfer
import VCPUModel

/// Checking again by write and read-back, against recording what the move to the CPU state took.
@Suite("Strategies")
struct SyncStrategyTests {
    private static let ids = (0..<8).map { RegisterID(rawValue: 0x6030_0000_0013_c000 + $0 * 0x10) }

    /// The same move of the same list out of two equal CPU states, one for each strategy.
    private struct Pair {
        var list: RegisterList
        let rechecked: RuleBank
        let recorded: RuleBank
        let record: SyncRecord

        /// - Parameter change: what code does to the CPU state after it was loaded.
        init(
            _ registers: [RegisterID: (rule: RegisterRule, value: UInt64)], _ list: RegisterList,
            change: (RuleBank) -> Void
        ) {
            self.list = list
            rechecked = RuleBank(registers)
            recorded = RuleBank(registers)
            record = SyncRecord(of: CPRegisterSync.writeListToCPUState(list, recorded), list)
            _ = CPRegisterSync.writeListToCPUState(list, rechecked)
            change(rechecked)
            change(recorded)
        }

        func results() -> (recheck: (RegisterList, SyncReport), record: (RegisterList, SyncReport))
        {
            var (first, second) = (list, list)
            let recheck = CPRegisterSync.writeCPUStateToList(rechecked, &first, kvmSync: true)
            let recording = CPRegisterSync.writeCPUStateToList(
                recorded, &second, kvmSync: true, strategy: .recorded(record))
            return ((first, recheck), (second, recording))
        }
    }

    /// Rules under which a write replaces the register's value, or part of it, and does nothing else.
    private static let withoutSideEffects = RegisterRule.allCases.filter {
        $0 != .gainsBits && $0 != .counts
    }

    @Test func theyAgreeWhereTheCheckHasNoSideEffect() {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        var kept = 0
        var taken = 0
        for _ in 0..<10_000 {
            var registers: [RegisterID: (rule: RegisterRule, value: UInt64)] = [:]
            var list = RegisterList()
            for id in Self.ids {
                let rule = Self.withoutSideEffects.randomElement(using: &random) ?? .stores
                registers[id] = (rule, Self.value(&random))
                list.set(RegisterValue(Self.value(&random)), for: id)
            }
            let changes = Self.ids.filter { _ in Bool.random(using: &random) }
                .map { ($0, Self.value(&random)) }
            let pair = Pair(registers, list) { bank in
                for (id, value) in changes { try? bank.write(RegisterValue(value), to: id) }
            }
            let (recheck, record) = pair.results()
            #expect(recheck.0 == record.0, "seed \(seed)")
            #expect(recheck.1 == record.1, "seed \(seed)")
            #expect(pair.rechecked.values == pair.recorded.values, "seed \(seed)")
            kept += recheck.1.registers.filter { $0.outcome == .skipped(.keptInList) }.count
            taken += recheck.1.registers.filter { $0.outcome == .taken }.count
        }
        #expect(kept > 1000 && taken > 1000, "both answers must occur: \(kept), \(taken)")
    }

    /// Values that fit the mask and values that do not.
    private static func value(_ random: inout SeededGenerator) -> UInt64 {
        let value = random.next()
        return Bool.random(using: &random) ? value : value & RegisterRule.mask
    }

    // MARK: Where they part

    private static let id = ids[0]

    private func pair(
        _ rule: RegisterRule, holding value: UInt64, list listed: UInt64, changed: UInt64
    ) throws -> Pair {
        let list = try #require(RegisterList([(Self.id, RegisterValue(listed))]))
        return Pair([Self.id: (rule, value)], list) { $0.poke(Self.id, changed) }
    }

    /// The check leaves its trial in a register that only gains bits.
    @Test func theCheckDisturbsARegisterThatOnlyGainsBits() throws {
        let pair = try pair(.gainsBits, holding: 0, list: 0b0011, changed: 0b0100)
        let (recheck, record) = pair.results()
        #expect(recheck.1.registers.map(\.outcome) == [.skipped(.keptInList)])
        #expect(record.1.registers.map(\.outcome) == [.taken])
        #expect(pair.rechecked.values[Self.id] == 0b0111)
        #expect(pair.recorded.values[Self.id] == 0b0100)
    }

    /// A register that runs on goes back to what it was when the check began.
    @Test func theCheckSetsACounterBack() throws {
        let pair = try pair(.counts, holding: 0, list: 1000, changed: 5000)
        let (recheck, record) = pair.results()
        #expect(recheck.1.registers.map(\.outcome) == [.taken])
        #expect(record.1.registers.map(\.outcome) == [.taken])
        #expect(pair.rechecked.values[Self.id] == 5000)
        #expect(pair.recorded.values[Self.id] == 5000 + RegisterRule.step)
    }

    /// A value that came into the list after the CPU state was loaded is unknown to the record.
    @Test func theRecordKnowsNothingOfALaterValue() throws {
        var pair = try pair(.stores, holding: 0, list: 1, changed: 2)
        pair.list.set(RegisterValue(7), for: Self.id)
        let (recheck, record) = pair.results()
        #expect(recheck.0[Self.id]?.bits == 2)
        #expect(record.0[Self.id]?.bits == 7)
    }

    /// A register that was never loaded has no record; the check needs none.
    @Test func theRecordKnowsNothingBeforeTheFirstLoad() throws {
        let bank = RuleBank([Self.id: (.stores, 2)])
        let nothing = CPRegisterSync.writeListToCPUState(RegisterList(), bank)
        let never = SyncRecord(of: nothing, RegisterList())
        let list = try #require(RegisterList([(Self.id, RegisterValue(1))]))
        var (first, second) = (list, list)
        _ = CPRegisterSync.writeCPUStateToList(bank, &first, kvmSync: true)
        _ = CPRegisterSync.writeCPUStateToList(
            bank, &second, kvmSync: true, strategy: .recorded(never))
        #expect(first[Self.id]?.bits == 2 && second[Self.id]?.bits == 1)
    }

    /// What the CPU state can hold may change in between; the check asks the present one.
    @Test func theRecordRemembersWhatNoLongerFits() throws {
        let list = try #require(RegisterList([(Self.id, RegisterValue(0xf0))]))
        let loaded = RuleBank([Self.id: (.stores, 0)])
        let record = SyncRecord(of: CPRegisterSync.writeListToCPUState(list, loaded), list)
        let narrowed = RuleBank([Self.id: (.keeping, 0xf)])
        var (first, second) = (list, list)
        _ = CPRegisterSync.writeCPUStateToList(narrowed, &first, kvmSync: true)
        _ = CPRegisterSync.writeCPUStateToList(
            narrowed, &second, kvmSync: true, strategy: .recorded(record))
        #expect(first[Self.id]?.bits == 0xf0 && second[Self.id]?.bits == 0xf)
    }

    // MARK: On a whole vCPU

    @Test(arguments: [false, true])
    func bothMoveAChangeAndNothingElse(recordsSuccess: Bool) throws {
        let kvm = try vcpu(on: "6.12-neoverse-n1")
        let state = try vcpu(on: "6.12-cortex-a72").rawState
        let synced = try SyncedVCPU(kvm: kvm, cpuState: state, recordsSuccess: recordsSuccess)
        _ = synced.getRegisters()
        let before = try kvm.readAll()
        try state.set("ESR_EL1", 0xf200_0000)
        #expect(synced.putRegisters(.runtime).succeeded)
        let after = try kvm.readAll()
        let changed = after.filter { id, value in
            before[id] != value && RegisterDictionary.entry(for: id)?.volatileBits == 0
        }
        #expect(changed.map(\.0.name) == ["ESR_EL1"])
    }
}
