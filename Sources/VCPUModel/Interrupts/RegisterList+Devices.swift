package import Registers

extension RegisterList {
    /// The low bits of a value for a register of an interrupt controller.
    package mutating func set(
        _ bits: UInt64, _ group: DeviceAttribute.GICGroup, _ attribute: UInt64
    ) {
        set(bits, DeviceAttribute(group, attribute))
    }

    /// The low bits of a value for what stands for an attribute; nothing where no id does.
    package mutating func set(_ bits: UInt64, _ attribute: DeviceAttribute) {
        guard let id = RegisterID(attribute) else { return }
        set(bits, id)
    }

    /// The low bits of a value for a register of four or eight bytes.
    package mutating func set(_ bits: UInt64, _ id: RegisterID) {
        set(RegisterValue(bits, size: id.size == 4 ? 4 : 8), for: id)
    }

    /// What a VMM cannot save of a VM of KVM: all that KVM does not tell, but for the tables, which it has put into the
    /// guest's memory.
    package mutating func setWhatKVMHides() {
        let unknown = UnknownState.everything.subtracting([.lpiPending, .itsTables])
        set(unknown.rawValue, .unknownState)
    }
}
