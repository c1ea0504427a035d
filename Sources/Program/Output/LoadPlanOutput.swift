internal import LinuxSystem
internal import Planning
internal import QEMUStream
internal import Registers
internal import Reports
internal import TextFormats
internal import Transfer
internal import VCPUModel

/// The report of `plan --qemu`.
struct LoadPlanOutput: Report {
    let source: String
    let remarks: StreamRemarks
    let policy: String
    /// One for each host.
    let answers: [LoadAnswer]
    /// Whether the source is a file that `fix` can ask about.
    var isFixable = true
    let values: ValueText

    private var qemu: String { answers.first.map { "\($0.plan.version)" } ?? "" }

    func write(text output: ReportWriter) {
        output.write(output.style.notes(remarks.notes))
        for (number, answer) in answers.enumerated() {
            if number > 0 { output.write("\n") }
            let title = output.style.bold("\(source) in QEMU \(qemu) on \(answer.plan.host)")
            output.write("\(title): ")
            answer.write(text: output, values)
        }
        output.write(nextStep)
    }

    /// What to type next; nothing where no rule is in the way.
    private var nextStep: PrintableText {
        guard isFixable, let answer = answers.first(where: \.isForRules) else { return "" }
        return "  next: \(answer.mend.fixing) asks about each thing in the way\n"
    }

    var json: JSONObject {
        remarks.json + [
            "hosts": answers.json(values),
            "origin": answers.first?.plan.origin.rawValue ?? "", "policy": policy, "qemu": qemu,
            "source": source,
        ]
    }

    var status: ExitStatus {
        answers.allSatisfy { $0.plan.verdict == .loads } ? .success : .finding
    }
}

/// What QEMU does on one host, and what can be done about it in the words of the command line.
struct LoadAnswer: ValueHolder {
    let remedies: LoadRemedies
    let mend: MendWords

    var plan: LoadPlan { remedies.plan }

    /// Whether a policy decides if it loads on a host with KVM.
    var isForRules: Bool {
        plan.verdict == .fails && !plan.isEmulated
            && remedies.all.contains {
                if case .policy = $0 { true } else { false }
            }
    }

    fileprivate func text(of remedy: LoadRemedy) -> String {
        switch remedy {
        case .mend: return "\(mend.typed(as: nil)) makes a stream that loads there"
        case .policy(let rules):
            return Remedy.policy(with: rules, by: mend.proposing) + "; "
                + (plan.verdict == .fails
                    ? "\(mend.typed(as: "FILE")) then makes a stream that loads there"
                    : "with it the verdict is loads")
        default: return remedy.text
        }
    }

    /// The verdict, which ends a line, and all that is to be said of it.
    func write(text output: ReportWriter, _ values: ValueText) {
        let style = output.style
        let verdict = PrintableText(plan.verdict.rawValue)
        output.write((plan.verdict == .loads ? style.good(verdict) : style.bad(verdict)) + "\n")
        if plan.isEmulated || plan.origin.canBeOfKVM {
            output.write(plan.blockers.lines(by: plan.version))
            if !plan.output.isEmpty { output.write("  QEMU prints\n") }
            output.write(plan.output.map { PrintableText($0) }.indented)
            output.write(VectorLengths.line(of: plan.vcpus))
            output.write(plan.notices.lines)
            writeVCPUs(output, values)
        } else {
            output.write("  \(plan.origin.whyNoKVMTakesIt)\n")
        }
        for remedy in remedies.all { output.write("  can be done: \(text(of: remedy))\n") }
    }

    private func writeVCPUs(_ output: ReportWriter, _ values: ValueText) {
        var lines = FateLines<VCPULoad.Failure>()
        for vcpu in plan.vcpus {
            lines.add(vcpu.registers, vcpu.failure, ofVCPU: vcpu.index, values)
        }
        lines.write(to: output, failure: { $0.text }) { fate in
            fate.meaning(isEmulated: plan.isEmulated, by: plan.version)
        }
    }

    func json(_ values: ValueText) -> JSONObject {
        [
            "blockers": plan.blockers.list(by: plan.version),
            "emulated": plan.isEmulated ? true : nil, "host": plan.host,
            "notices": plan.notices.list, "output": plan.output,
            "remedies": remedies.all.json { ["remedy": $0.name, "text": text(of: $0)] },
            "verdict": plan.verdict.rawValue,
        ] + .units(plan.vcpus, { .vcpu($0.index) }) { $0.json(values) }
    }
}

