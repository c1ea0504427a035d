internal import Planning
internal import Registers
internal import Transfer
internal import VCPUModel

/// What a report says of one register of one vCPU.
protocol RegisterStatement {
    var id: RegisterID { get }
    /// What became of the register, in a word.
    var outcomeWord: String { get }
    /// Why; nil where the outcome, or a heading, says it all.
    var reason: String? { get }
    var pardon: Pardon? { get }
    /// What the guest would notice; nil where that is not told.
    var guestNotice: GuestNotice? { get }

    /// Whether it is known, without making it, that the notice is that of another.
    func hasNotice(of other: Self) -> Bool

    /// Whether all but the notice is the same: values, reasons, proofs.
    func saysTheSame(as other: Self) -> Bool

    /// The line of a register that stands alone.
    func line(_ values: ValueText) -> String
}

extension RegisterStatement {
    var guestNotice: GuestNotice? { nil }

    func hasNotice(of other: Self) -> Bool { true }

    /// What makes registers alike: all that is said of them but names, values and proofs.
    var kind: [String?] { [outcomeWord, reason, pardon?.rule, guestNotice?.text] }
}

/// A register under a heading, as it is on the first of its vCPUs.
struct FoldedStatement<Statement: RegisterStatement> {
    let statement: Statement
    fileprivate(set) var vcpus = VCPUNumbers()
    /// Whether something else is said on another of its vCPUs.
    fileprivate(set) var differs = false
    /// What the guest would notice; not on every vCPU the same where there is more than one.
    fileprivate(set) var notices: [GuestNotice]
    fileprivate(set) var hasMoreNotices = false

    /// How many notices of one register are told apart.
    private static var maximumNotices: Int { 3 }

    fileprivate init(_ statement: Statement) {
        self.statement = statement
        notices = [statement.guestNotice].compactMap(\.self).filter { !$0.isEmpty }
    }

    fileprivate mutating func merge(_ other: Statement) {
        if !differs, !statement.saysTheSame(as: other) { differs = true }
        guard !hasMoreNotices, !other.hasNotice(of: statement), let notice = other.guestNotice,
            !notice.isEmpty,
            !notices.contains(notice)
        else { return }
        if notices.count < Self.maximumNotices {
            notices.append(notice)
        } else {
            hasMoreNotices = true
        }
    }
}

/// What a report says of the registers of all vCPUs of a guest: each register once under each heading, with
/// the vCPUs of which it is said, and registers that are alike together.
///
/// So a report grows with the registers of a vCPU and not with the vCPUs.
struct FoldedStatements<Section: Hashable, Statement: RegisterStatement> {
    private struct Key: Hashable {
        var section: Section
        var id: RegisterID
        var outcome: String
        var isPardoned: Bool
    }

    private var places: [Key: Int] = [:]
    private var entries: [(section: Section, entry: FoldedStatement<Statement>)] = []

    mutating func add(_ statement: Statement, in section: Section, of vcpu: UInt32) {
        let key = Key(
            section: section, id: statement.id, outcome: statement.outcomeWord,
            isPardoned: statement.pardon != nil)
        let place = places[key] ?? entries.count
        if place == entries.count {
            places[key] = place
            entries.append((section, FoldedStatement(statement)))
        } else {
            entries[place].entry.merge(statement)
        }
        entries[place].entry.vcpus.append(vcpu)
    }

    /// The registers under each heading: those that count first, then those that are pardoned, by id.
    var bySection: [Section: [FoldedStatement<Statement>]] {
        Dictionary(grouping: entries, by: \.section).mapValues { members in
            members.map(\.entry).sorted { left, right in
                let isLater = (left.statement.pardon != nil, right.statement.pardon != nil)
                return isLater.0 == isLater.1
                    ? left.statement.id < right.statement.id : isLater.1
            }
        }
    }
}

// MARK: - Lines

/// How the lines of a folded report are written.
struct FoldedLines {
    let values: ValueText
    /// All vCPUs of the guest; what is said of fewer says of which.
    let vcpus: VCPUNumbers
    /// Whether the heading tells the outcome already.
    let isUnderOutcome: Bool

    /// Lines of the registers under one heading, those together of which the same is to be said.
    func text<Statement>(of entries: [FoldedStatement<Statement>]) -> PrintableText {
        var places: [Kind: Int] = [:]
        var groups: [[FoldedStatement<Statement>]] = []
        for entry in entries {
            let kind = Kind(
                words: entry.statement.kind, notices: entry.notices.map(\.text).sorted(),
                vcpus: entry.vcpus)
            if let place = places[kind] {
                groups[place].append(entry)
            } else {
                places[kind] = groups.count
                groups.append([entry])
            }
        }
        return groups.map { lines(of: $0) }.joined()
    }

    private struct Kind: Hashable {
        var words: [String?]
        var notices: [String]
        var vcpus: VCPUNumbers
    }

    private func lines<Statement>(of group: [FoldedStatement<Statement>]) -> PrintableText {
        let first = group[0]
        let whose = first.vcpus.prefix(among: vcpus)
        let head = group.count == 1 ? alone(first) : together(group)
        let pardon: PrintableText = group.count == 1 ? "" : pardon(of: group)
        return "    \(whose)\(head)\n\(notices(of: first))\(pardon)"
    }

    private func alone<Statement>(_ entry: FoldedStatement<Statement>) -> String {
        let statement = entry.statement
        let isTold = isUnderOutcome || statement.pardon != nil
        return (isTold ? "" : statement.outcomeWord + ", ") + statement.line(values)
            + (entry.differs ? VCPUNumbers.differing : "")
    }

    private func together<Statement>(_ group: [FoldedStatement<Statement>]) -> String {
        let first = group[0].statement
        let isTold = isUnderOutcome && first.pardon == nil
        let names = SnapshotNote.shortened(group.map(\.statement.id.name))
        return (isTold ? "" : first.outcomeWord + ", ") + "\(group.count): \(names)"
            + (first.reason.map { "; \($0)" } ?? "")
    }

    private func notices<Statement>(of entry: FoldedStatement<Statement>) -> PrintableText {
        let word = entry.notices.count > 1 ? "guest, by vCPU: " : "guest: "
        let more = entry.hasMoreNotices ? ["and others"] : []
        guard !entry.notices.isEmpty else { return "" }
        return "      \(word)\((entry.notices.map(\.text) + more).joined(separator: " | "))\n"
    }

    private func pardon<Statement>(of group: [FoldedStatement<Statement>]) -> PrintableText {
        guard let pardon = group[0].statement.pardon else { return "" }
        let proofs = Set(group.compactMap(\.statement.pardon?.proof))
        let each = proofs.count > 1 ? "each with its proof, such as: " : ""
        let proof = pardon.proof.map { ", \(each)\($0)" } ?? ""
        return "      pardoned by \(pardon.rule)\(proof)\n"
    }
}
