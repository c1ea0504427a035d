internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// The registers of a vCPU that are attributes: of its own descriptor, and of the interrupt controller.
extension KVMVCPUBank {
    /// How a device is asked about this vCPU.
    var key: VCPUKey {
        get throws(RegisterBankError) {
            if mpidr == nil { mpidr = try read(.mpidrEL1).lowBits }
            let key = VCPUKey(mpidr: mpidr ?? 0, index: index)
            if let other = devices.note(key) {
                throw RegisterBankError(
                    .read, .mpidrEL1, .exists,
                    explanation:
                        "vCPU \(other) has the same affinity, by which a GICv3 tells vCPUs apart")
            }
            return key
        }
    }

    /// Those that the vCPU has, where the state of devices is asked for.
    func idsOfDevices() throws(RegisterBankError) -> [RegisterID] {
        guard devices.areAskedFor else { return [] }
        var ids: [RegisterID] = []
        for id in RegisterID.attributesOfVCPU where try readIfThere(id) != nil { ids.append(id) }
        guard let model = devices.model else { return ids }
        let key = try key
        for id in model.vcpuRegisters where devices.has(id, of: key) {
            // KVM says of active priorities that they are there which it then refuses.
            if id.architecture != .own, try readIfThere(id) == nil { continue }
            ids.append(id)
        }
        return ids
    }

    /// Two lists as one, ascending; KVM lists some of the interrupt controller's itself.
    func merged(_ first: [RegisterID], _ second: [RegisterID]) -> [RegisterID] {
        guard !second.isEmpty else { return first.sorted() }
        return Set(first).union(second).sorted()
    }

    func read(
        _ id: RegisterID, in attribute: DeviceAttribute
    ) throws(RegisterBankError) -> RegisterValue {
        try AttributeAccess.read(id, attribute, of: self, among: devices)
    }

    func write(
        _ value: RegisterValue, to id: RegisterID, in attribute: DeviceAttribute
    ) throws(RegisterBankError) {
        try AttributeAccess.write(value, to: id, attribute, of: self, among: devices)
    }
}
