internal import Emulation
public import LinuxSystem
public import Registers
internal import VCPUModel

/// `emulated:NAME`: vCPUs of an emulated host, by a built-in profile's name or the path of a profile.
public struct EmulatedSource: HostSource {
    public static let scheme = "emulated:"
    public static let summary = SourceSummary(
        grammar: "emulated:NAME",
        meaning: "an emulated host: a built-in profile or the path of a\n.vhost file",
        abilities: [.read, .restore, .edit, .host], options: [.vcpus],
        example: "vcpusnap save emulated:6.12-neoverse-n1 --vcpus 4 -o four.vcpusnap")

    public let name: String

    public init(_ name: String) {
        self.name = name
    }

    public var file: FileIdentity? { FileIdentity(of: name) }

    public func makeVCPUs(
        _ count: Int, enabling capabilities: [KVMCapability], _ options: SourceOptions
    ) throws(SourceError) -> MadeVCPUs {
        MadeVCPUs(
            count, on: try ProfileFile.load(name), enabling: capabilities,
            tool: options.tool)
    }

    public static func completions(of beginning: String) -> [String] {
        HostProfile.builtInNames.map { scheme + $0 }
    }
}

extension MadeVCPUs {
    convenience init(
        _ count: Int, on profile: HostProfile, enabling capabilities: [KVMCapability] = [],
        tool: String
    ) {
        self.init(
            EmulatedHost(profile).makeVCPUs(count, enabling: capabilities),
            provenance: Provenance(
                kernel: profile.kernelRelease, midr: profile.midr,
                counterFrequency: profile.counterFrequency,
                capabilities: profile.capabilities.sorted { $0.key < $1.key }
                    .map { (name: $0.key, value: Int($0.value)) }, tool: tool),
            kernel: profile.kernel,
            defaultInit: profile.vcpuInit ?? VCPUInit(features: []))
    }
}
