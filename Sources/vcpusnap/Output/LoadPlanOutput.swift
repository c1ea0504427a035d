internal import LinuxSystem
internal import QEMULoad
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
    }

    struct VCPU: Encodable {
        var index: UInt32
        var failure: String?
        var counts: [String: Int]
        var registers: [Register]
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
    }

    var source: String
    /// True where nothing said where in the stream the vCPUs are; else absent.
    var foundBySearch: Bool?
    var qemu: String
    var policy: String
    var hosts: [Host]

    init(source: String, policy: String, plans: [LoadPlan], values: ValueText) {
        self.source = source
        self.policy = policy
        qemu = plans.first.map { "\($0.version)" } ?? ""
        hosts = plans.map { Host($0, values) }
    }

    func text(_ style: TextStyle) -> String {
        hosts.map { host in
            style.bold("\(source) in QEMU \(qemu) on \(host.host)") + ": " + host.text(style)
        }.joined(separator: "\n")
    }
}

extension LoadPlanOutput.Host {
    init(_ plan: LoadPlan, _ values: ValueText) {
        host = plan.host
        verdict = plan.verdict.rawValue
        output = plan.output
        vcpus = plan.vcpus.map { LoadPlanOutput.VCPU($0, values) }
    }

    func text(_ style: TextStyle) -> String {
        let coloured = verdict == "loads" ? style.good(verdict) : style.bad(verdict)
        let lines = output.map { "    \($0)\n" }.joined()
        return coloured + "\n" + (output.isEmpty ? "" : "  QEMU prints\n" + lines)
            + vcpus.map { $0.text(style) }.joined()
    }
}

extension LoadPlanOutput.VCPU {
    init(_ load: VCPULoad, _ values: ValueText) {
        index = load.index
        failure = load.failure.map(Self.text)
        registers = load.registers.map { LoadPlanOutput.Register($0, values) }
        counts = registers.reduce(into: [:]) { $0[$1.fate, default: 0] += 1 }
    }

    private static func text(_ failure: VCPULoad.Failure) -> String {
        switch failure {
        case .tooManyRegisters(let count, let limit):
            "the stream's list has \(count) registers, and QEMU takes at most the \(limit) that the "
                + "destination has"
        case .unknownRegisters: "the stream has registers that the destination has not"
        case .refusedValues: "KVM refuses values of the stream"
        }
    }

    func text(_ style: TextStyle) -> String {
        let parts = RegisterLoad.Fate.names.compactMap { name in
            counts[name].map { "\($0) \(name)" }
        }
        var text = style.bold("vCPU \(index)") + ": " + parts.joined(separator: ", ") + "\n"
        if let failure { text += "  fails: \(failure)\n" }
        for fate in RegisterLoad.Fate.names where fate != "loaded" {
            text += lines(fate)
        }
        return text
    }

    private func lines(_ fate: String) -> String {
        let members = registers.filter { $0.fate == fate }
        guard !members.isEmpty else { return "" }
        let meaning = Self.meanings[fate] ?? ""
        return "  \(fate): \(meaning)\n" + members.map { "    \($0.text)\n" }.joined()
    }

    private static let meanings = [
        "unknown": "the destination has no such register, so QEMU gives up",
        "refused": "KVM refuses the value, so QEMU gives up",
        "dropped": "the destination has no such register, and QEMU does not say so",
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
        if case .refused(let number) = load.fate { errno = number.symbol }
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
