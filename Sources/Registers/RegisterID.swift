/// The identifier of one vCPU register: the 64-bit id of `KVM_GET_ONE_REG` and `KVM_SET_ONE_REG`.
///
/// Layout (Linux `include/uapi/linux/kvm.h` and `arch/arm64/include/uapi/asm/kvm.h`):
///
/// | bits  | meaning                                             |
/// |-------|-----------------------------------------------------|
/// | 63:56 | architecture                                        |
/// | 55:52 | log2 of the register's size in bytes                |
/// | 51:32 | zero                                                |
/// | 31:16 | coprocessor: the group of registers (27:16 on KVM)  |
/// | 15:0  | the register inside its group                       |
///
/// Every 64-bit number is a valid `RegisterID`: ids this version knows nothing about survive
/// reading, writing, printing and parsing unchanged.
public struct RegisterID: RawRepresentable, Hashable, Comparable, Sendable {
    /// The id's 64 bits.
    public let rawValue: UInt64

    /// Takes any 64 bits.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Whether the left one stands first in a list: ids are compared as numbers.
    public static func < (left: RegisterID, right: RegisterID) -> Bool {
        left.rawValue < right.rawValue
    }
}

extension RegisterID {
    /// The architecture byte of an id (`KVM_REG_ARCH_MASK`).
    public enum Architecture: Hashable, Sendable {
        /// 32-bit Arm (`KVM_REG_ARM`): legacy 32-bit KVM, and the AArch32 half of QEMU TCG lists.
        case arm
        /// 64-bit Arm (`KVM_REG_ARM64`).
        case arm64
        /// State outside KVM's register list: of a vCPU (see `RegisterID.vcpuInit` and its siblings), and
        /// what a VM has once. These ids are this project's own and are never passed to the kernel.
        case own
        /// Any other byte; the kernel uses such for other architectures.
        case unknown(UInt8)
    }

    /// What bits 63:56 say.
    public var architecture: Architecture {
        switch UInt8(rawValue >> 56) {
        case 0x40: .arm
        case 0x60: .arm64
        case 0x76: .own
        case let other: .unknown(other)
        }
    }

    /// The size of the register's value in bytes: 1, 2, 4 … 256; nil for a size KVM does not define.
    public var size: Int? {
        let exponent = (rawValue >> 52) & 0xf
        return exponent <= 8 ? 1 << Int(exponent) : nil
    }

    /// The largest value a register can have, in bytes: a 2048-bit SVE register.
    public static let maximumSize = 256

    /// What kind of register an id names, with the parts of the id that matter for that kind.
    public enum Group: Hashable, Sendable {
        /// `struct kvm_regs`; the offset counts 32-bit words (`KVM_REG_ARM_CORE`).
        case core(offset: UInt16)
        /// A register selected by another one; kind 0 is CCSIDR, selected by CSSELR
        /// (`KVM_REG_ARM_DEMUX`).
        case demultiplexed(kind: UInt8, selector: UInt8)
        /// An AArch64 system register (`KVM_REG_ARM64_SYSREG`).
        case system(SystemRegisterEncoding)
        /// A firmware pseudo-register such as the PSCI version (`KVM_REG_ARM_FW`).
        case firmware(index: UInt16)
        /// A bitmap of hypercall services (`KVM_REG_ARM_FW_FEAT_BMAP`).
        case firmwareFeatures(index: UInt16)
        /// SVE Z, P and FFR registers by slice, and the set of vector lengths (`KVM_REG_ARM64_SVE`).
        case sve(index: UInt16)
        /// An AArch32 coprocessor register (p14, p15), as in legacy KVM and QEMU TCG lists.
        case coprocessor(CoprocessorEncoding)
        /// An AArch32 VFP register of legacy 32-bit KVM (`KVM_REG_ARM_VFP`).
        case vfp(index: UInt16)
        /// State of a vCPU outside KVM's register list; see `Architecture.own`.
        case vcpu(index: UInt16)
        /// State that a VM has once, of the kind with this number, from 1 on.
        case vm(kind: UInt16, index: UInt16)
        /// No group this version knows, or an id with a bit set among 51:32.
        case unknown
    }

