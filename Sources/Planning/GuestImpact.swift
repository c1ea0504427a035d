internal import VCPUModel

/// What the guest would notice of the loss of a register.
public struct GuestImpact: Hashable, Sendable {
    /// Whether the register holds something other than its reset value; nil where that is not known or says nothing
    /// (ID registers).
    public var isChangedFromReset: Bool?
    /// The fields by which the guest itself controls what the register belongs to, with their values; 0 is off.
    public var controls: [FieldValue]

    /// Whether it is a Z register, which has the place of a V register in a vCPU with SVE.
    public var holdsVector = false

    /// Whether the guest has any of it switched on; nil where there is no control.
    public var isInUse: Bool? {
        controls.isEmpty ? nil : controls.contains { $0.value != 0 }
    }

    /// Whether there is nothing to say.
    public var isEmpty: Bool { isChangedFromReset == nil && controls.isEmpty }

    /// `changed since reset; in use, CPACR_EL1.ZEN is 0x3`, of a Z register also that it holds the V register.
    public var text: String {
        let change = isChangedFromReset.map { $0 ? "changed since reset" : "never changed" }
        let values = controls.map { "\($0.name) is \(RegisterValue($0.value))" }
        let use = isInUse.map { isInUse in
            (isInUse ? "in use, " : "not in use, ") + values.joined(separator: ", ")
        }
        let part = holdsVector ? "its low 128 bits are the V register" : nil
        return [change, use, part].compactMap(\.self).joined(separator: "; ")
    }
}

/// A field of a register, and a value that it has or should have had.
public struct FieldValue: Hashable, Sendable {
    /// The field's name, without its register's where that is told beside it: `S1PIE`, `CPACR_EL1.ZEN`.
    public var name: String
    /// In the field's own bits, shifted down to bit 0.
    public var value: UInt64
}
