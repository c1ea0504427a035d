internal import LinuxSystem
internal import Machines
internal import Planning
internal import Registers
internal import Reports
internal import Transfer
internal import VCPUModel

/// The report of `mend`.
struct MendOutput: Report {
    let source: String
    /// On the stream as it was.
    let remarks: StreamRemarks
    /// Absent where only rules were applied.
    let host: String?
    /// How QEMU has to be started there; absent where with `-cpu host`.
    let cpu: String?
    /// The QEMU whose subsections the result has; absent where none was named.
    let target: QEMUVersion?
    let policy: String
    let result: MendResult
    /// Where the mended stream was to go.
    let place: StreamOutput
    /// The file of the rules that would let it load, where there are such; nil where they were not to be written.
    let writtenRules: String?
    let values: ValueText

    private var mend: StreamMend { result.mend }

    /// Whether anything was written.
    private var isWritten: Bool { mend.isSafe && place != .nowhere }

    /// Rules with which it could be mended; absent where nothing stood in the way.
    private var proposal: [PolicyProposal.Rule]? { result.proposal?.proposed }

    func write(text output: ReportWriter) {
        let style = output.style
        let place = host ?? mend.plans.first?.host ?? target.map { "QEMU \($0)" }
        let purpose = (place.map { " for \($0)" } ?? "") + (cpu.map { " with \($0)" } ?? "")
        output.write(style.bold("mend \(source)\(purpose)") + ": " + verdict(style) + "\n")
        output.write(style.notes(remarks.notes))
        output.write(mend.blockerLines)
        output.write(VectorLengths.line(of: mend.plans.first?.vcpus ?? []))
        output.write(changes(style))
        output.write(failures + proposalText + ending)
    }

    /// What became of the result, and what to do next.
    private var ending: PrintableText {
        switch result.nextStep {
        case nil: return mend.isSafe ? whatWasWritten : ""
        case .nameCPU:
            return whatWasWritten
                + "  next: give --tcg CPU, or --to and a stream of the destination, and the lists are compared, too\n"
        case .remedies(let remedies):
            return remedies.map { "  next: \($0.text)\n" }.joined()
        case .otherHost:
            return "  next: no rule lets it load there: choose another host (vcpusnap matrix)\n"
        case .decide:
            guard let writtenRules else {
                return
                    "  next: put the rules whose registers the guest can do without into a policy, and mend with "
                    + "--policy FILE\n"
            }
            return
                "  next: read \(writtenRules), delete the rules whose registers the guest needs, and mend "
                + "with --policy \(writtenRules)\n"
        }
    }

    private var whatWasWritten: PrintableText {
        switch place {
        case .nowhere: "  nothing was written: this was a dry run\n"
        case .inPlace where mend.changesNothing:
            "  nothing had to change, and nothing was written\n"
        case .inPlace: "  changed in place; vcpusnap unmend \(FileName.word(source)) restores it\n"
        case .copy(let copy): copy == .standardStream ? "  written to standard output\n" : ""
        }
    }

    /// What the command has changed by now, for an error that comes after it.
    var change: String? {
        guard mend.isSafe else { return nil }
        switch place {
        case .copy(let copy): return copy.writtenBefore
        case .inPlace where !mend.changesNothing:
            return "\(source) was changed before that, and vcpusnap unmend restores it"
        case .inPlace, .nowhere: return nil
        }
    }

    private func changes(_ style: TextStyle) -> PrintableText {
        var lines = MendLines(values: values)
        for vcpu in mend.vcpus { lines.add(vcpu) }
        let may = mend.isSafe ? "" : "may be "
        return lines.text(style, may: may, would: mend.isSafe && !isWritten ? "would be " : may)
    }

    var json: JSONObject {
        remarks.json + [
            "blockers": mend.blockers.list(by: mend.toldVersion), "cpu": cpu, "host": host,
            "listCompared": result.isListCompared ? nil : false,
            "mended": mend.isSafe,
            "plans": mend.plans.json { plan in
                [
                    "output": plan.output, "qemu": plan.version.description,
                    "verdict": plan.verdict.rawValue,
                ]
            },
            "policy": policy, "proposal": proposal?.json(values), "source": source,
            "written": isWritten,
        ] + .units(mend.vcpus, { .vcpu($0.index) }) { $0.json(values) }
    }