extension LoadRemedy {
    /// What to do; empty for a mend, whose words depend on the destination.
    var text: String {
        switch self {
        case .mend, .policy: ""
        case .sameAccelerator(let origin): origin.remedy
        case .qemuWithMachine(let name, let first, let gone):
            "load it in a QEMU that has \(name): \(first) or newer, before \(gone)"
        case .sameMachine(let name): "start the destination with -M \(name)"
        case .sameDevice(let name, let instance):
            "give the destination the source's \(name), instance \(instance)"
        case .startWith(let option):
            "start the guest with \(option), so that QEMU can migrate and save it"
        case .sameCPU: "load it in a QEMU that emulates the CPU that it was saved with"
        case .newerQEMU(let version): "QEMU \(version) loads it there as it is"
        case .psciVersion(let version):
            "before the guest's first run: -cpu host,kvm-psci-version=\(version >> 16).\(version & 0xffff) "
                + "(QEMU 11.0 or newer)"
        case .vcpusWithout(let features, let only):
            "start the destination with \(Remedy.cpuOption(without: features)): the guest has no "
                + features.names.joined(separator: ", ")
                + (only?.helped == 0 ? ", though more than that is in the way" : Self.part(only))
                + (only == nil ? "" : Self.mending(for: features))
        case .limitVectors(let bits):
            "before the guest's first run: -cpu host,\(bits == 0 ? "sve=off" : "sve\(bits)=on"), so that its vectors "
                + "are no longer than there"
        case .longerVectors(let bits): "choose a host with vectors of \(bits) bits or longer"
        case .startThere:
            "what QEMU 11.1 cannot set before the first run a guest has from its first host: start it on the "
                + "destination, or mend its stream by a policy"
        case .ofTheMove(let remedy, let only):
            remedy.words + Self.part(only) + (remedy.isBeyondQEMU ? "; QEMU 11.1 cannot" : "")
        }
    }

    private static func mending(for features: VCPUFeatures) -> String {
        "; vcpusnap mend takes -\(Remedy.cpuOption(without: features)), too"
    }

    private static func part(_ only: (helped: Int, of: Int)?) -> String {
        only.map { ", for \($0.helped) of the \($0.of.of("register"))" } ?? ""
    }
}

extension [LoadBlocker] {
    /// A line for each.
    func lines(by version: QEMUVersion) -> PrintableText {
        map { "  machine: \($0.text(by: version))\n" }.joined()
    }

    /// Nil for none.
    func list(by version: QEMUVersion) -> JSONList? {
        isEmpty
            ? nil
            : json { ["blocker": $0.name, "fatal": $0.isFatal, "text": $0.text(by: version)] }
    }
}

extension LoadBlocker {
    fileprivate func text(by version: QEMUVersion) -> String {
        switch self {
        case .absentMachine(let name):
            "QEMU \(version) does not have the machine type \(name), and loads such streams with no other"
        case .otherMachine(let name, let there):
            "the machine type is \(name), and the destination's is \(there)"
        case .machineToName(let name):
            "the destination needs -M \(name) with the same options: QEMU \(version) loads the stream with no other"
        case .absentDevice(let name, let instance, _):
            "the destination has no \(name), instance \(instance)"
        case .nestedVirtualization:
            "it has EL2 (nested virtualization), with which QEMU refuses to migrate or save a KVM guest"
        case .memoryTags(let underKVM):
            "it has memory tags: the destination needs -M mte=on"
                + (underKVM ? ", and QEMU refuses to migrate or save a KVM guest with them" : "")
        case .gicv5:
            "it has a GICv5, whose state is not in the stream: QEMU refuses to migrate or save such a guest"
        case .absentController(let name):
            "the destination's KVM makes no \(name), which the stream's machine has: QEMU does not start such a machine"
        case .refusedInterrupts(let refusal):
            "KVM refuses \(refusal.id.name) \(refusal.incoming) of \(refusal.unit)"
                + (refusal.held.map { ", where it has \($0)" } ?? "")
                + " (\(refusal.errno.symbol)), and QEMU aborts (SIGABRT)"
        }
    }
}

extension StreamOrigin {
    /// Why state of another origin than KVM cannot be used with it.
    var whyNoKVMTakesIt: String {
        "this is the state of \(text), whose registers are not KVM's: KVM cannot load it"
    }

