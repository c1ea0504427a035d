internal import LinuxSystem
internal import Planning
internal import Registers
internal import Transfer
internal import VCPUModel

/// The report of `mend`.
struct MendOutput: Report {
    let source: String
    /// On the stream as it was.
    let remarks: StreamRemarks
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
        output.write(style.notes(remarks.notes))
        output.write(VectorLengths.line(of: mend.plans.first?.vcpus ?? []))
        output.write(
            MendText(mend.vcpus, values).text(style, isDone: mend.isSafe, isWritten: isWritten))
        output.write(failures + proposalText + ending)
    }

    var json: JSONObject {
        remarks.json + [
            "host": host, "mended": mend.isSafe,
            "plans": mend.plans.json { plan in
                [
                    "output": plan.output, "qemu": plan.version.description,
                    "verdict": plan.verdict.rawValue,
                ]
            },
            "policy": policy, "proposal": proposal, "source": source,
            "written": isWritten,
        ] + .units(mend.vcpus, { .vcpu($0.index) }) { $0.json(values) }
    }

    var status: ExitStatus { mend.isSafe ? .success : .finding }

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
            func text() -> PrintableText { PrintableText(change.line(values)) }
            if change.after == nil {
                removed.add(change, about: subject, of: .vcpu(vcpu.index), text)
            } else {
                replaced.add(change, about: subject, of: .vcpu(vcpu.index), text)
            }
        }
        let count = vcpu.changes.count { $0.after == nil }
        counts.add(
            [Self.taken: count, Self.given: vcpu.changes.count - count], of: .vcpu(vcpu.index))
        refusals.add(vcpu.refusals, of: .vcpu(vcpu.index)) {
            "\($0.fate.rawValue), \($0.line(values))"
        }
        altered.add(vcpu.altered, of: .vcpu(vcpu.index)) { $0.line(values) }
    }

    private static let taken = "taken out"
    private static let given = "given another value"

    func text(_ style: TextStyle, isDone: Bool, isWritten: Bool) -> PrintableText {
        let may = isDone ? "" : "may be "
        let would = isDone && !isWritten ? "would be " : may
        let lists = [
            list("may not be changed: the guest could notice", refusals),
            list("\(would)\(Self.taken)", removed), list("\(would)\(Self.given)", replaced),
            list("KVM alters these when QEMU loads them", altered),
        ]
        return counts.line([Self.taken, Self.given], style, before: may) + lists.joined()
    }

    private func list(_ title: PrintableText, _ lines: SharedLines<some Equatable>) -> PrintableText
    {
        .list(title, lines.texts(ofAll: counts.units), count: lines.count)
    }
}

extension StreamMend.VCPU {
    fileprivate func json(_ values: ValueText) -> JSONObject {
        [
            "altered": altered.json(values),
            "changes": changes.json(values),
            "refusals": refusals.json(values),
        ]
    }
}

extension StreamMend.Change: ValueHolder {
    func json(_ values: ValueText) -> JSONObject {
        values.register(
            id, ["after": after, "before": before],
            ["pardon": reason.pardon, "rules": reason.rules])
    }

    fileprivate func line(_ values: ValueText) -> String {
        let held = [before, after].compactMap { values.text($0, of: id) }
        let reason = reason.pardon?.text ?? reason.rules?.joined(separator: ", ") ?? ""
        return "\(id.title): \(held.joined(separator: " -> ")); \(reason)"
    }
}

extension StreamMend.Change.Reason {
    fileprivate var pardon: Pardon? {
        if case .pardoned(let pardon) = self { pardon } else { nil }
    }

    fileprivate var rules: [String]? {
        if case .rules(let rules) = self { rules.map(\.description) } else { nil }
    }
}
