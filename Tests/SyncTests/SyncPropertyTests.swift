import LinuxSystem
import Registers
import SeededRandom
import TestSubjects
import Testing
import Transfer
import VCPUModel

/// Random banks with random rules, and random moves between them: after every move each register of each
/// holder is what the rules say, and no value comes from nowhere.
@Suite("Random moves")
struct SyncPropertyTests {
    /// Three holders, and what every register may hold.
    struct World {
        var kvm: RuleBank
        var state: RuleBank
        var list: RegisterList
        /// The values a register has had anywhere, or got from outside.
        var origins: [RegisterID: Set<UInt64>]
    }

    private enum Move: CaseIterable {
        case stateToList, stateToListSync, listToState, kvmToList, listToKVM, guestRuns, codeChanges
        case get, put
    }

    /// Registers of every sort the moves treat apart: ordinary ones, both counters, a register no bank
    /// needs to know.
    private static let pool =
        ["TPIDR_EL1", "ESR_EL1", "FAR_EL1", "VBAR_EL1", "MIDR_EL1", "CNTVCT_EL0", "CNTPCT_EL0"]
        .compactMap { RegisterID(parsing: $0) } + [RegisterID(rawValue: 0x6030_0000_0013_0001)]

    @Test func everyValueIsExplained() {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        var moves: [String: Int] = [:]
        for number in 0..<10_000 {
            var world = Self.world(&random)
            for _ in 0..<Int.random(in: 2...6, using: &random) {
                let move = Move.allCases.randomElement(using: &random) ?? .get
                moves["\(move)", default: 0] += 1
                let problems = Self.carryOut(move, &world, &random)
                #expect(problems.isEmpty, "seed \(seed), bank \(number), \(move): \(problems)")
                guard problems.isEmpty else { return }
            }
        }
        #expect(moves.count == Move.allCases.count)
    }

    private static func world(_ random: inout SeededGenerator) -> World {
        var kvm: [RegisterID: (rule: RegisterRule, value: UInt64)] = [:]
        var state = kvm
        var list = RegisterList()
        var origins: [RegisterID: Set<UInt64>] = [:]
        for id in pool {
            let isCounter = RegisterDictionary.entry(for: id)?.isCounter == true
            // Only what the dictionary calls a counter may move by itself.
            let rules = RegisterRule.allCases.filter { $0 != .counts }
            kvm[id] = (isCounter ? .counts : pick(rules, &random), value(&random))
            state[id] = (pick(rules, &random), value(&random))
            let listed = value(&random)
            list.set(RegisterValue(listed), for: id)
            origins[id] = [0, listed, kvm[id]?.value ?? 0, state[id]?.value ?? 0]
        }
        return World(kvm: RuleBank(kvm), state: RuleBank(state), list: list, origins: origins)
    }

    private static func pick(_ rules: [RegisterRule], _ random: inout SeededGenerator)
        -> RegisterRule
    {
        // Half of the registers are ordinary, so that values travel.
        Bool.random(using: &random) ? .stores : rules.randomElement(using: &random) ?? .stores
    }

    private static func value(_ random: inout SeededGenerator) -> UInt64 {
        let value = random.next()
        return Bool.random(using: &random) ? value : value & RegisterRule.mask
    }

    // MARK: One move

    /// What a move reported, and what was foretold of each register.
    private typealias Told = (report: SyncReport, foretold: [RegisterID: RegisterOutcome])

    /// - Returns: what the rules do not explain.
    private static func carryOut(
        _ move: Move, _ world: inout World, _ random: inout SeededGenerator
    ) -> [String] {
        var expected = Expected(world)
        let told: [Told]
        switch move {
        case .guestRuns:
            outside(&world, world.kvm, &random)
            return []
        case .codeChanges:
            outside(&world, world.state, &random)
            return []
        case .get, .put:
            guard let both = moveAll(move, &world, &expected) else { return ["cannot be listed"] }
            told = both
        case .stateToList, .stateToListSync, .listToState, .kvmToList, .listToKVM:
            told = [moveOne(move, &world, &expected, &random)]
        }
        return told.flatMap { unexpected($0, in: world) } + expected.differences(from: world)
            + invented(in: &world)
    }

