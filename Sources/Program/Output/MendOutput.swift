internal import LinuxSystem
internal import Policy
internal import QEMULoad
internal import Registers
internal import VCPUModel

/// The report of `mend`.
struct MendOutput: WholeReport {
    struct VCPU: Encodable {
        var index: UInt32
        var changes: [Change]
        /// What may not be changed, and would not load.
        var refusals: [LoadPlanOutput.Register]
        /// What loads, and KVM alters.
        var altered: [LoadPlanOutput.Register]
    }

    struct Change: Encodable {
        var name: String
        var id: String
        var before: String?
        /// Absent when the register is taken out.
        var after: String?
        var pardon: PardonText?
        var rules: [String]?
    }

    /// What a QEMU version does with the result.
    struct Plan: Encodable {
        var qemu: String
        var verdict: String
        var output: [String]
    }

    var source: String
    /// True where nothing said where in the stream the vCPUs are; else absent.
    var foundBySearch: Bool?
    /// On the vCPUs of the stream.
    var notes: [String]?
    /// Absent where only rules were applied.
    var host: String?
    var policy: String
    /// Whether nothing stood in the way.
    var mended: Bool
    /// Whether anything was written.
    var written: Bool
    var vcpus: [VCPU]
    var plans: [Plan]
    /// Rules with which it could be mended; absent where nothing stood in the way.
    var proposal: [PolicyProposal.Rule]?
    /// What became of the result, and what to do next; for the text.
    var ending: PrintableText = ""
    /// Of guests with SVE.
    private var vectors: [LoadPlanOutput.VectorText]

    private enum CodingKeys: CodingKey {
        case source, host, policy, mended, written, vcpus, plans, proposal, foundBySearch, notes
    }

    init(
        source: String, host: String?, policy: String, mend: StreamMend, isWritten: Bool,
        values: ValueText
    ) {
        self.source = source
        self.host = host
        self.policy = policy
        mended = mend.isSafe
        written = isWritten
        vcpus = mend.vcpus.map { VCPU($0, values) }
        vectors = (mend.plans.first?.vcpus ?? []).compactMap(\.vectors).map {
            LoadPlanOutput.VectorText($0)
        }
        plans = mend.plans.map {
            Plan(qemu: "\($0.version)", verdict: $0.verdict.rawValue, output: $0.output)
        }
    }

    func text(_ style: TextStyle) -> PrintableText {
        let purpose = host.map { " for \($0)" } ?? ""
        return [
            style.bold("mend \(source)\(purpose)"), ": ", verdict(style), "\n", style.notes(notes),
            LoadPlanOutput.VectorText.line(of: vectors) ?? "",
            MendText(vcpus).text(style, isDone: mended, isWritten: written),
            failures, proposalText, ending,
        ].joined()
    }

    /// What QEMU prints; of several versions the newest that fails, which says most.
    private var failures: PrintableText {
        let failing = mended ? [] : plans.filter { $0.verdict == "fails" }
        return failing.last?.text ?? ""
    }

    private var proposalText: PrintableText {
        guard let proposal, !proposal.isEmpty else { return "" }
        let lines = PolicyProposal.lines(proposal).map { PrintableText($0) }
        return """
              these rules would let it load, if the guest can do without (--write-policy FILE writes them)
            \(lines.indented)
            """
    }

    private func verdict(_ style: TextStyle) -> PrintableText {
        guard mended else { return style.bad("not done") }
        let isChanged = vcpus.contains { !$0.changes.isEmpty }
        guard host != nil else {
            return style.good(isChanged ? "the rules are applied" : "no rule changes it")
        }
        return style.good(isChanged ? "it loads there" : "it loads there as it is")
    }
}

extension MendOutput.Plan {
    var text: PrintableText {
        let lines = output.map { PrintableText($0) }
        return "  as far as it could be changed, QEMU \(qemu) prints\n\(lines.indented)"
    }
}

extension MendOutput.VCPU {
    init(_ mend: StreamMend.VCPU, _ values: ValueText) {
        index = mend.index
        changes = mend.changes.map { MendOutput.Change($0, values) }
        refusals = mend.refusals.map { LoadPlanOutput.Register($0, values) }
        altered = mend.altered.map { LoadPlanOutput.Register($0, values) }
    }
}

/// What a mend says of the vCPUs of a stream, all of them together.
private struct MendText {
    private var counts = FoldedCounts()
    private var refusals = SharedLines()
    private var removed = SharedLines()
    private var replaced = SharedLines()
    private var altered = SharedLines()

    init(_ vcpus: [MendOutput.VCPU]) {
        for vcpu in vcpus { add(vcpu) }
    }

    private mutating func add(_ vcpu: MendOutput.VCPU) {
        for change in vcpu.changes {
            let text = PrintableText(change.text)
            if change.after == nil {
                removed.add(text, about: change.id, of: vcpu.index)
            } else {
                replaced.add(text, about: change.id, of: vcpu.index)
            }
        }
        let count = vcpu.changes.count { $0.after == nil }
        counts.add(
            [Self.taken: count, Self.given: vcpu.changes.count - count], of: vcpu.index)
        refusals.add(vcpu.refusals, of: vcpu.index) { $0.mendText }
        altered.add(vcpu.altered, of: vcpu.index) { $0.text }
    }

    private static let taken = "taken out"
    private static let given = "given another value"

    func text(_ style: TextStyle, isDone: Bool, isWritten: Bool) -> PrintableText {
        guard counts.vcpus.count > 0 else { return "" }
        let may = isDone ? "" : "may be "
        let would = isDone && !isWritten ? "would be " : may
        let title = style.bold("\(counts.vcpus.title)")
        let lists = [
            list("may not be changed: the guest could notice", refusals),
            list("\(would)\(Self.taken)", removed), list("\(would)\(Self.given)", replaced),
            list("KVM alters these when QEMU loads them", altered),
        ]
        return
            "\(title): \(counts.text([Self.taken, Self.given], before: may))\n\(lists.joined())"
    }

    private func list(_ title: PrintableText, _ lines: SharedLines) -> PrintableText {
        .list(title, lines.texts(ofAll: counts.vcpus), count: lines.count)
    }
}

extension MendOutput.Change {
    init(_ change: StreamMend.Change, _ values: ValueText) {
        name = change.id.name
        id = change.id.number
        before = values.text(change.before, of: change.id)
        after = values.text(change.after, of: change.id)
        switch change.reason {
        case .pardoned(let pardon): self.pardon = PardonText(pardon)
        case .rules(let rules): self.rules = rules.map(\.description)
        }
    }

    var text: String {
        let values = [before, after].compactMap(\.self).joined(separator: " -> ")
        let reason = pardon?.text ?? rules?.joined(separator: ", ") ?? ""
        return "\(name) (\(id)): \(values); \(reason)"
    }
}

extension LoadPlanOutput.Register {
    /// With what would happen to it.
    fileprivate var mendText: String { fate + ", " + text }
}
