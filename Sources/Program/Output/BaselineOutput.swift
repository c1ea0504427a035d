internal import Emulation
internal import Planning
internal import Registers
internal import TextFormats
internal import VCPUModel

/// The report of `baseline`.
struct BaselineOutput: WholeReport {
    struct Register: Encodable {
        var name: String
        var id: String
        var value: String
    }

    struct Lost: Encodable {
        var register: String
        var field: String
        var value: String
        var hosts: [String]
    }

    struct LostFeature: Encodable {
        var feature: String
        var hosts: [String]
    }

    struct Obstacle: Encodable {
        var register: String
        var text: String
        /// For people: not all of many hosts are named.
        var brief: String

        enum CodingKeys: CodingKey {
            case register, text
        }
    }

    var hosts: [String]
    var features: [String]
    var registers: [Register]
    var lost: [Lost]
    var lostFeatures: [LostFeature]
    var obstacles: [Obstacle]

    init(_ baseline: Baseline) {
        hosts = baseline.hosts
        features = baseline.features.names
        // Vector lengths go between init and finalize, before everything else.
        let first = baseline.registers.filter { $0.0 == .sveVLS }
        let rest = baseline.registers.filter { $0.0 != .sveVLS }
        registers = (first + rest).map {
            Register(name: $0.0.name, id: $0.0.hex, value: $0.1.description)
        }
        lost = baseline.lost.map {
            Lost(
                register: $0.register.name, field: $0.field,
                value: RegisterValue($0.value).description, hosts: $0.hosts)
        }
        lostFeatures = baseline.lostFeatures.map { LostFeature(feature: $0.name, hosts: $0.hosts) }
        obstacles = baseline.obstacles.map {
            Obstacle(register: $0.register.name, text: $0.text, brief: $0.brief)
        }
    }

    /// The file of Formats/vbaseline-v1.md.
    var template: String {
        var lines = ["vbaseline 1"]
        lines += hosts.map { "host \($0)" }
        lines += features.map { "feature \($0)" }
        lines += registers.map { "register \($0.name) \($0.id) \($0.value)" }
        lines += lost.flatMap { lost in
            lost.hosts.map { "lost \(lost.register).\(lost.field) \(lost.value) \($0)" }
        }
        lines += lostFeatures.flatMap { lost in
            lost.hosts.map { "lost-feature \(lost.feature) \($0)" }
        }
        lines += obstacles.flatMap { Self.folded("obstacle \($0.register) \($0.text)") }
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
        var text = style.bold("baseline of \(Self.some(hosts))") + "\n"
        text += "  vCPU features: \(features.joined(separator: " "))\n"
        text += list(
            "write before the first run", registers.map { "\($0.name) (\($0.id)) \($0.value)" })
        text += list(
            "lost vCPU features",
            lostFeatures.map { "\($0.feature), of \(Self.some($0.hosts))" })
        text += list(
            "lost",
            lost.map { lost in
                "\(lost.register).\(lost.field) is \(lost.value), more on "
                    + Self.some(lost.hosts)
            })
        guard !obstacles.isEmpty else {
            return text + style.good("  a guest with this can move between all of them") + "\n"
        }
        return text
            + list(style.bad("obstacles"), obstacles.map { "\($0.register): \($0.brief)" })
    }

    private static func some(_ hosts: [String]) -> String { hosts.listed(atMost: 8) }

    private func list(_ title: PrintableText, _ lines: [String]) -> PrintableText {
        .list(title, lines.map { PrintableText($0) })
    }
}