    /// A move between two holders.
    private static func moveOne(
        _ move: Move, _ world: inout World, _ expected: inout Expected,
        _ random: inout SeededGenerator
    ) -> Told {
        switch move {
        case .listToState:
            return (
                CPRegisterSync.writeListToCPUState(world.list, world.state),
                expected.listToState()
            )
        case .kvmToList:
            return (
                CPRegisterSync.writeKVMStateToList(world.kvm, &world.list), expected.kvmToList()
            )
        case .listToKVM:
            let level = SyncLevel.allCases.randomElement(using: &random) ?? .full
            return (
                CPRegisterSync.writeListToKVMState(world.list, world.kvm, level: level),
                expected.listToKVM(level)
            )
        default:
            let isSync = move == .stateToListSync
            return (
                CPRegisterSync.writeCPUStateToList(world.state, &world.list, kvmSync: isSync),
                expected.stateToList(isSync: isSync)
            )
        }
    }

    /// Both moves of a get or put; nil where KVM does not list the registers of the vCPU's list.
    private static func moveAll(
        _ move: Move, _ world: inout World, _ expected: inout Expected
    ) -> [Told]? {
        guard let synced = try? SyncedVCPU(kvm: world.kvm, cpuState: world.state) else {
            return nil
        }
        synced.list = world.list
        defer { world.list = synced.list }
        if move == .get {
            let get = synced.getRegisters()
            return [
                (get.kvmToList, expected.kvmToList()),
                (get.listToCPUState, expected.listToState()),
            ]
        }
        let put = synced.putRegisters(.runtime)
        return [
            (put.cpuStateToList, expected.stateToList(isSync: true)),
            (put.listToKVM, expected.listToKVM(.runtime)),
        ]
    }

    /// Outcomes that are not what was foretold.
    private static func unexpected(_ told: Told, in world: World) -> [String] {
        told.report.registers.compactMap { entry -> String? in
            let wanted = told.foretold[entry.id]
            // A counter may have moved on, so only whether its level counted is foretold.
            let isLevel =
                wanted == .skipped(.aboveLevel) || entry.outcome == .skipped(.aboveLevel)
            let isForetold = world.kvm.rules[entry.id] != .counts || isLevel
            guard isForetold, wanted != entry.outcome else { return nil }
            return "\(entry.id): \(entry.outcome) and not \(wanted.map { "\($0)" } ?? "nothing")"
        }
    }

    /// Something outside the moves gives some registers new values.
    private static func outside(
        _ world: inout World, _ bank: RuleBank, _ random: inout SeededGenerator
    ) {
        for id in pool where Bool.random(using: &random) {
            let value = value(&random)
            bank.poke(id, value)
            world.origins[id]?.insert(value)
        }
    }

    // MARK: No value from nowhere

    /// Values that are no origin, nor two of them put together along the mask.
    private static func invented(in world: inout World) -> [String] {
        var problems: [String] = []
        for id in pool {
            let holders = [
                world.list[id]?.lowBits, world.kvm.values[id], world.state.values[id],
            ]
            for value in holders.compactMap({ $0 }) {
                if isExplained(value, by: world.origins[id] ?? [], world.kvm.rules[id]) {
                    world.origins[id]?.insert(value)
                } else {
                    problems.append("\(id) holds \(RegisterValue(value)), which nobody gave it")
                }
            }
        }
        return problems
    }

    private static func isExplained(
        _ value: UInt64, by origins: Set<UInt64>, _ rule: RegisterRule?
    ) -> Bool {
        let mask = RegisterRule.mask
        if origins.contains(value) { return true }
        let above = origins.contains { $0 & mask == value & mask }
        let below = origins.contains { $0 & ~mask == value & ~mask }
        if above && below { return true }
        // A register that gains bits holds two values at once.
        if origins.contains(where: { one in origins.contains { one | $0 == value } }) {
            return true
        }
        // A counter that was read a few times.
        return rule == .counts
            && origins.contains { (value &- $0) % RegisterRule.step == 0 && value &- $0 < 4096 }
    }
}

/// What the three holders must be after a move, worked out register by register from the rules.
private struct Expected {
    private var list: [RegisterID: UInt64]
    private var kvm: [RegisterID: UInt64]
    private var state: [RegisterID: UInt64]
    private let kvmRules: [RegisterID: RegisterRule]
    private let stateRules: [RegisterID: RegisterRule]

