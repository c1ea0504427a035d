internal import KVM
public import Registers
internal import VCPUModel

/// `kvm:`: vCPUs of a scratch VM on this host's KVM.
public struct KVMSource: HostSource {
    public static let scheme = "kvm:"
    public static let summary = SourceSummary(
        grammar: "kvm:", meaning: "a scratch VM on this host's /dev/kvm (arm64)",
        abilities: [.read, .restore, .edit, .host], needs: "arm64 with /dev/kvm",
        options: [.vcpus], example: "vcpusnap restore cpu.vcpusnap kvm:")

    public var name: String { "" }

    public init?(_ name: String) {
        guard name.isEmpty else { return nil }
    }

    public func makeVCPUs(
        _ count: Int, enabling capabilities: [KVMCapability], _ options: SourceOptions
    ) throws(SourceError) -> MadeVCPUs {
        do throws(KVMError) {
            let system = try KVMSystem()
            let host = try KVMHost(system)
            return MadeVCPUs(
                try ScratchVM(on: system, vcpuCount: count, enabling: capabilities).banks,
                provenance: .init(
                    kernel: host.kernelRelease, midr: host.midr,
                    counterFrequency: host.counterFrequency, capabilities: host.capabilities,
                    tool: options.tool),
                kernel: KernelVersion(parsing: host.kernelRelease),
                defaultInit: host.abilities.defaultInit)
        } catch {
            throw SourceError(error)
        }
    }
}
