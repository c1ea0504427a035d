internal import Emulation
public import Registers
public import VCPUModel

extension Baseline {
    /// What to write, in order: the lengths of vectors go between init and finalize, before everything else.
    public var writes: [(id: RegisterID, value: RegisterValue)] {
        let all = registers.map { (id: $0.0, value: $0.1) }
        return all.filter { $0.id == .sveVLS } + all.filter { $0.id != .sveVLS }
    }

    /// The implementations that the guest is told of.
    public var told: [(implementation: Implementation, hosts: [String])] {
        tellsImplementations ? implementations : []
    }

    /// The file of Formats/vbaseline-v1.md.
    public var file: String {
        var lines = ["vbaseline 1"]
        lines += hosts.map { "host \($0)" }
        lines += features.names.map { "feature \($0)" }
        lines += capabilities.map { "enable \($0.name)" }
        lines += writes.map { "register \($0.id.name) \($0.id.hex) \($0.value)" }
        lines += told.flatMap { implementation, hosts in
            hosts.map { "implementation \(implementation.values) \($0)" }
        }
        lines += lost.flatMap { lost in
            lost.hosts.map { "lost \(lost.path) \(RegisterValue(lost.value)) \($0)" }
        }
        lines += lostFeatures.flatMap { name, hosts in
            hosts.map { "lost-feature \(name) \($0)" }
        }
        lines += obstacles.flatMap {
            Self.folded("obstacle \($0.register.name) \($0.text)")
        }
        return (lines + ["end"]).joined(separator: "\n") + "\n"
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
}

extension Implementation {
    /// `0x414fd0c1 0x0 0x0`.
    public var values: String {
        [midr, revidr, aidr].map { "\(RegisterValue($0))" }.joined(separator: " ")
    }
}

extension Baseline.Lost {
    /// `ID_AA64PFR0_EL1.CSV2`.
    public var path: String { "\(register.name).\(field)" }
}