    init(_ world: SyncPropertyTests.World) {
        list = Dictionary(uniqueKeysWithValues: world.list.map { ($0.0, $0.1.lowBits) })
        (kvm, state) = (world.kvm.values, world.state.values)
        (kvmRules, stateRules) = (world.kvm.rules, world.state.rules)
    }

    private func mute(_ rule: RegisterRule) -> RegisterOutcome? {
        switch rule {
        case .absent: .absent
        case .unreadable: .refused(.notPermitted)
        case .noRawAccess: .skipped(.noRawAccess)
        default: nil
        }
    }

    mutating func stateToList(isSync: Bool) -> [RegisterID: RegisterOutcome] {
        var outcomes: [RegisterID: RegisterOutcome] = [:]
        for (id, rule) in stateRules {
            guard let old = list[id], let now = state[id] else { continue }
            if let outcome = mute(rule) {
                outcomes[id] = outcome
            } else if old == now {
                outcomes[id] = .alreadyEqual
            } else if isSync {
                let trial = rule.written(old, over: now)
                outcomes[id] = trial == old ? .taken : .skipped(.keptInList)
                if trial == old { list[id] = now }
                // The present value is put back over the trial.
                if let trial { state[id] = rule.written(now, over: trial) ?? trial }
            } else {
                outcomes[id] = .taken
                list[id] = now
            }
        }
        return outcomes
    }

    mutating func listToState() -> [RegisterID: RegisterOutcome] {
        var outcomes: [RegisterID: RegisterOutcome] = [:]
        for (id, rule) in stateRules {
            guard let new = list[id], let old = state[id] else { continue }
            if let outcome = mute(rule) {
                outcomes[id] = outcome
            } else if let found = rule.written(new, over: old) {
                state[id] = found
                outcomes[id] = found == new ? .taken : .acceptedThenChanged
            } else {
                outcomes[id] = .refused(.invalidArgument)
            }
        }
        return outcomes
    }

    mutating func kvmToList() -> [RegisterID: RegisterOutcome] {
        var outcomes: [RegisterID: RegisterOutcome] = [:]
        for (id, rule) in kvmRules {
            guard let old = list[id], let now = kvm[id] else { continue }
            if let outcome = mute(rule) {
                outcomes[id] = outcome
            } else {
                outcomes[id] = old == now ? .alreadyEqual : .taken
                list[id] = now
            }
        }
        return outcomes
    }

    mutating func listToKVM(_ level: SyncLevel) -> [RegisterID: RegisterOutcome] {
        var outcomes: [RegisterID: RegisterOutcome] = [:]
        for (id, rule) in kvmRules {
            guard let new = list[id], let old = kvm[id] else { continue }
            if ["CNTVCT_EL0", "CNTPCT_EL0"].contains(id.name), level != .full {
                outcomes[id] = .skipped(.aboveLevel)
            } else if let outcome = mute(rule) {
                outcomes[id] = outcome
            } else if old == new {
                outcomes[id] = .alreadyEqual
            } else if let found = rule.written(new, over: old) {
                kvm[id] = found
                let isTaken = found == new || rule == .counts
                outcomes[id] = isTaken ? .taken : Self.changed(from: old, to: found, wanted: new)
            } else {
                outcomes[id] = .refused(.invalidArgument)
            }
        }
        return outcomes
    }

    /// Part of a write took where what is not as written is as before or zero.
    private static func changed(
        from old: UInt64, to found: UInt64, wanted: UInt64
    ) -> RegisterOutcome {
        let lost = found ^ wanted
        return found != old && found & lost & ~old == 0
            ? .keptButMasked(lost: RegisterValue(lost)) : .acceptedThenChanged
    }

    /// Where the holders are not as expected; counters may have moved on.
    func differences(from world: SyncPropertyTests.World) -> [String] {
        var problems: [String] = []
        for (id, rule) in kvmRules where rule != .counts {
            if kvm[id] != world.kvm.values[id] { problems.append("\(id) in KVM") }
            if list[id] != world.list[id]?.lowBits { problems.append("\(id) in the list") }
        }
        for id in stateRules.keys where kvmRules[id] != .counts {
            if state[id] != world.state.values[id] { problems.append("\(id) in the CPU state") }
        }
        return problems
    }
}
