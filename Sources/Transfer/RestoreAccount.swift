internal import LinuxSystem
internal import Registers
public import VCPUModel

/// The reports of a restore, each made when it is asked for.
///
/// A VM can have thousands of vCPUs of thousands of registers, and a report says a lot of each. What is
/// kept is what happened; of units that were saved the same and fared the same, only the differences.
public struct RestoreAccount: Sendable {
    private struct Entry: Sendable {
        /// Of the unit, but with the attempts of the one at `base`.
        var account: UnitAccount
        /// Its own position, or that of an earlier unit with which all but the changes is shared.
        let base: Int
        /// What happened otherwise than at `base`, by the registers' places.
        let changes: [(place: Int, attempt: RestoreAttempt)]

        /// The account with its own attempts.
        var whole: UnitAccount {
            var result = account
            for (place, attempt) in changes { result.attempts[place] = attempt }
            return result
        }
    }

    private let context: RestoreContext
    private var entries: [Entry] = []

    init(_ options: Restore.Options) {
        context = RestoreContext(options)
    }

    mutating func append(_ account: UnitAccount) {
        guard let base = entries.last?.base,
            let places = account.differences(from: entries[base].account)
        else {
            entries.append(Entry(account: account, base: entries.count, changes: []))
            return
        }
        var shared = entries[base].account
        shared.unit = account.unit
        let changes = places.map { ($0, account.attempts[$0]) }
        entries.append(Entry(account: shared, base: base, changes: changes))
    }

    mutating func setUndo(_ undo: [RegisterUndo], at position: Int) {
        entries[position].account.undo = undo
    }

    /// What losses count.
    package var policy: RestorePolicy { context.options.policy }

    /// Whether nothing was lost on any unit that the policy does not pardon.
    public var isComplete: Bool { losses(untilFirst: true).count == 0 }

    /// What was lost, without a report of each register.
    /// - Parameter untilFirst: whether the first loss that counts is enough.
    public func losses(untilFirst: Bool = false) -> RestoreLosses {
        var losses = RestoreLosses()
        for (position, entry) in entries.enumerated()
        where !untilFirst || losses.count == 0 {
            if entry.base == position {
                losses.add(entry.account, entry.account.attempts.indices, context)
                losses.addOthers(of: entry.account, context)
            } else {
                // What is as on the unit before is known.
                losses.add(entry.whole, entry.changes.map(\.place), context)
            }
        }
        return losses
    }

    /// Whether a strict restore lost something, and put back what it had written.
    public var isUndone: Bool { entries.contains { $0.account.undo != nil } }

    /// Which unit a report is of.
    public func unit(at position: Int) -> UnitID { entries[position].account.unit }

    /// The registers of a unit as they were saved.
    public func guest(at position: Int) -> RegisterList { entries[position].account.guest }
}

extension RestoreAccount: RandomAccessCollection {
    /// Always 0.
    public var startIndex: Int { 0 }
    /// The number of units.
    public var endIndex: Int { entries.count }

    /// The report of the unit at a position, made anew each time; iterating over all is cheaper.
    public subscript(position: Int) -> RestoreReport {
        var iterator = makeIterator(from: position)
        guard let report = iterator.next() else { preconditionFailure("no such unit") }
        return report
    }

    /// Goes over the units; each report is made when it is asked for.
    public func makeIterator() -> Iterator { makeIterator(from: 0) }

    private func makeIterator(from position: Int) -> Iterator {
        Iterator(account: self, position: position)
    }

    /// Goes through the reports in order, and judges anew only what is not as on an earlier unit.
    public struct Iterator: IteratorProtocol {
        fileprivate let account: RestoreAccount
        fileprivate var position: Int
        fileprivate var base: (position: Int, report: RestoreReport)?

        /// The next unit's report, which is made now; nil after the last one.
        public mutating func next() -> RestoreReport? {
            guard position < account.entries.count else { return nil }
            defer { position += 1 }
            let entry = account.entries[position]
            var report = report(ofBase: entry.base)
            report.unit = entry.account.unit
            report.undo = entry.account.undo
            let whole = entry.whole
            for (place, _) in entry.changes {
                report.replace(whole.judge(place, account.context))
            }
            return report
        }

        private mutating func report(ofBase position: Int) -> RestoreReport {
            if let base, base.position == position { return base.report }
            let report = account.entries[position].account.report(account.context)
            base = (position, report)
            return report
        }
    }
}

/// What was lost on any of some units.
public struct RestoreLosses: Sendable {
    /// What is not pardoned: of the vCPUs, and of the VM.
    private var vcpus: Set<RegisterID> = []
    private var vm: Set<RegisterID> = []
    /// How many registers are lost and not pardoned: one that several vCPUs lose counts once.
    public var count: Int { vcpus.count + vm.count }
    /// Whether every unit is as it was saved, without any policy's help.
    public private(set) var isNone = true

    fileprivate mutating func add(
        _ account: UnitAccount, _ places: some Sequence<Int>, _ context: RestoreContext
    ) {
        // Of what is known to be lost nobody is asked again.
        for place in places where !has(account.guest.ids[place], of: account.unit) {
            add(account.judge(place, context), of: account.unit)
        }
    }

    fileprivate mutating func addOthers(of account: UnitAccount, _ context: RestoreContext) {
        for other in account.others where !has(other.id, of: account.unit) {
            add(account.destinationOnly(other, context), of: account.unit)
        }
    }

    private func has(_ id: RegisterID, of unit: UnitID) -> Bool {
        unit == .vm ? vm.contains(id) : vcpus.contains(id)
    }

    private mutating func add(_ register: RegisterRestore, of unit: UnitID) {
        if register.isLoss {
            if unit == .vm { vm.insert(register.id) } else { vcpus.insert(register.id) }
        }
        let isAsSaved =
            !register.outcome.isLoss && register.overrides.isEmpty
            && register.outcome != .skipped(.policy)
        isNone = isNone && isAsSaved
    }
}

extension RestoreReport {
    /// Puts an outcome in the place of the one the same register has.
    fileprivate mutating func replace(_ register: RegisterRestore) {
        registers[registers.lowerBound { $0.id < register.id }] = register
    }
}
