package import Emulation
internal import KVM
package import Registers
internal import VCPUModel

/// `kvm:`: vCPUs of a scratch VM on this host's KVM.
package struct KVMSource: HostSource {
    /// Nothing follows it.
    package static let scheme = "kvm:"
    /// Reading, restoring and editing fresh vCPUs of the host that runs the command.
    package static let summary = SourceSummary(
        grammar: "kvm:", meaning: "a scratch VM on this host's /dev/kvm (arm64)",
        abilities: [.read, .restore, .edit, .host], needs: "arm64 with /dev/kvm",
        options: [.vcpus, .gic, .counterOffset], example: "vcpusnap save kvm: -o cpu.vcpusnap")

    /// Always empty: a host has one KVM.
    package var name: String { "" }

    /// Nil unless the name is empty.
    package init?(_ name: String) {
        guard name.isEmpty else { return nil }
    }

    /// This machine, recorded as `vcpusnap host` does.
    /// - Throws: where there is no KVM, or it cannot be recorded.
    package func hosts(_ options: SourceOptions) throws(SourceError) -> [HostProfile] {
        try HostRecorder.profiles(named: nil, options)
    }

    /// Makes a VM and its vCPUs by `/dev/kvm`.
    ///
    /// They go away with their banks.
    /// - Throws: when KVM cannot be opened, or makes no VM or not that many vCPUs.
    package func makeVCPUs(
        _ count: Int, enabling capabilities: [KVMCapability], _ options: SourceOptions
    ) throws(SourceError) -> MadeVCPUs {
        let (host, scratch) = try SourceError.passing {
            let system = try KVMSystem()
            return (
                try KVMHost(system),
                try ScratchVM(on: system, vcpuCount: count, enabling: capabilities)
            )
        }
        if options.has(.counterOffset) { scratch.vm.setClockByOffset() }
        let model = try options.gicModel
        try SourceError.passing { try scratch.vm.makeInterruptController(model) }
        return MadeVCPUs(
            scratch.banks, vm: scratch.vm,
            provenance: .init(
                kernel: host.kernelRelease, midr: host.midr,
                counterFrequency: host.counterFrequency, capabilities: host.capabilities,
                tool: options.tool),
            kernel: KernelVersion(parsing: host.kernelRelease),
            defaultInit: host.abilities.defaultInit)
    }
}
