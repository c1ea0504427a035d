package import Registers
package import VCPUModel

/// One register of the emulated CPU, as `ARMCPRegInfo` is for QEMU's.
package struct RegisterDefinition: Hashable, Sendable {
    /// What kind of access the register has.
    ///
    /// The first three are QEMU's `ARM_CP_CONST`,
    /// `ARM_CP_NO_RAW` and `ARM_CP_ALIAS` (`target/arm/cpregs.h`).
    package struct Flags: OptionSet, Hashable, Sendable {
        /// One bit for each flag.
        package let rawValue: UInt8

        /// A set from its bits.
        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// It has one value on this host; raw writes are ignored.
        package static let constant = Flags(rawValue: 1 << 0)
        /// It cannot be read or written without a side effect, so it has no raw access.
        package static let noRaw = Flags(rawValue: 1 << 1)
        /// A second view of state another register holds; not in the cpreg list.
        package static let alias = Flags(rawValue: 1 << 2)
        /// The guest can only read it.
        package static let readOnly = Flags(rawValue: 1 << 3)
        /// `KVM_ARM_VCPU_INIT` gives it its reset value again.
        ///
        /// Constants and what belongs to the
        /// whole VM keep theirs.
        package static let resettable = Flags(rawValue: 1 << 4)
        /// A raw write changes only the bits of `writableMask`.
        package static let maskedWrite = Flags(rawValue: 1 << 5)
    }

    /// The register's KVM id.
    package let id: RegisterID
    /// Where in `CPUState` the register lives.
    package let storage: RegisterStorage
    /// What kind of access the register has.
    package let flags: Flags
    /// What it holds after the first `KVM_ARM_VCPU_INIT`, by the profile; it has the register's size.
    package let resetValue: RegisterValue
    /// The bits a raw write can change, of the low 64; all of them unless `flags` says otherwise.
    package let writableMask: UInt64
    /// What KVM makes of a write by userspace.
    let rule: WriteRule
    /// The bits that are one for all vCPUs of a VM, of the low 64.
    let sharedBits: UInt64
    /// What must hold for the register to exist.
    let needs: [Condition]

    /// Whether it counts time.
    let isCounter: Bool

    /// Whether a list of the CPU state has it: it has raw access and is no second view of another
    /// register (`arm_init_cpreg_list`, `target/arm/helper.c`).
    package var isListedRaw: Bool { flags.isDisjoint(with: [.noRaw, .alias]) }

    /// Whether KVM makes the same of every write as of a write to another one.
    package func isWritten(like other: RegisterDefinition) -> Bool {
        rule == other.rule && flags == other.flags && writableMask == other.writableMask
            && sharedBits == other.sharedBits && needs == other.needs
    }
}
