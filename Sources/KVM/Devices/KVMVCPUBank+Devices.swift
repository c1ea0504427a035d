internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// The registers of a vCPU that are attributes: of its own descriptor, and of the interrupt controller.
extension KVMVCPUBank {
    /// How a device is asked about this vCPU.
    var key: VCPUKey {
        get throws(RegisterBankError) {
            if let mpidr { return VCPUKey(mpidr: mpidr, index: index) }
            let bits = try read(.mpidrEL1).lowBits
            mpidr = bits
            return VCPUKey(mpidr: bits, index: index)
        }
    }

    /// Those that the vCPU has, where the state of devices is asked for.
    var idsOfDevices: [RegisterID] {
        guard devices.areAskedFor else { return [] }
        let own = RegisterID.attributesOfVCPU.filter { (try? read($0)) != nil }
        guard let model = devices.model, let key = try? key else { return own }
        let ofController = model.vcpuRegisters.filter { id in
            guard devices.has(id, of: key) else { return false }
            // KVM says of active priorities that they are there which it then refuses.
            return id.architecture == .own || (try? read(id)) != nil
        }
        return own + ofController
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
