internal import Planning
internal import Registers
internal import Reports
internal import TextFormats
internal import VCPUModel

/// The report of `baseline`.
struct BaselineOutput: WholeReport {
    let baseline: Baseline
    /// Whether what was written for it says all of it.
    let isComplete: Bool

    private var capabilities: [String] { baseline.capabilities.map(\.name) }

    var status: ExitStatus { baseline.obstacles.isEmpty && isComplete ? .success : .finding }

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
            "implementations": baseline.tellsImplementations
                ? baseline.told.json { $0.implementation.json + ["hosts": $0.hosts] } : nil,
            "registers": baseline.writes.json { .register($0.id, ["value": $0.value.description]) },
        ]
    }

    func text(_ style: TextStyle) -> PrintableText {
        var text = style.bold("baseline of \(Self.some(baseline.hosts))") + "\n"
        text += "  vCPU features: \(baseline.features.names.joined(separator: " "))\n"
        text += list(
            "enable on the VM before the first vCPU",
            baseline.capabilities.map { $0.name + ($0.enabledBy.map { " (\($0))" } ?? "") })
        text += list(
            "write before the first run", baseline.writes.map { "\($0.id.label) \($0.value)" })
        text += list(
            "tell the guest of these implementations (Documentation/implementations.md)",
            baseline.told.map { implementation, hosts in
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
    fileprivate var json: JSONObject {
        [
            "aidr": RegisterValue(aidr).description, "cpu": cpu.description,
            "midr": RegisterValue(midr).description, "revidr": RegisterValue(revidr).description,
        ]
    }
}
