/// What a register is for, to group reports by.
public enum RegisterCategory: String, CaseIterable, Comparable, Sendable {
    /// What KVM keeps outside its register list (`RegisterID.Architecture.own`).
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
    /// The GIC: distributor, redistributors, CPU interfaces, line levels, ITS, and how they were set up.
    case interruptController = "interrupt controller"
    /// The guest's clock at one instant.
    case clock = "clock"
    /// What else KVM keeps as attributes of devices and vCPUs.
    case deviceAttributes = "device attributes"
    /// Ids of no known kind.
    case other = "other"

    /// Whether reports show the left one first.
    public static func < (left: RegisterCategory, right: RegisterCategory) -> Bool {
        left.order < right.order
    }

    private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// The category of a register.
    public init(of id: RegisterID) { self = id.kind.category }
}