    var status: ExitStatus { mend.isSafe && result.isListCompared ? .success : .finding }

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
        let lines = PolicyProposal.lines(proposal, values).map { PrintableText($0) }
        return """
              these rules would let it load, if the guest can do without (--write-policy FILE writes them)
            \(lines.indented)
            """
    }

    private func verdict(_ style: TextStyle) -> PrintableText {
        guard mend.isSafe else { return style.bad("not done") }
        let isChanged = !mend.changesNothing
        if let target, !result.isListCompared {
            return style.bad(
                "QEMU \(target) knows its subsections; its list of registers was not compared")
        }
        if let target, mend.plans.isEmpty {
            return style.good(
                "QEMU \(target) knows everything in it" + (isChanged ? "" : ", unchanged"))
        }
        guard host != nil || !mend.plans.isEmpty else {
            return style.good(isChanged ? "the rules are applied" : "no rule changes it")
        }
        return style.good(isChanged ? "it loads there" : "it loads there as it is")
    }
}

/// What is done to the vCPUs of a stream: those to which the same is done stand together.
private struct MendLines {
    static let taken = "taken out"
    static let given = "given another value"
    static let added = "added"

    let values: ValueText
    private var counts = FoldedCounts()
    private var refusals = SharedLines<RegisterLoad>()
    private var altered = SharedLines<RegisterLoad>()
    private var removed = SharedLines<StreamMend.Change>()
    private var replaced = SharedLines<StreamMend.Change>()
    private var added = SharedLines<StreamMend.Change>()
    private var subsections = SubsectionLines()
    private var pardoned = PardonedNames()

    init(values: ValueText) {
        self.values = values
    }

    mutating func add(_ vcpu: StreamMend.VCPUChanges) {
        let unit = UnitID.vcpu(vcpu.index)
        let out = vcpu.changes.filter(\.isRemoval)
        let new = vcpu.changes.filter(\.isAddition)
        let other = vcpu.changes.filter { !$0.isRemoval && !$0.isAddition }
        removed.add(told(of: out), of: unit, values)
        replaced.add(told(of: other), of: unit, values)
        added.add(told(of: new), of: unit, values)
        subsections.add(vcpu)
        if !values.isVerbose {
            for change in vcpu.changes { pardoned.add(change) }
            pardoned.add(vcpu.altered)
        }
        let numbers = [Self.taken: out.count, Self.given: other.count]
        counts.add(
            new.isEmpty ? numbers : numbers.merging([Self.added: new.count]) { $1 }, of: unit)
        refusals.add(vcpu.refusals, of: unit) { "\($0.fate.rawValue), \($0.line(values))" }
        let altering = vcpu.altered.filter { values.isVerbose || $0.pardon == nil }
        altered.add(altering, of: unit) { $0.line(values) }
    }

    /// What is pardoned is told in short.
    private func told(of changes: [StreamMend.Change]) -> [StreamMend.Change] {
        values.isVerbose ? changes : changes.filter { $0.reason.pardon == nil }
    }

    func text(_ style: TextStyle, may: String, would: String) -> PrintableText {
        let all = counts.units
        return [
            counts.line([Self.taken, Self.given, Self.added], style, before: may),
            subsections.refused.list("the destination does not know these subsections", ofAll: all),
            refusals.list("may not be changed: the guest could notice", ofAll: all),
            removed.list("\(would)\(Self.taken)", ofAll: all),
            replaced.list("\(would)\(Self.given)", ofAll: all),
            added.list("\(would)\(Self.added)", ofAll: all),
            subsections.leftOut.list("\(would)\(Self.taken): subsections", ofAll: all),
            altered.list("KVM alters these when QEMU loads them", ofAll: all),
            pardoned.text,
        ].joined()
    }
}

