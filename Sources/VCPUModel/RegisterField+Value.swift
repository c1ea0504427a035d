public import Registers

extension RegisterField {
    /// The field's bits of a value of any width, shifted down to bit 0; fields have at most 64 bits.
    public func extract(from value: RegisterValue) -> UInt64 {
        if let bits = value.bits { return extract(from: bits) }
        return extract(fromLittleEndian: value.littleEndianBytes)
    }
}
