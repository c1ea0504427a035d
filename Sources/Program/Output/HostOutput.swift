internal import Emulation
internal import Registers
internal import VCPUModel

/// The report of `host`.
struct HostOutput: WholeReport {
    var kernel: String
    var rulesOf: String?
    var midr: String?
    var cpu: String?
    var counterFrequency: UInt64?
    var features: [String]
    var sveVectorLengths: [Int]
    var capabilities: [String: Int32]
    var registers: Int

    init(_ profile: HostProfile) {
        kernel = profile.kernelRelease
        rulesOf = profile.rulesRelease
        midr = profile.midr.map { RegisterValue($0).description }
        cpu = profile.midr.map { CPUIdentity(midr: $0).description }
        counterFrequency = profile.counterFrequency
        features = profile.features.names
        sveVectorLengths = profile.sveVectorLengths
        capabilities = profile.capabilities
        registers = profile.registers.count
    }

    func text(_ style: TextStyle) -> PrintableText {
        var lines: [PrintableText] = ["kernel      \(kernel)"]
        if let rulesOf { lines.append("rules       of Linux \(rulesOf), found out by trying") }
        if let cpu, let midr { lines.append("cpu         \(cpu) (MIDR_EL1 \(midr))") }
        if let counterFrequency { lines.append("counter     \(counterFrequency) Hz") }
        lines.append("features    \(features.joined(separator: " "))")
        if !sveVectorLengths.isEmpty {
            let lengths = sveVectorLengths.map(String.init).joined(separator: " ")
            lines.append("SVE         vector lengths \(lengths) bytes")
        }
        lines.append("registers   \(registers) with all features an ordinary guest can use")
        let present = capabilities.filter { $0.value != 0 }.sorted { $0.key < $1.key }
        lines += present.map { "  \($0.key) \($0.value)" }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// The report of `host --built-in`.
struct BuiltInOutput: WholeReport {
    var builtIn = HostProfile.builtInNames

    func text(_ style: TextStyle) -> PrintableText {
        builtIn.map { "\($0)\n" }.joined()
    }
}
