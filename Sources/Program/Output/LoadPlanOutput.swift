internal import LinuxSystem
internal import QEMULoad
internal import QEMUStream
internal import Registers
internal import VCPUModel

/// The report of `plan --qemu`.
struct LoadPlanOutput: WholeReport {
    struct Host: Encodable {
        var host: String
        var verdict: String
        /// What QEMU prints.
        var output: [String]
        var vcpus: [VCPU]
        var remedies: [PlanOutput.RemedyText]
    }

    struct VCPU: Encodable {
        var index: UInt32
        var failure: String?
        /// Of a guest with SVE.
        var vectors: VectorText?
        var counts: [String: Int]
        var registers: [Register]
    }

    /// Vector lengths, in bits.
    struct VectorText: Encodable {
        /// The longest that the guest's registers show.
        var shown: Int
        /// The longest of the destination; 0 without SVE.
        var longest: Int
    }

    struct Register: Encodable {
        var name: String
        var id: String
        var fate: String
        var incoming: String?
        var held: String?
        /// The bits of `held` that move by themselves; nil when none do.
        var moving: String?
        var errno: String?
        var pardon: PardonText?
        /// Whether it is a vector of which only the low part is held; for the text.
        var isCutVector = false

        private enum CodingKeys: CodingKey {
            case name, id, fate, incoming, held, moving, errno, pardon
        }
    }

    var source: String
    /// True where nothing said where in the stream the vCPUs are; else absent.
    var foundBySearch: Bool?
    /// On the vCPUs of the stream.
    var notes: [String]?
    var qemu: String
    var policy: String
    /// Who wrote the stream.
    var origin: String
    var hosts: [Host]

    init(source: String, policy: String, answers: [LoadRemedies], values: ValueText) {
        self.source = source
        self.policy = policy
        qemu = answers.first.map { "\($0.plan.version)" } ?? ""
        origin = answers.first?.plan.origin.rawValue ?? ""
        hosts = answers.map { Host($0, values) }
    }

    func text(_ style: TextStyle) -> PrintableText {
        style.notes(notes)
            + hosts.map { host -> PrintableText in
                let title = style.bold("\(source) in QEMU \(qemu) on \(host.host)")
                return "\(title): \(host.text(style, StreamOrigin(rawValue: origin) ?? .unknown))"
            }.joined(separator: "\n")
    }
}

extension LoadPlanOutput.Host {
    init(_ answer: LoadRemedies, _ values: ValueText) {
        let plan = answer.plan
        host = plan.host
        verdict = plan.verdict.rawValue
        output = plan.output
        vcpus = plan.vcpus.map { LoadPlanOutput.VCPU($0, values) }
        remedies = answer.all
    }

    func text(_ style: TextStyle, _ origin: StreamOrigin) -> PrintableText {
        let coloured = verdict == "loads" ? style.good("\(verdict)") : style.bad("\(verdict)")
        var text = coloured + "\n"
        if origin.canBeOfKVM {
            if !output.isEmpty { text += "  QEMU prints\n" }
            text += output.map { PrintableText($0) }.indented
            text += LoadPlanOutput.VectorText.line(of: vcpus.compactMap(\.vectors)) ?? ""
            text += LoadPlanText(vcpus).text(style)
        } else {
            text += "  \(origin.whyNoKVMTakesIt)\n"
        }
        for remedy in remedies { text += "  can be done: \(remedy.text)\n" }
        return text
    }
}

extension StreamOrigin {
    /// Why state of another origin than KVM cannot be used with it.
    var whyNoKVMTakesIt: String {
        "this is state of \(text), whose registers are others than KVM's: no KVM loads it"
    }
}

extension LoadPlanOutput.VectorText {
    init(_ vectors: VectorLengths) {
        self.init(shown: vectors.shown, longest: vectors.longest)
    }

    /// Where the lengths come from, once for all vCPUs; nil for guests without SVE.
    static func line(of vcpus: [Self]) -> PrintableText? {
        guard let longest = vcpus.first?.longest, let shown = vcpus.map(\.shown).max() else {
            return nil
        }
        let given = longest == 0 ? "which has none" : "which has up to \(longest) bits"
        return """
              vector lengths are not in the stream: QEMU with -cpu host takes the destination's, \
            \(given); the guest's registers show \(shown) bits

            """
    }
}

