/// The 32-bit key by which QEMU finds a register in its own table: what `kvm_to_cpreg_id` makes of a
/// KVM id, and `cpreg_to_kvm_id` turns back (`target/arm/cpregs.h`).
///
/// | bits  | AArch64 register | AArch32 coprocessor register                   |
/// |-------|------------------|------------------------------------------------|
/// | 29    | 0                | Non-secure bank (`CP_REG_AA32_NS_SHIFT`)       |
/// | 28    | 1                | 0 (`CP_REG_AA64_SHIFT`)                        |
/// | 27:16 | as in the KVM id | the coprocessor's number                       |
/// | 15    | Op0, high bit    | the register has 64 bits (`CP_REG_AA32_64BIT_SHIFT`) |
/// | 14:0  | as in the KVM id | CRn, CRm, Opc1, Opc2 as in the KVM id          |
///
/// The way there and back is not the identity. Two KVM ids lose something:
///
/// - KVM runs guests in Non-secure state only, so QEMU sets bit 29 for every AArch32 id, also for one
///   that came without. In a list of an emulated CPU with EL3 an id without bit 29 is the Secure bank's
///   register; it is looked up, read and written as its Non-secure twin, and what the Secure bank holds
///   is lost in a migration.
/// - The size of an AArch64 register is taken to be 64 bits, and only those of AArch32 are told apart:
///   KVM's 32-bit demultiplexed ids (CCSIDR) come back as others.
package struct CPRegisterKey: RawRepresentable, Hashable, Sendable {
    /// The key's 32 bits, laid out as in the table above.
    package let rawValue: UInt32

    /// Takes any 32 bits, whether or not QEMU's table has a register for them.
    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    private static let isAArch64: UInt32 = 1 << 28
    private static let isNonSecure: UInt32 = 1 << 29
    private static let has64Bits: UInt32 = 1 << 15

    /// The key QEMU looks a KVM id up by (`kvm_to_cpreg_id`).
    package init(kvmID id: RegisterID) {
        var key = UInt32(truncatingIfNeeded: id.rawValue)
        if id.architecture == .arm64 {
            key |= Self.isAArch64
        } else {
            if id.size == 8 { key |= Self.has64Bits }
            key |= Self.isNonSecure
        }
        rawValue = key
    }

    /// The id QEMU puts into its list for a register of its table (`cpreg_to_kvm_id`).
    package var kvmID: RegisterID {
        guard rawValue & Self.isAArch64 == 0 else {
            return RegisterID(
                rawValue: 0x6030_0000_0000_0000 | UInt64(rawValue & ~Self.isAArch64))
        }
        let head: UInt64 =
            rawValue & Self.has64Bits == 0 ? 0x4020_0000_0000_0000 : 0x4030_0000_0000_0000
        return RegisterID(rawValue: head | UInt64(rawValue & ~Self.has64Bits))
    }
}

extension RegisterID {
    /// Whether QEMU, given this id, reads and writes the register the id names.
    ///
    /// False for the Secure bank's AArch32 ids and for others that `CPRegisterKey` cannot tell.
    public var survivesCPRegisterKey: Bool {
        CPRegisterKey(kvmID: self).kvmID == self
    }
}
