internal import ArgumentParser
internal import Machines
internal import Planning
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

    func load() throws -> LoadedPolicy { try PolicyFile.load(text) }

    /// Writes it with more rules.
    func write(
        _ proposal: PolicyProposal, after given: LoadedPolicy, to file: Location,
        _ values: ValueText
    ) throws {
        try PolicyFile.write(
            proposal.file(after: given, values), to: file, after: given, from: location)
    }
}

extension Snapshot {
    /// Says of which vCPUs the policy overrides a register that neither they nor the VM have.
    func warnOfIdleOverrides(of policy: RestorePolicy, from location: Location) {
        for (rule, vcpus) in policy.idleOverrides(in: self) {
            StandardError.write(
                "vcpusnap: \(location.text): the policy's \(rule) does nothing: "
                    + "\(vcpus.title) \(vcpus.count == 1 ? "does" : "do") not have the register\n")
        }
    }
}
