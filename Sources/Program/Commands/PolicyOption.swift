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
            valueName: "policy"), completion: Completions.policies)
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
    /// - Parameter policy: that the rules are added to. It may be the same file where that is replaced whole, but not
    ///   under a name such as `/dev/fd/3`, by which it would be overwritten from its start.
    static func check(
        _ location: Location, keeping others: [Location], addingTo policy: Location
    ) throws {
        let isReplaced = AtomicFile.replaces(try path(location))
        try location.checkOutput(.text, keeping: isReplaced ? others : others + [policy])
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

    /// - Parameter read: where the policy was read, if it is no preset.
    func write(
        to location: Location, after policy: LoadedPolicy, from read: Location, _ values: ValueText
    ) throws {
        let isOwn = policy.text != nil && read.identity.map { $0 == location.identity } ?? false
        let (path, file) = (try Self.path(location), try file(after: policy, values))
        if !isOwn, let old = try? File.readRegular(path, limit: RestorePolicy.Limit.size),
            old != file
        {
            throw CommandError(
                "\(location.text) is there and says something else, and was not written: give it as --policy too to add "
                    + "to it, or name another file")
        }
        try AtomicFile.replace(path, access: isOwn ? .kept : .secret, with: [file])
    }
}
