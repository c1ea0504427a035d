internal import Planning
internal import Registers
internal import Transfer
internal import VCPUModel

/// What a report says of a register: what happened on the first of its units, and what the guest would notice on
/// any of them.
struct FoldedRegister {
    let restore: RegisterRestore
    /// Where it is told what the guest would notice.
    let loss: PlannedLoss?
    /// Not on every vCPU the same where there is more than one.
    private(set) var notices: [GuestImpact]
    private(set) var hasMoreNotices = false

    /// How many notices of one register are told apart.
    private static let maximumNotices = 3

    fileprivate init(_ restore: RegisterRestore, _ loss: PlannedLoss?) {
        self.restore = restore
        self.loss = loss
        notices = [loss?.notice].compactMap(\.self).filter { !$0.isEmpty }
    }

    fileprivate mutating func addNotice(of other: PlannedLoss?) {
        guard !hasMoreNotices, let loss, let other, !other.hasNotice(of: loss) else { return }
        let notice = other.notice
        guard !notice.isEmpty, !notices.contains(notice) else { return }
        if notices.count < Self.maximumNotices {
            notices.append(notice)
        } else {
            hasMoreNotices = true
        }
    }
}

extension RegisterRestore {
    fileprivate func saysTheSame(as other: RegisterRestore) -> Bool {
        outcome == other.outcome && wanted == other.wanted && found == other.found
            && hasReason(of: other) && overrides == other.overrides && pardon == other.pardon
    }

    /// What makes registers alike: all that is said of them but names, values and proofs.
    var kind: [String?] { [outcome.name, reason, pardon?.rule] }
}

/// What a report says of registers: each once under each heading, and registers that are alike together.
struct FoldedRegisters<Section: Hashable> {
    struct Subject: Hashable {
        let section: Section
        let id: RegisterID
        let outcome: String
        let isPardoned: Bool
    }

    typealias Entry = Folded<Subject, FoldedRegister>.Entry

    private var registers = Folded<Subject, FoldedRegister>()

    mutating func add(
        _ restore: RegisterRestore, _ loss: PlannedLoss? = nil, in section: Section,
        of unit: UnitID
    ) {
        let subject = Subject(
            section: section, id: restore.id, outcome: restore.outcome.name,
            isPardoned: restore.pardon != nil)
        registers.add(subject, of: unit, FoldedRegister(restore, loss)) { entry in
            entry.differs = entry.differs || !entry.statement.restore.saysTheSame(as: restore)
            entry.statement.addNotice(of: loss)
        }
    }

    /// The registers under each heading that count, by id.
    var bySection: [Section: [Entry]] {
        let counting = registers.entries.filter { !$0.subject.isPardoned }
        return Dictionary(grouping: counting, by: \.subject.section).mapValues { members in
            members.sorted { $0.subject.id < $1.subject.id }
        }
    }

    /// Those that the policy pardons, by id.
    var pardoned: [Entry] {
        registers.entries.filter(\.subject.isPardoned).sorted { $0.subject.id < $1.subject.id }
    }
}

// MARK: - Lines

/// How the lines of a folded report are written.
struct FoldedLines {
    let values: ValueText
    /// All units of the guest; what is said of fewer says of which.
    let units: UnitNumbers

    /// Lines of the registers under one heading, those together of which the same is to be said.
    /// - Parameter isUnderOutcome: whether the heading tells the outcome already.
    func text<Section>(
        of entries: [FoldedRegisters<Section>.Entry], isUnderOutcome: Bool
    ) -> PrintableText {
        let groups = entries.grouped { entry in
            let register = entry.statement
            return Kind(
                words: register.restore.kind + [register.loss?.notice.text],
                notices: register.notices.map(\.text).sorted(), units: entry.units)
        }
        return groups.map { group in
            let first = group[0]
            let registers = group.map(\.statement.restore)
            let notices = Self.notices(of: first.statement)
            // The line of one that is pardoned has it among its facts.
            let isTold = registers[0].pardon == nil ? isUnderOutcome : group.count == 1
            let outcome = isTold ? "" : registers[0].outcome.name + ", "
            guard group.count > 1 else {
                let line = first.line("\(outcome)\(registers[0].line(values))", among: units)
                return "    \(line)\n\(notices)"
            }
            let whose = first.units.prefix(among: units)
            let facts = Self.facts(of: registers)
            return "    \(whose)\(outcome)\(facts)\n\(notices)\(Self.pardon(of: registers))"
        }.joined()
    }

    /// What is pardoned, under a heading of its own: by which rule, unless everything is told.
    func text<Section>(pardoned entries: [FoldedRegisters<Section>.Entry]) -> PrintableText {
        guard !entries.isEmpty else { return "" }
        guard !values.isVerbose else {
            return "  pardoned by the policy (\(entries.count))\n"
                + text(of: entries, isUnderOutcome: false)
        }
        var names = PardonedNames()
        for entry in entries {
            let rule = entry.statement.restore.pardon?.rule ?? ""
            names.add(entry.subject.id, entry.subject.outcome, by: rule)
        }
        return names.text
    }

    private struct Kind: Hashable {
        let words: [String?]
        let notices: [String]
        let units: UnitNumbers
    }

    private static func facts(of registers: [RegisterRestore]) -> String {
        let names = RegisterID.folded(registers.map(\.id.name))
        return "\(registers.count): \(names)" + (registers[0].reason.map { "; \($0)" } ?? "")
    }

    private static func notices(of register: FoldedRegister) -> PrintableText {
        let word = register.notices.count > 1 ? "guest, by vCPU: " : "guest: "
        let more = register.hasMoreNotices ? ["and others"] : []
        guard !register.notices.isEmpty else { return "" }
        return
            "      \(word)\((register.notices.map(\.text) + more).joined(separator: " | "))\n"
    }

    private static func pardon(of registers: [RegisterRestore]) -> PrintableText {
        guard let pardon = registers[0].pardon else { return "" }
        let byProof = Dictionary(grouping: registers) { $0.pardon?.proof ?? "" }
        guard byProof.count > 1 else {
            return "      pardoned by \(pardon.rule)\(pardon.proof.map { ", \($0)" } ?? "")\n"
        }
        let groups = byProof.sorted { $0.value[0].id < $1.value[0].id }
        return groups.map { proof, own -> PrintableText in
            "      pardoned by \(pardon.rule), \(RegisterID.folded(own.map(\.id.name))): \(proof)\n"
        }.joined()
    }
}
