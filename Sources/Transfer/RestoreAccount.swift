internal import LinuxSystem
public import Registers
public import VCPUModel

/// The reports of a restore, each made when it is asked for.
///
/// A VM can have thousands of vCPUs of thousands of registers, and a report says a lot of each. What is
/// kept is what happened; of units that were saved the same and fared the same, only the differences.
public struct RestoreAccount: Sendable {
    private enum Entry: Sendable {
        case own(UnitAccount)
        /// As the unit at `base`, but for some registers, by their places.
        case like(
            base: Int, unit: UnitID, changes: [(place: Int, attempt: RestoreAttempt)],
            undo: [RegisterUndo]?)
    }

    private let context: RestoreContext
    private var entries: [Entry] = []
    /// The last entry that stands for itself.
    private var base: Int?

    init(_ options: Restore.Options) {
        context = RestoreContext(options)
    }

    mutating func append(_ account: UnitAccount) {
        guard let base, case .own(let other) = entries[base],
            let places = account.differences(from: other)
        else {
            self.base = entries.count
            entries.append(.own(account))
            return
        }
        entries.append(
            .like(
                base: base, unit: account.unit,
                changes: places.map { ($0, account.attempts[$0]) }, undo: account.undo))
    }

    mutating func setUndo(_ undo: [RegisterUndo], at position: Int) {
        switch entries[position] {
        case .own(var account):
            account.undo = undo
            entries[position] = .own(account)
        case .like(let base, let unit, let changes, _):
            entries[position] = .like(base: base, unit: unit, changes: changes, undo: undo)
        }
    }

    /// Whether nothing was lost on any unit that the policy does not pardon.
    public var isComplete: Bool { losses(untilFirst: true).registers.isEmpty }

    /// What was lost, without a report of each register.
    /// - Parameter untilFirst: whether the first loss that counts is enough.
    public func losses(untilFirst: Bool = false) -> RestoreLosses {
        var losses = RestoreLosses()
        var own: UnitAccount?
        for entry in entries where !untilFirst || losses.registers.isEmpty {
            switch entry {
            case .own(let account):
                own = account
                losses.add(account, account.attempts.indices, context)
                losses.addOthers(of: account, context)
            case .like(_, _, let changes, _):
                // What is as on the unit before is known.
                guard var account = own else { continue }
                for (place, attempt) in changes { account.attempts[place] = attempt }
                losses.add(account, changes.map(\.place), context)
            }
        }
        return losses
    }

    /// Whether a strict restore lost something, and put back what it had written.
    public var isUndone: Bool {
        entries.contains { entry in
            switch entry {
            case .own(let account): account.undo != nil
            case .like(_, _, _, let undo): undo != nil
            }
        }
    }

    /// Which unit a report is of.
    public func unit(at position: Int) -> UnitID {
        switch entries[position] {
        case .own(let account): account.unit
        case .like(_, let unit, _, _): unit
        }
    }

    /// The registers of a unit as they were saved.
    public func guest(at position: Int) -> RegisterList {
        switch entries[position] {
        case .own(let account): account.guest
        case .like(let base, _, _, _): guest(at: base)
        }
    }
}

extension RestoreAccount: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { entries.count }

    /// The report of the unit at a position, made anew each time; iterating over all is cheaper.
    public subscript(position: Int) -> RestoreReport {
        var iterator = makeIterator(from: position)
        guard let report = iterator.next() else { preconditionFailure("no such unit") }
        return report
    }

    public func makeIterator() -> Iterator { makeIterator(from: 0) }

    private func makeIterator(from position: Int) -> Iterator {
        Iterator(account: self, position: position)
    }

    /// Goes through the reports in order, and judges anew only what is not as on an earlier unit.
    public struct Iterator: IteratorProtocol {
        fileprivate let account: RestoreAccount
        fileprivate var position: Int
        private var base: (position: Int, account: UnitAccount, report: RestoreReport)?

        fileprivate init(account: RestoreAccount, position: Int) {
            self.account = account
            self.position = position
        }

        public mutating func next() -> RestoreReport? {
            guard position < account.entries.count else { return nil }
            defer { position += 1 }
            guard case .like(let base, let unit, let changes, let undo) = account.entries[position]
            else { return report(ofBase: position)?.report }
            guard var (own, report) = report(ofBase: base) else { return nil }
            report.unit = unit
            report.undo = undo
            for (place, attempt) in changes { own.attempts[place] = attempt }
            for (place, _) in changes {
                report.replace(own.judge(place, account.context))
            }
            return report
        }

        private mutating func report(
            ofBase position: Int
        ) -> (account: UnitAccount, report: RestoreReport)? {
            if let base, base.position == position { return (base.account, base.report) }
            guard case .own(let own) = account.entries[position] else { return nil }
            let report = own.report(account.context)
            base = (position, own, report)
            return (own, report)
        }
    }
}

/// What was lost on any of some units.
public struct RestoreLosses: Sendable {
    /// What is not pardoned, each register once.
    public private(set) var registers: Set<RegisterID> = []
    /// Whether every unit is as it was saved, without any policy's help.
    public private(set) var isNone = true

    fileprivate mutating func add(
        _ account: UnitAccount, _ places: some Sequence<Int>, _ context: RestoreContext
    ) {
        // Of what is known to be lost nobody is asked again.
        for place in places where !registers.contains(account.guest.ids[place]) {
            add(account.judge(place, context))
        }
    }

    fileprivate mutating func addOthers(of account: UnitAccount, _ context: RestoreContext) {
        for other in account.others where !registers.contains(other.id) {
            add(account.destinationOnly(other, context))
        }
    }

    private mutating func add(_ register: RegisterRestore) {
        if register.isLoss { registers.insert(register.id) }
        let isAsSaved =
            !register.outcome.isLoss && register.overrides.isEmpty
            && register.outcome != .skipped(.policy)
        isNone = isNone && isAsSaved
    }
}

extension RestoreReport {
    /// Puts an outcome in the place of the one the same register has.
    fileprivate mutating func replace(_ register: RegisterRestore) {
        var (low, high) = (0, registers.count)
        while low < high {
            let middle = (low + high) / 2
            if registers[middle].id < register.id { low = middle + 1 } else { high = middle }
        }
        registers[low] = register
    }
}
