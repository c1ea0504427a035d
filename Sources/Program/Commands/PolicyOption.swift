internal import ArgumentParser
internal import LinuxSystem
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
            valueName: "policy"), completion: .file())
    var text = RestorePolicy.Preset.safe.rawValue

    /// Where it is read, unless it is a preset.
    var location: Location { Location(path: text) }

    func load() throws -> LoadedPolicy { try PolicyFile.load(text) }
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

extension PolicyProposal {
    /// Makes sure that a policy can be written here, and that nothing is lost by it.
    ///
    /// The policy that the rules are added to may be the same file.
    static func check(_ location: Location, keeping others: [Location]) throws {
        _ = try path(location)
        try location.checkOutput(.text, keeping: others)
        guard !others.contains(location) else {
            throw CommandError("--write-policy needs a file of its own, not \(location.text)")
        }
    }

    /// - Throws: for what is no file.
    private static func path(_ location: Location) throws -> String {
        guard case .path(let path) = try location.place(orElse: "a policy goes to a file") else {
            throw CommandError("--write-policy needs a file: the report goes to standard output")
        }
        return path
    }

    func write(to location: Location, after policy: LoadedPolicy, _ values: ValueText) throws {
        try AtomicFile.replace(Self.path(location), with: [file(after: policy, values)])
    }
}
