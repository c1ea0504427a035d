/// The steps of a restore, in the order KVM needs them.
///
/// The order follows Documentation/virt/kvm/arm/vcpu-features.rst and api.rst: registers that decide
/// which others exist, or how they read, come before those others.
package enum RestorePhase: Int, CaseIterable, Comparable, Sendable {
    /// `KVM_ARM_VCPU_INIT`; it resets every register.
    case initialization
    /// SVE vector lengths, writable only between init and finalize.
    case vectorLengths
    /// `KVM_ARM_VCPU_FINALIZE`.
    case finalization
    /// PSCI version, workaround levels and hypercall bitmaps, fixed at the first run.
    case firmware
    /// The interrupt controller is made, which changes ID registers.
    case interruptController
    /// ID registers and cache geometry: the visibility of other registers depends on them.
    case identification
    /// What is fixed when the interrupt controller is initialized, or at the first run: numbers of interrupts, addresses.
    case interruptSetUp
    /// PMCR_EL0, whose N limits what the other PMU registers can hold.
    case pmuControl
    /// PSTATE: while it says AArch32, KVM truncates writes to X registers and PC to 32 bits.
    case programState
    /// X registers, SP, PC, ELR_EL1, SPSRs, FPSR and FPCR.
    case general
    /// V registers; with SVE, Z, P and FFR registers.
    case vector
    /// System and AArch32 registers that no other phase has, and ids of an unknown group.
    case system
    /// GICD_IIDR and its like, which decide what other registers of the GIC are. It and the phases up to
    /// `translationEnable` are explained in Formats/gic-and-clock.md, "Order".
    case interruptIdentity
    /// GICD_CTLR.
    case interruptControl
    /// GICR_PROPBASER and GICR_PENDBASER, which are ignored once LPIs are enabled.
    case lpiBases
    /// GICR_CTLR.
    case lpiEnable
    /// Groups, enables, triggers and targets: a pending interrupt goes to the target that it then has.
    case interruptConfiguration
    /// Line levels and pending interrupts.
    case interruptLines
    /// Active interrupts and priorities.
    case interruptActivity
    /// ICC_CTLR_EL1 and ICC_SRE_EL1, which decide which active priorities there are.
    case cpuInterfaceControl
    /// The other registers of the CPU interface.
    case cpuInterface
    /// An ITS, but for its control: GITS_CBASER resets the queue's places, which come after it.
    case translation
    /// GITS_CTLR.
    case translationEnable
    /// Compare values and controls, then the counters: a counter that moves last cannot make a
    /// timer fire against a stale compare value.
    case timers
    /// Every counter but CNTPCT_EL0.
    case counters
    /// CNTPCT_EL0, after CNTVCT_EL0: with HAS_EL2 a write of either sets the VM's one offset, and
    /// CNTVCT_EL0 is behind it by CNTVOFF_EL2 (`kvm_timer_vcpu_reset`, `arch/arm64/kvm/arch_timer.c`),
    /// so that only the physical count can say what the offset was. Without HAS_EL2 each has its own.
    case physicalCounter
    /// The clock of the VM, which runs while a restore writes, and the address of stolen time.
    case clock
    /// A pending SError, which the kernel wants after the registers.
    case events
    /// Last: it may make the vCPU runnable.
    case runState

    /// From here on a vCPU has its registers.
    package static let firstOfInitialized = firmware

    /// Whether a restore goes through the left one first.
    package static func < (left: RestorePhase, right: RestorePhase) -> Bool {
        left.rawValue < right.rawValue
    }

    /// The phase a register belongs to.
    package init(of id: RegisterID) { self = id.kind.phase }
}
