public import Registers

/// A VM without memory, for reading what vCPUs of this host are like or trying a restore on them.
///
/// Its vCPUs never run.
public struct ScratchVM {
    /// What its vCPUs can be initialized with.
    public let abilities: VCPUAbilities
    /// One for each vCPU, by number; not initialized yet.
    public let banks: [KVMVCPUBank]
    /// What the VM has once; it has no device until one is made by writing `RegisterID.gicModel`.
    public let vm: KVMVMBank

    /// - Parameters:
    ///   - vcpuCount: at most the host's `KVM_CAP_MAX_VCPUS`.
    ///   - capabilities: enabled before the vCPUs are made; those that the host does not have are left out.
    /// - Throws: where the host makes no such VM, or not as many vCPUs, or refuses a capability
    ///   that it reports.
    public init(
        on system: borrowing KVMSystem, vcpuCount: Int, enabling capabilities: [KVMCapability] = []
    ) throws(KVMError) {
        let vm = try system.makeVM()
        for capability in capabilities.map(Capability.init) where try vm.value(of: capability) > 0 {
            try vm.enable(capability)
        }
        let abilities = try VCPUAbilities(of: vm)
        self.abilities = abilities
        banks = try Self.makeVCPUs(vcpuCount, in: vm, abilities)
        self.vm = KVMVMBank(vm, banks)
    }

    /// Makes the vCPUs in a VM of the caller's, which must outlive this value.
    /// - Throws: where the host does not make as many vCPUs.
    @_spi(Guests) public init(in vm: borrowing VM, vcpuCount: Int) throws(KVMError) {
        let abilities = try VCPUAbilities(of: vm)
        self.abilities = abilities
        banks = try Self.makeVCPUs(vcpuCount, in: vm, abilities)
        self.vm = KVMVMBank(vm.lent(), banks)
    }

    private static func makeVCPUs(
        _ count: Int, in vm: borrowing VM, _ abilities: VCPUAbilities
    ) throws(KVMError) -> [KVMVCPUBank] {
        let devices = VMDevices()
        var banks: [KVMVCPUBank] = []
        for index in 0..<max(0, count) {
            let number = UInt32(clamping: index)
            banks.append(
                KVMVCPUBank(
                    owning: try vm.makeVCPU(index: number), abilities: abilities, index: number,
                    devices: devices))
        }
        return banks
    }
}
