package import Emulation
package import LinuxSystem
package import Registers
internal import VCPUModel

/// `emulated:NAME`: vCPUs of an emulated host, by a built-in profile's name or the path of a profile.
package struct EmulatedSource: HostSource {
    /// The name of a built-in profile or the path of a profile follows.
    package static let scheme = "emulated:"
    /// Reading, restoring and editing fresh vCPUs, on any machine.
    package static let summary = SourceSummary(
        grammar: "emulated:NAME",
        meaning: "an emulated host: a built-in profile or the path of a\n.vhost file",
        abilities: [.read, .restore, .edit, .host], options: [.vcpus, .gic],
        example: "vcpusnap save emulated:6.12-neoverse-n1 --vcpus 4 -o four.vcpusnap")

    /// A built-in profile's name, or a path; a built-in name comes first.
    package let name: String

    /// Takes any name but none; the profile is not looked up yet.
    package init?(_ name: String) {
        guard !name.isEmpty else { return nil }
        self.name = name
    }

    /// The profile's file; empty where no regular file has that path, as with most built-in names.
    package var files: [FileIdentity] { FileIdentity(of: name).map { [$0] } ?? [] }

    /// Makes emulated vCPUs that answer reads and writes as KVM on the profile's host does.
    /// - Throws: when the profile cannot be found or parsed.
    package func makeVCPUs(
        _ count: Int, enabling capabilities: [KVMCapability], _ options: SourceOptions
    ) throws(SourceError) -> MadeVCPUs {
        let model = try options.gicModel
        let made = MadeVCPUs(
            count, on: try ProfileFile.load(name), enabling: capabilities, tool: options.tool)
        try SourceError.passing { try made.vm?.makeInterruptController(model) }
        return made
    }

    /// The host that it emulates.
    /// - Throws: when the profile cannot be found or parsed.
    package func hosts(_ options: SourceOptions) throws(SourceError) -> [HostProfile] {
        [try ProfileFile.load(name)]
    }

    /// The built-in profiles, whatever the beginning is, and files.
    package static func completions(of beginning: String) -> [String] {
        HostProfile.builtInNames.map { scheme + $0 } + paths(of: beginning)
    }

    /// Where it is the name of a built-in profile.
    public static func advice(insteadOf path: String, _ errno: Errno) -> String? {
        errno == .noEntry && HostProfile.builtInNames.contains(path)
            ? "; the emulated host of that name is \(scheme)\(path)" : nil
    }
}

extension Location {
    /// The fresh guest of the host whose profile this is, as a SOURCE.
    package var freshGuest: Location { EmulatedSource(argument).map(Location.init) ?? self }
}

extension MadeVCPUs {
    convenience init(
        _ count: Int, on profile: HostProfile, enabling capabilities: [KVMCapability] = [],
        tool: String
    ) {
        let machine = EmulatedHost(profile).makeVM(vcpuCount: count, enabling: capabilities)
        self.init(
            machine.vcpus, vm: machine.bank,
            provenance: Provenance(
                kernel: profile.kernelRelease, midr: profile.midr,
                counterFrequency: profile.counterFrequency,
                capabilities: profile.capabilities.sorted { $0.key < $1.key }
                    .map { (name: $0.key, value: Int($0.value)) }, tool: tool),
            kernel: profile.kernel,
            defaultInit: profile.vcpuInit ?? VCPUInit(features: []))
    }
}
