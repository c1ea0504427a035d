internal import Registers
internal import VCPUModel

/// The registers of a vCPU that are attributes: of its own descriptor, and of the interrupt controller.
extension EmulatedCPU {
    /// MPIDR_EL1, by which devices know the vCPU.
    var affinityBits: UInt64 { table[.mpidrEL1].map { state[$0].lowBits } ?? 0 }

    /// Those that the vCPU has, where the state of devices is asked for.
    var idsOfDevices: [RegisterID] {
        guard vm.devices.areAskedFor, state.run.initialization != nil else { return [] }
        let candidates = RegisterID.attributesOfVCPU + (vm.devices.model?.vcpuRegisters ?? [])
        let rules = InterruptRules(devices: vm.devices, vcpu: self)
        return candidates.filter { rules.has($0) && (try? rules.read($0)) != nil }
    }

    /// Whether a device is asked for a register, and not the vCPU.
    func isInDevice(_ id: RegisterID) -> Bool {
        id.deviceAttribute(with: vm.devices.model) != nil
    }

    /// Nil for one that no device is asked for.
    func valueInDevice(_ id: RegisterID) throws(Refusal) -> RegisterValue? {
        guard isInDevice(id) else { return nil }
        let bits = try InterruptRules(devices: vm.devices, vcpu: self).read(id)
        return RegisterValue(bits, size: id.size ?? 8)
    }
}
