/// What a register is for, to group reports by.
public enum RegisterCategory: String, CaseIterable, Comparable, Sendable {
    /// What KVM keeps outside its register list (`RegisterID.Architecture.vcpu`).
    case vcpu = "vCPU"
    /// KVM's firmware registers: the PSCI version, workaround states and hypercall bitmaps.
    case firmware = "firmware"
    /// Registers that tell the guest of its CPU: ID registers, MIDR_EL1 and its like, CCSIDR_EL1.
    case identification = "identification"
    /// The integer registers of `struct kvm_regs`: X0 to X30, SP, PC, PSTATE, SPSRs.
    case general = "general"
    /// V, Z, P and FFR registers, FPSR, FPCR, the SVE vector lengths, AArch32 VFP.
    case vector = "FP/SIMD and SVE"
    /// The pointer authentication keys (`RegisterEntry.isSecret`).
    case keys = "pointer authentication keys"
    /// System registers that are in no other category, and AArch32 coprocessor registers.
    case system = "system control"
    /// Debug and trace registers (Op0 2).
    case debug = "debug"
    /// Registers of the PMU.
    case performance = "performance monitors"
    /// The generic timer's registers, counters included.
    case timers = "timers"
    /// Ids whose group is not known.
    case other = "other"

    public static func < (left: RegisterCategory, right: RegisterCategory) -> Bool {
        left.order < right.order
    }

    private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// The category of a register, by its id's group and, for system registers, by the dictionary.
    public init(of id: RegisterID) {
        switch id.group {
        case .vcpu: self = .vcpu
        case .firmware, .firmwareFeatures: self = .firmware
        case .demultiplexed: self = .identification
        case .core: self = Self.coreCategory(id)
        case .sve, .vfp: self = .vector
        case .system(let encoding): self = Self.systemCategory(id, encoding)
        case .coprocessor: self = .system
        case .unknown: self = .other
        }
    }

    private static func coreCategory(_ id: RegisterID) -> RegisterCategory {
        let isFloatingPoint = id.size == 16 || id.size == 4
        return isFloatingPoint ? .vector : .general
    }

    private static func systemCategory(
        _ id: RegisterID, _ encoding: RegisterID.SystemRegisterEncoding
    ) -> RegisterCategory {
        let entry = RegisterDictionary.entry(for: id)
        if entry?.isFeatureIDRegister == true || entry?.isImplementationID == true {
            return .identification
        }
        if entry?.isTimer == true || entry?.isCounter == true { return .timers }
        if entry?.isPMU == true { return .performance }
        if entry?.isSecret == true { return .keys }
        // Op0 2 is the space of debug and trace registers (Arm ARM D18.2).
        return encoding.op0 == 2 ? .debug : .system
    }
}