    /// The group the id's architecture and bits 31:16 say; `unknown` where bits 51:32 are not zero.
    public var group: Group {
        let coprocessor = UInt16(truncatingIfNeeded: rawValue >> 16)
        let index = UInt16(truncatingIfNeeded: rawValue)
        guard (rawValue >> 32) & 0xf_ffff == 0 else { return .unknown }
        switch (architecture, coprocessor) {
        case (.arm64, 0x10), (.arm, 0x10): return .core(offset: index)
        case (.arm64, 0x11), (.arm, 0x11):
            return .demultiplexed(
                kind: UInt8(index >> 8), selector: UInt8(truncatingIfNeeded: index))
        case (.arm64, 0x13): return .system(SystemRegisterEncoding(rawValue: index))
        case (.arm64, 0x14), (.arm, 0x14): return .firmware(index: index)
        case (.arm64, 0x15): return .sve(index: index)
        case (.arm64, 0x16), (.arm, 0x16): return .firmwareFeatures(index: index)
        case (.arm, 0x12): return .vfp(index: index)
        case (.arm, _):
            guard let encoding = CoprocessorEncoding(id: self) else { return .unknown }
            return .coprocessor(encoding)
        case (.own, 0): return .vcpu(index: index)
        case (.own, let kind): return .vm(kind: kind, index: index)
        default: return .unknown
        }
    }

    /// The `Op0, Op1, CRn, CRm, Op2` of an AArch64 system register, packed as in its KVM id.
    public struct SystemRegisterEncoding: RawRepresentable, Hashable, Sendable {
        /// `op0<<14 | op1<<11 | crn<<7 | crm<<3 | op2`.
        public let rawValue: UInt16

        /// Takes any 16 bits; Op0 is their upper two, so every pattern is an encoding.
        public init(rawValue: UInt16) {
            self.rawValue = rawValue
        }

        /// Packs the five parts; nil when one does not fit its field (2, 3, 4, 4 and 3 bits).
        public init?(op0: Int, op1: Int, crn: Int, crm: Int, op2: Int) {
            guard 0..<4 ~= op0, 0..<8 ~= op1, 0..<16 ~= crn, 0..<16 ~= crm, 0..<8 ~= op2
            else { return nil }
            rawValue = UInt16(op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2)
        }

        /// Op0, bits 15:14; 2 for debug and trace registers, 3 for other system registers.
        public var op0: Int { Int(rawValue >> 14) }
        /// Op1, bits 13:11.
        public var op1: Int { Int(rawValue >> 11) & 7 }
        /// CRn, bits 10:7.
        public var crn: Int { Int(rawValue >> 7) & 15 }
        /// CRm, bits 6:3.
        public var crm: Int { Int(rawValue >> 3) & 15 }
        /// Op2, bits 2:0.
        public var op2: Int { Int(rawValue) & 7 }
    }

    /// An AArch32 coprocessor register, in the encoding of 32-bit KVM ids.
    ///
    /// 32-bit registers (MCR/MRC) have CRn, CRm, opc1 and opc2; 64-bit ones (MCRR/MRRC) have CRm
    /// and opc1. QEMU sets bit 29 for the Non-secure bank (`CP_REG_AA32_NS_MASK`,
    /// `target/arm/cpregs.h`); KVM leaves it clear.
    public struct CoprocessorEncoding: Hashable, Sendable {
        /// The coprocessor's number, bits 27:16 of the id: 14 or 15, and at most 15.
        public var coprocessor: Int
        /// Opc1, bits 6:3 of the id: 0 to 7, or 0 to 15 for a 64-bit register.
        public var opc1: Int
        /// CRn, bits 14:11 of the id; 0 for a 64-bit register, which has none.
        public var crn: Int
        /// CRm, bits 10:7 of the id.
        public var crm: Int
        /// Opc2, bits 2:0 of the id; 0 for a 64-bit register, which has none.
        public var opc2: Int
        /// Whether MCRR and MRRC access it, by the size in the id: 8 bytes rather than 4.
        public var is64Bit: Bool
        /// Whether bit 29 of the id is set: QEMU's mark for the Non-secure bank.
        public var isNonSecure: Bool

        fileprivate init?(id: RegisterID) {
            let bits = id.rawValue
            let number = Int((bits >> 16) & 0xfff)
            guard number < 16, bits & 0xd000_8000 == 0, id.size == 4 || id.size == 8
            else { return nil }
            coprocessor = number
            is64Bit = id.size == 8
            isNonSecure = bits & (1 << 29) != 0
            crm = Int(bits >> 7) & 15
            opc1 = Int(bits >> 3) & 15
            crn = is64Bit ? 0 : Int(bits >> 11) & 15
            opc2 = is64Bit ? 0 : Int(bits) & 7
            guard is64Bit ? bits & 0x7807 == 0 : opc1 < 8 else { return nil }
        }
    }
}

extension RegisterID {
    /// A coprocessor register's id with bit 29 set or clear (`CoprocessorEncoding.isNonSecure`).
    public func inBank(nonSecure: Bool) -> RegisterID {
        let bit: UInt64 = 1 << 29
        return RegisterID(rawValue: nonSecure ? rawValue | bit : rawValue & ~bit)
    }

    /// The id of an AArch64 system register by its encoding.
    public static func system(_ encoding: SystemRegisterEncoding) -> RegisterID {
        RegisterID(rawValue: 0x6030_0000_0013_0000 | UInt64(encoding.rawValue))
    }
}
