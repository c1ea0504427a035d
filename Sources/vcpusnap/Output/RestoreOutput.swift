internal import LinuxSystem
internal import Policy
internal import Registers
internal import Transfer
internal import VCPUModel

/// The report of `restore`.
struct RestoreOutput: Report {
    struct VCPU: Encodable {
        var index: UInt32
        var complete: Bool
        var counts: [String: Int]
        var registers: [Register]
        var undone: Bool?
        var undo: [Undo]?
    }

    /// A register that `--strict` put back.
    struct Undo: Encodable {
        var name: String
        var id: String
        var before: String?
        var found: String?
        var undone: Bool
    }

    struct Register: Encodable {
        var name: String
        var id: String
        var outcome: String
        var wanted: String?
        var before: String?
        var found: String?
        var lostBits: String?
        var errno: String?
        var reason: String?
        var overrides: [String]?
        var pardon: PardonText?
    }

    var source: String
    var target: String
    var dryRun: Bool
    var policy: String
    var complete: Bool
    var counter: CounterText?
    var vcpus: [VCPU]
    /// Whether the text has a line for each register that only the target has.
    var listsDestinationOnly = true

    private enum CodingKeys: CodingKey {
        case source, target, dryRun, policy, complete, counter, vcpus
    }

    init(
        source: String, target: String, dryRun: Bool, policy: String, reports: [RestoreReport],
        counter: CounterMismatch?, values: ValueText
    ) {
        self.counter = counter.map(CounterText.init)
        self.policy = policy
        self.source = source
        self.target = target
        self.dryRun = dryRun
        complete = reports.allSatisfy(\.isComplete) && !(counter?.isLoss ?? false)
        vcpus = reports.map { VCPU($0, values) }
    }

    func text(_ style: TextStyle) -> String {
        let verb = dryRun ? "dry run" : "restore"
        let head = style.bold("\(verb) of \(source) into \(target)") + "\n"
        let unlisted = VCPU.unlisted.union(listsDestinationOnly ? [] : ["not-in-snapshot"])
        return head + (counter?.line ?? "")
            + vcpus.map { $0.text(style, without: unlisted) }.joined()
    }
}

extension RestoreOutput.VCPU {
    init(_ report: RestoreReport, _ values: ValueText) {
        index = report.vcpu
        complete = report.isComplete
        counts = report.counts
        registers = report.registers.map { RestoreOutput.Register($0, values) }
        undone = report.undo.map { $0.allSatisfy(\.isUndone) }
        undo = report.undo.map { undo in
            undo.map { register in
                RestoreOutput.Undo(
                    name: register.id.name, id: register.id.number,
                    before: values.text(register.before, of: register.id),
                    found: values.text(register.found, of: register.id),
                    undone: register.isUndone)
            }
        }
    }

    func text(_ style: TextStyle, without unlisted: Set<String>) -> String {
        var text = style.bold("vCPU \(index)") + ": " + summary(style) + "\n"
        for outcome in RestoreOutcome.names where !unlisted.contains(outcome) {
            text += list(outcome, registers.filter { $0.outcome == outcome && $0.pardon == nil })
        }
        text += list("pardoned by the policy", registers.filter { $0.pardon != nil })
        return text + undoText(style)
    }

    private func list(_ title: String, _ registers: [RestoreOutput.Register]) -> String {
        guard !registers.isEmpty else { return "" }
        return "  \(title) (\(registers.count))\n"
            + registers.map { "    " + $0.text + "\n" }.joined()
    }

    /// Outcomes with nothing to say about single registers; their number is in the summary.
    static let unlisted: Set = ["restored", "already-equal", "volatile", "skipped"]

    private func summary(_ style: TextStyle) -> String {
        let parts = RestoreOutcome.names.compactMap { name in
            counts[name].map { "\($0) \(name)" }
        }
        let verdict = complete ? style.good("complete") : style.bad("registers were lost")
        return verdict + "; " + parts.joined(separator: ", ")
    }

    private func undoText(_ style: TextStyle) -> String {
        guard let undo else { return "" }
        let stuck = undo.filter { !$0.undone }
        guard !stuck.isEmpty else {
            return "  --strict: all \(undo.count) registers written were put back and read back\n"
        }
        let lines = stuck.map { register in
            "    \(register.name) (\(register.id)): before \(register.before ?? "nothing"), "
                + "found \(register.found ?? "nothing")\n"
        }
        return style.bad("  --strict: could not put back") + "\n" + lines.joined()
    }
}

extension RestoreOutput.Register {
    init(_ register: RegisterRestore, _ values: ValueText) {
        name = register.id.name
        id = register.id.number
        outcome = register.outcome.name
        wanted = values.text(register.wanted, of: register.id)
        before = values.text(register.before, of: register.id)
        found = values.text(register.found, of: register.id)
        reason = register.reason
        overrides = register.overrides.isEmpty ? nil : register.overrides.map(\.description)
        pardon = register.pardon.map(PardonText.init)
        switch register.outcome {
        case .keptButMasked(let lost): lostBits = values.text(lost, of: register.id)
        case .refused(let number): errno = number.symbol
        default: break
        }
    }

    /// `TCR2_EL1 (0x603000000013c103): wanted 0x0, found nothing; reason`.
    var text: String {
        var parts: [String] = []
        if pardon != nil { parts.append(outcome) }
        if let wanted { parts.append("wanted \(wanted)") }
        if let found { parts.append(wanted == nil ? "holds \(found)" : "found \(found)") }
        if let errno { parts.append(errno) }
        let facts = "\(name) (\(id)): " + parts.joined(separator: ", ")
        let notes = [reason, overrides?.joined(separator: ", "), pardon?.text]
        return ([facts] + notes.compactMap(\.self)).joined(separator: "; ")
    }
}

/// Why a loss does not count.
struct PardonText: Encodable {
    var rule: String
    var proof: String?

    init(_ pardon: Pardon) {
        rule = pardon.rule
        proof = pardon.proof
    }

    /// `safe: the guest has ...`.
    var text: String { rule + (proof.map { ": \($0)" } ?? "") }
}

/// Counters of different frequencies.
struct CounterText: Encodable {
    var guest: UInt64
    var host: UInt64
    var pardon: PardonText?

    init(_ mismatch: CounterMismatch) {
        guest = mismatch.guest
        host = mismatch.host
        pardon = mismatch.pardon.map(PardonText.init)
    }

    var line: String {
        "  the counter runs at \(host) Hz, the guest's at \(guest) Hz"
            + (pardon.map { "; pardoned by \($0.text)" } ?? "") + "\n"
    }
}