extension StreamMend.VCPUChanges {
    fileprivate func json(_ values: ValueText) -> JSONObject {
        [
            "altered": altered.json(values), "changes": changes.json(values),
            "leftOut": leftOut.isEmpty ? nil : leftOut,
            "refusals": refusals.json(values),
            "unknownSubsections": unknownSubsections.isEmpty ? nil : unknownSubsections,
        ]
    }
}

extension PardonedNames {
    fileprivate mutating func add(_ change: StreamMend.Change) {
        guard let rule = change.reason.pardon?.rule else { return }
        let word =
            change.isRemoval
            ? MendLines.taken : change.isAddition ? MendLines.added : MendLines.given
        add(change.id, word, by: rule)
    }
}

extension SharedLines<StreamMend.Change> {
    fileprivate mutating func add(
        _ changes: [StreamMend.Change], of unit: UnitID, _ values: ValueText
    ) {
        for change in changes {
            add(change, about: SharedSubject(register: change.id), of: unit) {
                PrintableText(change.line(values))
            }
        }
    }
}

extension StreamMend.Change: ValueHolder {
    fileprivate var isRemoval: Bool { after == nil }
    fileprivate var isAddition: Bool { before == nil }

    func json(_ values: ValueText) -> JSONObject {
        values.register(
            id, ["after": after, "before": before],
            [
                "pardon": reason.pardon, "reason": reason.text.isEmpty ? nil : reason.text,
                "rules": reason.rules,
            ])
    }

    fileprivate func line(_ values: ValueText) -> String {
        let held = [before, after].compactMap { values.text($0, of: id) }
        let reason = reason.pardon?.text ?? reason.rules?.joined(separator: ", ") ?? reason.text
        return "\(values.title(of: id)): \(held.joined(separator: " -> ")); \(reason)"
    }
}

/// What is said of subsections.
private struct SubsectionLines {
    var leftOut = SharedLines<StreamMend.UnknownSubsection>()
    var refused = SharedLines<StreamMend.UnknownSubsection>()

    mutating func add(_ vcpu: StreamMend.VCPUChanges) {
        let unit = UnitID.vcpu(vcpu.index)
        for part in vcpu.leftOut {
            leftOut.add(part, about: SharedSubject(words: part.name), of: unit) {
                "\(part.name): \(part.text), and without it the guest is the same"
            }
        }
        for part in vcpu.unknownSubsections {
            refused.add(part, about: SharedSubject(words: part.name), of: unit) {
                "\(part.name): \(part.text), which the guest would lose: \(part.nextStep)"
            }
        }
    }
}

extension StreamMend.UnknownSubsection: JSONConvertible {
    /// The bytes of its fields, in the order of the stream.
    fileprivate var text: String {
        value.prefix(Self.shownBytes).hexadecimal + (value.count > Self.shownBytes ? " ..." : "")
    }

    /// A longer one is cut.
    private static let shownBytes = 16

    fileprivate var nextStep: String {
        let newer = firstVersion.map { ", or load it in QEMU \($0) or newer" } ?? ""
        return "save it again at another moment" + newer
    }

    var json: JSONObject { ["name": name, "value": text] }
}

extension StreamMend.Change.Reason {
    /// Why it was changed without a policy; empty where by one.
    fileprivate var text: String {
        switch self {
        case .asAtReset: "the guest has not changed it since reset"
        case .unset: "the destination's own value, which QEMU would not set"
        case .pardoned, .rules: ""
        }
    }

    fileprivate var pardon: Pardon? {
        if case .pardoned(let pardon) = self { pardon } else { nil }
    }

    fileprivate var rules: [String]? {
        if case .rules(let rules) = self { rules.map(\.description) } else { nil }
    }
}

extension PolicyProposal.Rule: ValueHolder {
    func json(_ values: ValueText) -> JSONObject {
        ["comment": comment(values), "rule": rule.description]
    }
}

extension StreamMend {
    /// The version whose blockers are told.
    fileprivate var toldVersion: QEMUVersion { version ?? .newest }

    /// A line for each blocker.
    var blockerLines: PrintableText { blockers.lines(by: toldVersion) }
}
