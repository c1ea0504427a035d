public import Registers
internal import VCPUModel

/// An emulated host that makes many vCPUs: what is the same for all of them is worked out once.
///
/// For one thread.
public final class EmulatedHost {
    /// The host that is emulated.
    public let profile: HostProfile
    private var fresh: [Kind: (table: RegisterTable, state: CPUState)] = [:]

    /// What decides which registers a new vCPU has and how they are written.
    private struct Kind: Hashable {
        var features: VCPUFeatures
        var enabled: Set<String>
    }

    /// A host by its profile.
    public init(_ profile: HostProfile) {
        self.profile = profile
    }

    /// A VM: its vCPUs, by number, not initialized yet, and what it has once.
    ///
    /// What KVM keeps once for the whole VM is the same in all vCPUs.
    /// - Parameter capabilities: what to enable on the VM before; those that the host does not have are
    ///   left out.
    public func makeVM(
        vcpuCount count: Int, enabling capabilities: [KVMCapability] = []
    ) -> (vcpus: [EmulatedCPU], bank: EmulatedVMBank) {
        let offered = capabilities.filter(profile.offers).map(\.name)
        let vm = EmulatedVM(profile, vcpuCount: count, enabled: Set(offered))
        let vcpus = (0..<max(0, count)).map { index in
            EmulatedCPU(on: self, index: UInt32(clamping: index), in: vm)
        }
        return (vcpus, EmulatedVMBank(vm.devices, vcpus))
    }

    /// The vCPUs of such a VM alone.
    public func makeVCPUs(
        _ count: Int, enabling capabilities: [KVMCapability] = []
    ) -> [EmulatedCPU] {
        makeVM(vcpuCount: count, enabling: capabilities).vcpus
    }

    /// The registers of a vCPU with these features, and their values after the init.
    /// - Parameter enabled: the capabilities enabled on its VM, by name.
    func registers(
        of features: VCPUFeatures, enabled: Set<String>
    ) -> (table: RegisterTable, state: CPUState) {
        let kind = Kind(features: features, enabled: enabled)
        if let known = fresh[kind] { return known }
        let table = RegisterTable(profile, features: features, enabled: enabled)
        let made = (table: table, state: table.initialState())
        fresh[kind] = made
        return made
    }
}
