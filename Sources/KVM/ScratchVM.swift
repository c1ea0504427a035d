/// A VM without memory, made to read what vCPUs of this host are like, or to try a restore on them.
///
/// Its vCPUs never run.
public struct ScratchVM {
    public let abilities: VCPUAbilities
    /// One for each vCPU, by number; not initialised yet.
    public let banks: [KVMVCPUBank]

    /// - Parameter vcpuCount: at most the host's `KVM_CAP_MAX_VCPUS`.
    public init(on system: borrowing KVMSystem, vcpuCount: Int) throws(KVMError) {
        try self.init(in: system.makeVM(), vcpuCount: vcpuCount)
    }

    /// Makes the vCPUs in a VM of the caller's.
    package init(in vm: borrowing VM, vcpuCount: Int) throws(KVMError) {
        abilities = try VCPUAbilities(of: vm)
        var banks: [KVMVCPUBank] = []
        for index in 0..<max(0, vcpuCount) {
            let number = UInt32(clamping: index)
            banks.append(
                KVMVCPUBank(owning: try vm.makeVCPU(index: number), abilities: abilities))
        }
        self.banks = banks
    }
}
