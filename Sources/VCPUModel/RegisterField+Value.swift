public import Registers

extension RegisterField {
    /// The field's bits of a value of any width, shifted down to bit 0; fields have at most 64 bits.
    public func extract(from value: RegisterValue) -> UInt64 {
        if let bits = value.bits { return extract(from: bits) }
        return extract(fromLittleEndian: value.littleEndianBytes)
    }

    /// A value of any width with these bits in the place of the field's; bits above the field's width
    /// are dropped, and those above the value's.
    public func insert(_ bits: UInt64, into value: RegisterValue) -> RegisterValue {
        var bytes = value.littleEndianBytes
        for bit in 0..<width where (lsb + bit) / 8 < bytes.count {
            let mask: UInt8 = 1 << UInt8((lsb + bit) % 8)
            let isSet = bits >> UInt64(bit) & 1 != 0
            bytes[(lsb + bit) / 8] = bytes[(lsb + bit) / 8] & ~mask | (isSet ? mask : 0)
        }
        return RegisterValue(littleEndian: bytes) ?? value
    }
}

extension RegisterList {
    /// The bits of a field of a register, shifted down to bit 0; nil where the list does not have the register.
    package func bits(of field: RegisterField, in id: RegisterID) -> UInt64? {
        self[id].map { field.extract(from: $0.lowBits) }
    }

    /// Whether EL1 is AArch32, by how the vCPU was made or the state that it is in.
    package var hasAArch32AtEL1: Bool {
        let made = self[.vcpuInit].flatMap { VCPUInit($0) }?.features ?? []
        let shown = VCPUFeatures(shownBy: { self[$0]?.lowBits })
        return made.union(shown).contains(.el1In32Bit)
    }

    /// Whether EL0 can be AArch32, as ID_AA64PFR0_EL1 says; nil where it does not say.
    package var hasAArch32AtEL0: Bool? {
        switch bits(of: RegisterField.IDAA64PFR0EL1.el0, in: .idAA64PFR0EL1) {
        case 1: false
        case 2: true
        default: nil
        }
    }
}