    /// Where a stream loads whose accelerator the destination does not have.
    var remedy: String {
        "load it in QEMU with -accel \(self == .hvf || self == .kvm ? rawValue : "tcg"), and the machine type and CPU model "
            + "that it was saved with"
    }
}

extension VCPULoad {
    fileprivate func json(_ values: ValueText) -> JSONObject {
        [
            "counts": JSONObject(registers.fateCounts), "failure": failure?.text,
            "registers": registers.json(values), "vectors": vectors,
        ]
    }
}

extension VectorLengths {
    /// Where the lengths come from, once for all vCPUs; empty for guests without SVE.
    static func line(of vcpus: [VCPULoad]) -> PrintableText {
        let vectors = vcpus.compactMap(\.vectors)
        guard let longest = vectors.first?.longest, let shown = vectors.map(\.shown).max() else {
            return ""
        }
        let given = longest == 0 ? "which has none" : "which has up to \(longest) bits"
        return """
              vector lengths are not in the stream: QEMU with -cpu host takes the destination's, \
            \(given); the guest's registers show \(shown) bits

            """
    }
}

extension VCPULoad.Failure {
    fileprivate var text: String {
        switch self {
        case .tooManyRegisters(let count, let limit):
            "the stream's list has \(count) register\(count == 1 ? "" : "s"), and QEMU takes at most the "
                + "\(limit) that the destination has"
        case .unknownSubsection(let name):
            "the stream has the subsection \(Shown.text(name.utf8)), which this QEMU does not have"
        case .unknownRegisters: "the stream has registers that the destination lacks"
        case .refusedValues: "KVM refuses values of the stream"
        case .timerWithoutWFxT:
            "the stream has the subsection cpu/wfxt-timer, and QEMU ends at once, because the destination's CPU does not "
                + "have that timer (FEAT_WFxT without KVM)"
        case .otherConstants: "the stream has values that registers of the destination cannot hold"
        case .unsetConstants:
            "the stream does not have constant registers of the destination, which QEMU then compares with whatever was "
                + "in its memory"
        }
    }
}

extension RegisterLoad.Fate {
    fileprivate func meaning(isEmulated: Bool, by version: QEMUVersion) -> String {
        switch self {
        case .refused where isEmulated:
            "the register cannot hold that value there, so QEMU gives up"
        case .unknown: "the destination has no such register, so QEMU gives up"
        case .refused: "KVM refuses the value, so QEMU gives up"
        case .dropped where version.comparesWholeLists:
            "the destination has no such register, and QEMU goes on, though it may print that it fails"
        case .dropped: "the destination has no such register, and QEMU goes on without a word"
        case .altered: "KVM accepts the value but holds another, and QEMU does not check"
        case .tolerated: "the destination has no such register, and QEMU tolerates that"
        case .keptAtReset: "the stream has no such register; it keeps the value of a fresh vCPU"
        case .unset:
            "the stream has no such register; QEMU gives it whatever was in its memory"
        case .loaded: "the vCPU holds the stream's value"
        }
    }
}

extension RegisterLoad: ValueHolder {
    func json(_ values: ValueText) -> JSONObject {
        let moving = RegisterDictionary.volatileBits(of: id)
        return values.register(
            id, ["held": held, "incoming": incoming],
            [
                "errno": errno?.symbol, "fate": fate.rawValue,
                "moving": moving == 0 ? nil : RegisterValue(moving).description, "pardon": pardon,
            ])
    }

    /// `z0 z1 p0: what stands above 128 bits is lost`, for vectors that are cut off, and of how many
    /// it is said; a line for each pardon.
    static func cutLines(_ vectors: [RegisterLoad]) -> [(text: String, count: Int)] {
        let groups = Dictionary(grouping: vectors) { $0.pardon?.text ?? "" }
        return groups.sorted { $0.key < $1.key }.map { pardon, members in
            let text =
                members.map(\.id.name).joined(separator: " ")
                + ": bits beyond the destination's vector length are cut off"
                + (pardon.isEmpty ? "" : "; \(pardon)")
            return (text, members.count)
        }
    }

    /// `TCR2_EL1: 0x0; safe: the guest ...`.
    func line(_ values: ValueText) -> String {
        let facts = [
            values.text(incoming, of: id),
            values.text(held, of: id).map { "the destination holds \($0)" }, errno?.symbol,
        ].compactMap(\.self)
        return "\(values.title(of: id)): " + facts.joined(separator: ", ")
            + (pardon.map { "; \($0.text)" } ?? "")
    }
}
