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

/// What is said of a register, with what the guest would notice of it on any of its vCPUs.
struct NoticedStatement<Statement: RegisterStatement> {
    let statement: Statement
    /// Not on every vCPU the same where there is more than one.
    private(set) var notices: [GuestNotice]
    private(set) var hasMoreNotices = false

    /// How many notices of one register are told apart.
    private static var maximumNotices: Int { 3 }

    fileprivate init(_ statement: Statement) {
        self.statement = statement
        notices = [statement.guestNotice].compactMap(\.self).filter { !$0.isEmpty }
    }

    fileprivate mutating func addNotice(of other: Statement) {
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

/// What a report says of registers: each once under each heading, and registers that are alike together.
struct FoldedStatements<Section: Hashable, Statement: RegisterStatement> {
    struct Subject: Hashable {
        let section: Section
        let id: RegisterID
        let outcome: String
        let isPardoned: Bool
    }

    typealias Entry = Folded<Subject, NoticedStatement<Statement>>.Entry

    private var registers = Folded<Subject, NoticedStatement<Statement>>()

    mutating func add(_ statement: Statement, in section: Section, of vcpu: UInt32) {
        let subject = Subject(
            section: section, id: statement.id, outcome: statement.outcomeWord,
            isPardoned: statement.pardon != nil)
        registers.add(subject, of: vcpu, NoticedStatement(statement)) { entry in
            entry.differs =
                entry.differs || !entry.statement.statement.saysTheSame(as: statement)
            entry.statement.addNotice(of: statement)
        }
    }

    /// The registers under each heading: those that count first, then those that are pardoned, by id.
    var bySection: [Section: [Entry]] {
        Dictionary(grouping: registers.entries, by: \.subject.section).mapValues { members in
            members.sorted { left, right in
                let (left, right) = (left.subject, right.subject)
                return left.isPardoned == right.isPardoned ? left.id < right.id : right.isPardoned
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
    func text<Section, Statement>(
        of entries: [FoldedStatements<Section, Statement>.Entry]
    ) -> PrintableText {
        let groups = entries.grouped { entry in
            Kind(
                words: entry.statement.statement.kind,
                notices: entry.statement.notices.map(\.text).sorted(), vcpus: entry.vcpus)
        }
        return groups.map { group in
            let first = group[0]
            let statements = group.map(\.statement.statement)
            let notices = Self.notices(of: first.statement)
            guard group.count > 1 else {
                let line = first.line(alone(statements[0]), among: vcpus)
                return "    \(line)\n\(notices)"
            }
            let whose = first.vcpus.prefix(among: vcpus)
            return
                "    \(whose)\(together(statements))\n\(notices)\(Self.pardon(of: statements))"
        }.joined()
    }

    private struct Kind: Hashable {
        let words: [String?]
        let notices: [String]
        let vcpus: VCPUNumbers
    }

    private func alone(_ statement: some RegisterStatement) -> PrintableText {
        let isTold = isUnderOutcome || statement.pardon != nil
        return "\(isTold ? "" : statement.outcomeWord + ", ")\(statement.line(values))"
    }

    private func together(_ statements: [some RegisterStatement]) -> String {
        let first = statements[0]
        let isTold = isUnderOutcome && first.pardon == nil
        let names = SnapshotNote.shortened(statements.map(\.id.name))
        return (isTold ? "" : first.outcomeWord + ", ") + "\(statements.count): \(names)"
            + (first.reason.map { "; \($0)" } ?? "")
    }

    private static func notices<Statement>(
        of register: NoticedStatement<Statement>
    ) -> PrintableText {
        let word = register.notices.count > 1 ? "guest, by vCPU: " : "guest: "
        let more = register.hasMoreNotices ? ["and others"] : []
        guard !register.notices.isEmpty else { return "" }
        return
            "      \(word)\((register.notices.map(\.text) + more).joined(separator: " | "))\n"
    }

    private static func pardon(of statements: [some RegisterStatement]) -> PrintableText {
        guard let pardon = statements[0].pardon else { return "" }
        let proofs = Set(statements.compactMap(\.pardon?.proof))
        let each = proofs.count > 1 ? "each with its proof, such as: " : ""
        let proof = pardon.proof.map { ", \(each)\($0)" } ?? ""
        return "      pardoned by \(pardon.rule)\(proof)\n"
    }
}
