internal import ArgumentParser
internal import LinuxSystem
internal import Machines
internal import Registers
internal import TextFormats
internal import Transfer
internal import VCPUModel

/// `--policy`: which losses count.
struct PolicyOption: ParsableArguments {
    @Option(
        name: .customLong("policy"),
        help: ArgumentHelp(
            "Which losses count: exact, safe (the default), force, or a .vpolicy file; - is standard input.",
            valueName: "policy"), completion: Completions.policies)
    var text = RestorePolicy.Preset.safe.rawValue

    /// Where it is read, unless it is a preset.
    var location: Location { Location(path: text) }

    func load() throws -> RestorePolicy { try loadWithText().policy }

    func loadWithText() throws -> LoadedPolicy {
        if let preset = RestorePolicy.Preset(rawValue: text) {
            return LoadedPolicy(policy: RestorePolicy(preset), location: nil, text: nil)
        }
        guard let bytes = try TextFile(.policy, text).read(limit: RestorePolicy.Limit.size) else {
            let presets = RestorePolicy.Preset.allCases.map(\.rawValue)
            throw CommandError(
                "unknown policy \(FileName.shown(text)): neither a file nor one of "
                    + presets.joined(separator: ", ")
                    + NameSuggestion.question(about: text, among: presets))
        }
        let policy = try RestorePolicy(parsing: bytes, file: FileName.shown(text))
        return LoadedPolicy(
            policy: policy, location: location, text: String(decoding: bytes, as: UTF8.self))
    }
}

/// A policy with the text that it was read from.
struct LoadedPolicy {
    let policy: RestorePolicy
    /// Where it was read; nil for a preset.
    let location: Location?
    /// The file's text, with its comments; nil for a preset.
    let text: String?
}

extension Snapshot {
    /// Says of which vCPUs the policy overrides a register that neither they nor the VM have.
    func warnOfIdleOverrides(of policy: RestorePolicy, from location: Location) {
        var idle = Folded<PolicyRule, Void>()
        var last: (ids: [RegisterID], rules: [PolicyRule]) = ([], [])
        for vcpu in vcpus {
            if last.ids != vcpu.registers.ids {
                let ids = vm.ids + vcpu.registers.ids
                last = (vcpu.registers.ids, policy.idleOverrides(among: ids))
            }
            for rule in last.rules { idle.add(rule, of: .vcpu(vcpu.index)) }
        }
        for entry in idle.entries {
            StandardError.write(
                "vcpusnap: \(location.text): the policy's \(entry.subject) does nothing: "
                    + "\(entry.units.title) \(entry.units.count == 1 ? "does" : "do") not have the register\n"
            )
        }
    }
}
