internal import Registers
internal import VCPUModel

extension HostProfile {
    /// The profile in the canonical form of Formats/vhost-v1.md: equal profiles print equal text.
    public var text: String {
        (factLines + extensions + registerLines + setLines).joined(separator: "\n") + "\n"
    }

    private var factLines: [String] {
        var lines = ["vhost 1", "name \(name)", "kernel \(kernelRelease)"]
        if let rulesRelease { lines.append("rules-of \(rulesRelease)") }
        if let midr { lines.append("midr \(RegisterValue(midr))") }
        if let counterFrequency { lines.append("counter-frequency \(counterFrequency)") }
        lines += capabilities.sorted { $0.key < $1.key }.map { "capability \($0.key) \($0.value)" }
        lines += features.names.map { "feature \($0)" }
        lines += valueLines("writable-mask", writableMasks) + valueLines("hardware", hardware)
        return lines + deviceLines
    }

    private var deviceLines: [String] {
        devices.sorted().map { "device \($0)" }
            + gicRevisions.sorted().map { "gic-revision \($0)" }
            + attributes.map { id, value in "attribute \(id.name) \(id.hex) \(value)" }
    }

    private func valueLines(_ directive: String, _ values: [RegisterID: UInt64]) -> [String] {
        values.sorted { $0.key < $1.key }.map {
            "\(directive) \($0.key) \(RegisterValue($0.value))"
        }
    }

    private var registerLines: [String] {
        registers.map { id, value in
            "register \(id.name) \(id.hex) \(value)" + (overrides[id].map(Self.suffix) ?? "")
        }
    }

    private var setLines: [String] {
        featureSets.sorted { $0.features.rawValue < $1.features.rawValue }.flatMap(Self.lines(of:))
    }

    private static func lines(of set: FeatureSet) -> [String] {
        let head = (["set"] + set.features.names).joined(separator: " ")
        let absent = set.absent.sorted().map { "without \($0.name) \($0.hex)" }
        let registers = set.registers.map { "register \($0.name) \($0.hex) \($1)" }
        return [head] + absent + registers + ["end"]
    }

    private static func suffix(_ override: BehaviorOverride) -> String {
        " class=\(override.behaviorClass.rawValue)"
            + (override.mask.map { " mask=\(RegisterValue($0))" } ?? "")
    }
}
