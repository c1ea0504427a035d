internal import Emulation
internal import Planning
internal import Registers
internal import TextFormats
internal import VCPUModel

/// The report of `baseline`.
struct BaselineOutput: WholeReport {
    let baseline: Baseline
    /// Whether the hosts' implementations are told.
    let tellsImplementations: Bool

    private var implementations: [(implementation: Implementation, hosts: [String])] {
        tellsImplementations ? baseline.implementations : []
    }

    private var capabilities: [String] { baseline.capabilities.map(\.name) }

    var status: ExitStatus { baseline.obstacles.isEmpty ? .success : .finding }

    /// Vector lengths go between init and finalize, before everything else.
    private var registers: [(id: RegisterID, value: RegisterValue)] {
        let all = baseline.registers.map { (id: $0.0, value: $0.1) }
        return all.filter { $0.id == .sveVLS } + all.filter { $0.id != .sveVLS }
    }

    var json: JSONObject {
        [
            "enable": capabilities, "features": baseline.features.names,
            "hosts": baseline.hosts,
            "lost": baseline.lost.json { lost in
                [
                    "field": lost.field, "hosts": lost.hosts, "register": lost.register.name,
                    "value": RegisterValue(lost.value).description,
                ]
            },
            "lostFeatures": baseline.lostFeatures.json { ["feature": $0.name, "hosts": $0.hosts] },
            "obstacles": baseline.obstacles.json {
                ["register": $0.register.name, "text": $0.text]
            },
            "implementations": tellsImplementations
                ? implementations.json { $0.implementation.json + ["hosts": $0.hosts] } : nil,
            "registers": registers.json { .register($0.id, ["value": $0.value.description]) },
        ]
    }

    /// The file of Formats/vbaseline-v1.md.
    var template: String {
        var lines = ["vbaseline 1"]
        lines += baseline.hosts.map { "host \($0)" }
        lines += baseline.features.names.map { "feature \($0)" }
        lines += capabilities.map { "enable \($0)" }
        lines += registers.map { "register \($0.id.name) \($0.id.hex) \($0.value)" }
        lines += implementations.flatMap { implementation, hosts in
            hosts.map { "implementation \(implementation.values) \($0)" }
        }
        lines += baseline.lost.flatMap { lost in
            lost.hosts.map { "lost \(lost.path) \(RegisterValue(lost.value)) \($0)" }
        }
        lines += baseline.lostFeatures.flatMap { name, hosts in
            hosts.map { "lost-feature \(name) \($0)" }
        }
        lines += baseline.obstacles.flatMap {
            Self.folded("obstacle \($0.register.name) \($0.text)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// A line, and lines of `more` for what does not fit into it.
    private static func folded(_ text: String) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if line.utf8.count + 1 + word.utf8.count > HostProfile.Limit.line {
                lines.append(line)
                line = "more"
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        return lines + [line]
    }

    func text(_ style: TextStyle) -> PrintableText {
        var text = style.bold("baseline of \(Self.some(baseline.hosts))") + "\n"
        text += "  vCPU features: \(baseline.features.names.joined(separator: " "))\n"
        text += list(
            "enable on the VM before the first vCPU",
            baseline.capabilities.map { $0.name + ($0.enabledBy.map { " (\($0))" } ?? "") })
        text += list("write before the first run", registers.map { "\($0.id.title) \($0.value)" })
        text += list(
            "tell the guest of these implementations (Documentation/implementations.md)",
            implementations.map { implementation, hosts in
                "MIDR_EL1, REVIDR_EL1, AIDR_EL1 \(implementation.values): \(implementation.cpu), "
                    + "of \(Self.some(hosts))"
            })
        text += list(
            "lost vCPU features",
            baseline.lostFeatures.map { "\($0.name), of \(Self.some($0.hosts))" })
        text += list(
            "lost",
            baseline.lost.map { lost in
                "\(lost.path) is \(RegisterValue(lost.value)), more on \(Self.some(lost.hosts))"
            })
        guard !baseline.obstacles.isEmpty else {
            return text + style.good("  a guest with this can move between all of them") + "\n"
        }
        return text
            + list(
                style.bad("obstacles"),
                baseline.obstacles.map { "\($0.register.name): \($0.brief)" })
    }

    private static func some(_ hosts: [String]) -> String { hosts.listed(atMost: 8) }

    private func list(_ title: PrintableText, _ lines: [String]) -> PrintableText {
        .list(title, lines.map { PrintableText($0) })
    }
}

extension Implementation {
    /// `0x414fd0c1 0x0 0x0`.
    fileprivate var values: String {
        [midr, revidr, aidr].map { "\(RegisterValue($0))" }.joined(separator: " ")
    }

    fileprivate var json: JSONObject {
        [
            "aidr": RegisterValue(aidr).description, "cpu": cpu.description,
            "midr": RegisterValue(midr).description, "revidr": RegisterValue(revidr).description,
        ]
    }
}

extension Baseline.Lost {
    /// `ID_AA64PFR0_EL1.CSV2`.
    fileprivate var path: String { "\(register.name).\(field)" }
}
