internal import Emulation
internal import Registers
internal import Reports
internal import VCPUModel

/// The report of `host`.
struct HostOutput: WholeReport {
    private let kinds: [HostKindOutput]

    /// - Parameter profiles: of each kind of core one.
    init(_ profiles: [HostProfile]) {
        kinds = profiles.map(HostKindOutput.init)
    }

    var json: JSONObject {
        kinds.count == 1 ? kinds[0].json : ["kinds": kinds.json(\.json)]
    }

    func text(_ style: TextStyle) -> PrintableText {
        kinds.map(\.text).joined(separator: "\n")
    }
}

/// What is said of a host, or of one kind of its cores.
private struct HostKindOutput {
    let profile: HostProfile

    private var vendor: KernelVendor? { KernelVendor(ofRelease: profile.kernelRelease) }

    private var cpu: (midr: String, name: String)? {
        profile.midr.map { (RegisterValue($0).description, CPUIdentity(midr: $0).description) }
    }

    var json: JSONObject {
        [
            "capabilities": JSONObject(profile.capabilities),
            "counterFrequency": profile.counterFrequency, "cpu": cpu?.name, "cpus": profile.cpus,
            "features": profile.features.names, "kernel": profile.kernelRelease,
            "midr": cpu?.midr, "registers": profile.registers.count,
            "rulesOf": profile.rulesRelease, "sveVectorLengths": profile.sveVectorLengths,
            "vendor": vendor?.name,
        ]
    }

    private static func basis(_ profile: HostProfile) -> String {
        profile.untriedVendor == nil
            ? "what writes do was tried" : "its version alone says what writes do"
    }

    var text: PrintableText {
        var lines: [PrintableText] = ["kernel      \(profile.kernelRelease)"]
        if let vendor {
            let what =
                vendor.keepsToVersion
                ? "" : ", which may have ported KVM back: \(Self.basis(profile))"
            lines.append("vendor      \(vendor.name)\(what)")
        }
        if let rules = profile.rulesRelease {
            lines.append("rules       of Linux \(rules), found out by trying")
        }
        if let cpus = profile.cpus { lines.append("CPUs        \(cpus)") }
        if let cpu { lines.append("cpu         \(cpu.name) (MIDR_EL1 \(cpu.midr))") }
        if let frequency = profile.counterFrequency {
            lines.append("counter     \(frequency) Hz")
        }
        lines.append("features    \(profile.features.names.joined(separator: " "))")
        if !profile.sveVectorLengths.isEmpty {
            let lengths = profile.sveVectorLengths.map(String.init).joined(separator: " ")
            lines.append("SVE         vector lengths \(lengths) bytes")
        }
        lines.append(
            "registers   \(profile.registers.count) with all features that an ordinary guest can use"
        )
        let present = profile.capabilities.filter { $0.value != 0 }.sorted { $0.key < $1.key }
        lines += present.map { "  \($0.key) \($0.value)" }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// The report of `host --built-in`.
struct BuiltInOutput: WholeReport {
    var json: JSONObject { ["builtIn": HostProfile.builtInNames] }

    func text(_ style: TextStyle) -> PrintableText {
        HostProfile.builtInNames.map { "\($0)\n" }.joined()
    }
}
