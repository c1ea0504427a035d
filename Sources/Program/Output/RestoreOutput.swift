internal import LinuxSystem
internal import Registers
internal import Transfer
internal import VCPUModel

/// The report of `restore`.
struct RestoreOutput: Report {
    struct Register {
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

    let source: String
    let target: String
    let dryRun: Bool
    let policy: String
    let complete: Bool
    /// What is to be said of the snapshot; nil for nothing.
    let notes: [String]?
    /// Whether the text has a line for each register that only the target has.
    var listsDestinationOnly = true
    private let counter: CounterText?
    private let account: RestoreAccount
    private let values: ValueText

    init(
        source: String, target: String, dryRun: Bool, policy: String, notes: [String]?,
        account: RestoreAccount, counter: CounterMismatch?, values: ValueText
    ) {
        self.notes = notes
        self.source = source
        self.target = target
        self.dryRun = dryRun
        self.policy = policy
        self.counter = counter.map(CounterText.init)
        self.account = account
        self.values = values
        complete = account.isComplete && !(counter?.isLoss ?? false)
    }

    func write(text output: ReportWriter) {
        let verb = dryRun ? "dry run" : "restore"
        output.write(output.style.bold("\(verb) of \(source) into \(target)") + "\n")
        output.write(output.style.notes(notes))
        output.write(counter?.line ?? "")
        var fold = RestoreText(
            values: values, style: output.style, listsDestinationOnly: listsDestinationOnly)
        for report in account { fold.add(report) }
        fold.write(to: output)
    }

    func write(json: JSONWriter) {
        json.object {
            json.member("complete", complete)
            json.member("counter", counter)
            json.member("dryRun", dryRun)
            json.member("notes", array: notes)
            json.member("policy", policy)
            json.member("source", source)
            json.member("target", target)
            json.member("vcpus", array: account) { write($0, json: json) }
        }
    }

    private func write(_ report: RestoreReport, json: JSONWriter) {
        json.object {
            json.member("complete", report.isComplete)
            json.member("counts", counts: report.counts)
            json.member("index", report.vcpu)
            json.member("registers", array: report.registers) {
                Register($0, values).write(to: json)
            }
            guard let undo = report.undo else { return }
            json.member("undo", array: undo) { write($0, json: json) }
            json.member("undone", undo.allSatisfy(\.isUndone))
        }
    }

    /// A register that `--strict` put back, or could not.
    private func write(_ undo: RegisterUndo, json: JSONWriter) {
        json.object {
            json.member("before", values.text(undo.before, of: undo.id))
            json.member("found", values.text(undo.found, of: undo.id))
            json.member("id", undo.id.hex)
            json.member("name", undo.id.name)
            json.member("reason", undo.reason)
            json.member("undone", undo.isUndone)
        }
    }
}

extension RestoreOutput.Register {
    init(_ register: RegisterRestore, _ values: ValueText) {
        name = register.id.name
        id = register.id.hex
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

extension RestoreOutput.Register: JSONWritable {
    func write(to json: JSONWriter) {
        json.object {
            json.member("before", before)
            json.member("errno", errno)
            json.member("found", found)
            json.member("id", id)
            json.member("lostBits", lostBits)
            json.member("name", name)
            json.member("outcome", outcome)
            json.member("overrides", array: overrides)
            json.member("pardon", pardon)
            json.member("reason", reason)
            json.member("wanted", wanted)
        }
    }
}

/// Why a loss does not count.
struct PardonText: JSONWritable, Encodable {
    var rule: String
    var proof: String?

    init(_ pardon: Pardon) {
        rule = pardon.rule
        proof = pardon.proof
    }

    func write(to json: JSONWriter) {
        json.object {
            json.member("proof", proof)
            json.member("rule", rule)
        }
    }

    /// `safe: the guest has ...`.
    var text: String { rule + (proof.map { ": \($0)" } ?? "") }
}

/// Counters of different frequencies.
struct CounterText: JSONWritable {
    var guest: UInt64
    var host: UInt64
    var pardon: PardonText?

    init(_ mismatch: CounterMismatch) {
        guest = mismatch.guest
        host = mismatch.host
        pardon = mismatch.pardon.map(PardonText.init)
    }

    func write(to json: JSONWriter) {
        json.object {
            json.member("guest", guest)
            json.member("host", host)
            json.member("pardon", pardon)
        }
    }

    var line: PrintableText {
        let pardoned = pardon.map { "; pardoned by \($0.text)" } ?? ""
        return "  the counter runs at \(host) Hz, the guest's at \(guest) Hz\(pardoned)\n"
    }
}
