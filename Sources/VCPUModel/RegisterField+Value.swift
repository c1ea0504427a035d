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
