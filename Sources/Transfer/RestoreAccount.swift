internal import LinuxSystem
internal import Policy
internal import Registers
public import VCPUModel

/// The reports of a restore, each made when it is asked for.
///
/// A VM can have thousands of vCPUs of thousands of registers, and a report says a lot of each. What is
/// kept is what happened; of vCPUs that were saved the same and fared the same, only the differences.
public struct RestoreAccount: Sendable {
    private enum Entry: Sendable {
        case own(VCPUAccount)
        /// As the vCPU at `base`, but for some registers, by their places.
        case like(
            base: Int, index: UInt32, changes: [(place: Int, attempt: RestoreAttempt)],
            undo: [RegisterUndo]?)
    }

    private var options: Restore.Options
    private var entries: [Entry] = []
    /// The last entry that stands for itself.
    private var base: Int?

    init(_ options: Restore.Options) {
        self.options = options
    }

    mutating func append(_ account: VCPUAccount) {
        guard let base, case .own(let other) = entries[base],
            let places = account.differences(from: other)
        else {
            self.base = entries.count
            entries.append(.own(account))
            return
        }
        entries.append(
            .like(
                base: base, index: account.index,
                changes: places.map { ($0, account.attempts[$0]) }, undo: account.undo))
    }

    mutating func setUndo(_ undo: [RegisterUndo], at position: Int) {
        switch entries[position] {
        case .own(var account):
            account.undo = undo
            entries[position] = .own(account)
        case .like(let base, let index, let changes, _):
            entries[position] = .like(base: base, index: index, changes: changes, undo: undo)
        }
    }

    /// The same reports without reasons in words, for who only counts.
    public var unexplained: RestoreAccount {
        var account = self
        account.options.explains = false
        return account
    }

    /// Whether nothing was lost on any vCPU that the policy does not pardon.
    public var isComplete: Bool { unexplained.allSatisfy(\.isComplete) }

    /// Whether a strict restore lost something, and put back what it had written.
    public var isUndone: Bool {
        entries.contains { entry in
            switch entry {
            case .own(let account): account.undo != nil
            case .like(_, _, _, let undo): undo != nil
            }
        }
    }

    /// The registers of a vCPU as they were saved.
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

    public subscript(position: Int) -> RestoreReport {
        var iterator = makeIterator(from: position)
        guard let report = iterator.next() else { preconditionFailure("no such vCPU") }
        return report
    }

    public func makeIterator() -> Iterator { makeIterator(from: 0) }

    private func makeIterator(from position: Int) -> Iterator {
        Iterator(account: self, position: position)
    }

    /// Goes through the reports in order, and judges anew only what is not as on an earlier vCPU.
    public struct Iterator: IteratorProtocol {
        fileprivate let account: RestoreAccount
        fileprivate var position: Int
        private var base: (position: Int, account: VCPUAccount, report: RestoreReport)?

        fileprivate init(account: RestoreAccount, position: Int) {
            self.account = account
            self.position = position
        }

        public mutating func next() -> RestoreReport? {
            guard position < account.entries.count else { return nil }
            defer { position += 1 }
            guard case .like(let base, let index, let changes, let undo) = account.entries[position]
            else { return report(ofBase: position)?.report }
            guard var (own, report) = report(ofBase: base) else { return nil }
            report.vcpu = index
            report.undo = undo
            for (place, attempt) in changes { own.attempts[place] = attempt }
            for (place, _) in changes {
                report.replace(own.judge(place, account.options))
            }
            return report
        }

        private mutating func report(
            ofBase position: Int
        ) -> (account: VCPUAccount, report: RestoreReport)? {
            if let base, base.position == position { return (base.account, base.report) }
            guard case .own(let own) = account.entries[position] else { return nil }
            let report = own.report(account.options)
            base = (position, own, report)
            return (own, report)
        }
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
