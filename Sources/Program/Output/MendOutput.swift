internal import LinuxSystem
internal import Planning
internal import Registers
internal import Transfer
internal import VCPUModel

/// The report of `mend`.
struct MendOutput: Report {
    struct Change {
        var name: String
        var id: String
        var before: String?
        /// Absent when the register is taken out.
        var after: String?
        var pardon: PardonText?
        var rules: [String]?
    }

    let source: String
    /// True where nothing said where in the stream the vCPUs are; else absent.
    let foundBySearch: Bool?
    /// On the vCPUs of the stream.
    let notes: [String]?
    /// Absent where only rules were applied.
    let host: String?
    let policy: String
    let mend: StreamMend
    /// Whether anything was written.
    let isWritten: Bool
    /// Rules with which it could be mended; absent where nothing stood in the way.
    let proposal: [PolicyProposal.Rule]?
    /// What became of the result, and what to do next; for the text.
    let ending: PrintableText
    let values: ValueText

    func write(text output: ReportWriter) {
        let style = output.style
        let purpose = host.map { " for \($0)" } ?? ""
        output.write(style.bold("mend \(source)\(purpose)") + ": " + verdict(style) + "\n")
        output.write(style.notes(notes))
        let vectors = (mend.plans.first?.vcpus ?? []).compactMap(\.vectors)
        output.write(
            LoadPlanOutput.VectorText.line(of: vectors.map { LoadPlanOutput.VectorText($0) }) ?? "")
        output.write(
            MendText(mend.vcpus, values).text(style, isDone: mend.isSafe, isWritten: isWritten))
        output.write(failures + proposalText + ending)
    }

    func write(json: JSONWriter) {
        json.object {
            json.member("foundBySearch", foundBySearch)
            json.member("host", host)
            json.member("mended", mend.isSafe)
            json.member("notes", array: notes)
            json.member("plans", array: mend.plans) { write($0, json) }
            json.member("policy", policy)
            if let proposal { json.member("proposal", array: proposal) }
            json.member("source", source)
            json.member("vcpus", array: mend.vcpus) { write($0, json) }
            json.member("written", isWritten)
        }
    }

    /// What a QEMU version does with the result.
    private func write(_ plan: LoadPlan, _ json: JSONWriter) {
        json.object {
            json.member("output", array: plan.output)
            json.member("qemu", plan.version.description)
            json.member("verdict", plan.verdict.rawValue)
        }
    }

    private func write(_ vcpu: StreamMend.VCPU, _ json: JSONWriter) {
        json.object {
            json.member("altered", array: vcpu.altered) {
                LoadPlanOutput.Register($0, values).write(to: json)
            }
            json.member("changes", array: vcpu.changes) { Change($0, values).write(to: json) }
            json.member("index", vcpu.index)
            json.member("refusals", array: vcpu.refusals) {
                LoadPlanOutput.Register($0, values).write(to: json)
            }
        }
    }

    /// What QEMU prints; of several versions the newest that fails, which says most.
    private var failures: PrintableText {
        guard !mend.isSafe, let plan = mend.plans.last(where: { $0.verdict == .fails }) else {
            return ""
        }
        let lines = plan.output.map { PrintableText($0) }
        return "  as far as it could be changed, QEMU \(plan.version) prints\n\(lines.indented)"
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
        guard mend.isSafe else { return style.bad("not done") }
        let isChanged = !mend.changesNothing
        guard host != nil else {
            return style.good(isChanged ? "the rules are applied" : "no rule changes it")
        }
        return style.good(isChanged ? "it loads there" : "it loads there as it is")
    }
}

/// What a mend says of the vCPUs of a stream, all of them together.
private struct MendText {
    private var counts = FoldedCounts()
    private var refusals = SharedLines<RegisterLoad>()
    private var removed = SharedLines<StreamMend.Change>()
    private var replaced = SharedLines<StreamMend.Change>()
    private var altered = SharedLines<RegisterLoad>()

    init(_ vcpus: [StreamMend.VCPU], _ values: ValueText) {
        for vcpu in vcpus { add(vcpu, values) }
    }

    private mutating func add(_ vcpu: StreamMend.VCPU, _ values: ValueText) {
        for change in vcpu.changes {
            let subject = SharedSubject(register: change.id)
            func text() -> PrintableText { PrintableText(MendOutput.Change(change, values).text) }
            if change.after == nil {
                removed.add(change, about: subject, of: vcpu.index, text)
            } else {
                replaced.add(change, about: subject, of: vcpu.index, text)
            }
        }
        let count = vcpu.changes.count { $0.after == nil }
        counts.add(
            [Self.taken: count, Self.given: vcpu.changes.count - count], of: vcpu.index)
        refusals.add(vcpu.refusals, of: vcpu.index, values) { $0.mendText }
        altered.add(vcpu.altered, of: vcpu.index, values) { $0.text }
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

    private func list(_ title: PrintableText, _ lines: SharedLines<some Equatable>) -> PrintableText
    {
        .list(title, lines.texts(ofAll: counts.vcpus), count: lines.count)
    }
}

extension MendOutput.Change: JSONWritable {
    init(_ change: StreamMend.Change, _ values: ValueText) {
        name = change.id.name
        id = change.id.hex
        before = values.text(change.before, of: change.id)
        after = values.text(change.after, of: change.id)
        switch change.reason {
        case .pardoned(let pardon): self.pardon = PardonText(pardon)
        case .rules(let rules): self.rules = rules.map(\.description)
        }
    }

    func write(to json: JSONWriter) {
        json.object {
            json.member("after", after)
            json.member("before", before)
            json.member("id", id)
            json.member("name", name)
            json.member("pardon", pardon)
            json.member("rules", array: rules)
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