extension LoadPlanOutput.VCPU {
    init(_ load: VCPULoad, _ values: ValueText) {
        index = load.index
        failure = load.failure.map(Self.text)
        vectors = load.vectors.map { LoadPlanOutput.VectorText($0) }
        registers = load.registers.map { LoadPlanOutput.Register($0, values) }
        counts = registers.reduce(into: [:]) { $0[$1.fate, default: 0] += 1 }
    }

    private static func text(_ failure: VCPULoad.Failure) -> String {
        switch failure {
        case .tooManyRegisters(let count, let limit):
            "the stream's list has \(count) register\(count == 1 ? "" : "s"), and QEMU takes at most the "
                + "\(limit) that the destination has"
        case .unknownRegisters: "the stream has registers that the destination has not"
        case .refusedValues: "KVM refuses values of the stream"
        }
    }
}

/// What a plan says of the vCPUs of a guest, all of them together.
private struct LoadPlanText {
    private var counts = FoldedCounts()
    private var failures = SharedLines()
    private var lines: [String: SharedLines] = [:]

    init(_ vcpus: [LoadPlanOutput.VCPU]) {
        for vcpu in vcpus {
            counts.add(vcpu.counts, of: vcpu.index)
            if let failure = vcpu.failure {
                failures.add("fails: \(failure)", about: failure, of: vcpu.index)
            }
            for (fate, members) in Dictionary(grouping: vcpu.registers, by: \.fate)
            where fate != "loaded" {
                lines[fate, default: SharedLines()].add(members, of: vcpu.index) { $0.text }
            }
        }
    }

    func text(_ style: TextStyle) -> PrintableText {
        let all = counts.vcpus
        guard all.count > 0 else { return "" }
        let title = style.bold("\(all.title)")
        var text: PrintableText = "\(title): \(counts.text(RegisterLoad.Fate.names))\n"
        for line in failures.texts(ofAll: all) { text += "  \(line)\n" }
        for fate in RegisterLoad.Fate.names {
            guard let members = lines[fate] else { continue }
            text += "  \(fate): \(Self.meanings[fate] ?? "")\n"
            text += members.texts(ofAll: all).indented
        }
        return text
    }

    private static let meanings = [
        "unknown": "the destination has no such register, so QEMU gives up",
        "refused": "KVM refuses the value, so QEMU gives up",
        "dropped": "the destination has no such register, and QEMU goes on all the same",
        "altered": "KVM takes the value and holds another one, and QEMU does not look",
        "tolerated": "the destination has no such register, which QEMU knows may be",
        "kept-at-reset": "the stream has no such register; it keeps the value of a fresh vCPU",
    ]
}

extension LoadPlanOutput.Register {
    init(_ load: RegisterLoad, _ values: ValueText) {
        name = load.id.name
        id = load.id.number
        fate = load.fate.name
        incoming = values.text(load.incoming, of: load.id)
        held = values.text(load.held, of: load.id)
        let moves = RegisterDictionary.volatileBits(of: load.id)
        moving = moves == 0 ? nil : RegisterValue(moves).description
        pardon = load.pardon.map(PardonText.init)
        isCutVector = load.isCutVector
        if case .refused(let number) = load.fate { errno = number.symbol }
    }

    /// `z0 z1 p0: what stands above 128 bits is lost`, for vectors that are cut off, and of how many
    /// it is said; a line for each pardon.
    static func cutTexts(_ vectors: [Self]) -> [(text: String, count: Int)] {
        let groups = Dictionary(grouping: vectors) { $0.pardon?.text ?? "" }
        return groups.sorted { $0.key < $1.key }.map { pardon, members in
            let text =
                members.map(\.name).joined(separator: " ")
                + ": what stands above the destination's vectors is cut off"
                + (pardon.isEmpty ? "" : "; \(pardon)")
            return (text, members.count)
        }
    }

    /// `TCR2_EL1 (0x603000000013c103): 0x0; safe: the guest ...`.
    var text: String {
        let facts = [
            incoming.map { "\($0)" }, held.map { "the destination holds \($0)" }, errno,
        ].compactMap(\.self)
        let pardoned = pardon.map { "; \($0.text)" } ?? ""
        return "\(name) (\(id)): " + facts.joined(separator: ", ") + pardoned
    }
}
