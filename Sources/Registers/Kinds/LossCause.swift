/// Why a register can be lost on another host: what differs.
///
/// The raw values are the stable names in JSON. Reports list causes in the order of the cases.
public enum LossCause: String, CaseIterable, Sendable {
    /// The destination's CPU lacks a feature; the detail is the ID register's field.
    case cpuFeature = "cpu-feature"
    /// The destination's KVM lacks a feature of `KVM_ARM_VCPU_INIT`; the detail is its name.
    case vcpuFeature = "vcpu-feature"
    /// The guest's own vCPU lacks what the destination's KVM wants for the register, by its ID registers or features; the
    /// detail is the field or the feature.
    case guestFeature = "guest-feature"
    /// The destination's kernel does not list the register; the detail is the first that does.
    case kernel
    /// An ID register promises more than the destination has, or a value that its kernel lets no one set.
    case claimsMore = "claims-more"
    /// The CPUs are of different implementations (MIDR_EL1, REVIDR_EL1, AIDR_EL1).
    case implementation
    /// CLIDR_EL1, CTR_EL0 or a CCSIDR register differs.
    case cacheGeometry = "cache-geometry"
    /// The destination does not take the guest's PSCI version (`KVM_REG_ARM_PSCI_VERSION`).
    case psciVersion = "psci-version"
    /// Hypercall services and firmware mitigations.
    case firmware
    /// SVE_VLS or a register of SVE: the destination has other vector lengths.
    case vectorLengths = "sve-lengths"
    /// A register of the PMU; of PMCR_EL0 often the number of counters.
    case performanceMonitors = "performance-monitors"
    /// The CPU is the same, but the destination's kernel shows it differently; the detail says where.
    case kernelView = "kernel-view"
    /// The guest runs in a mode the destination's CPU does not have.
    case executionState = "execution-state"
    /// The GIC: its state, or how it was set up.
    case interruptController = "interrupt-controller"
    /// The guest's clock.
    case clock
    /// Attributes of the VM's devices and vCPUs, such as interrupts of timers and the PMU.
    case deviceAttributes = "device-attributes"
    /// The snapshot lacks a register that no vCPU can do without.
    case incomplete
    /// KVM makes no vCPU with these features, or none beside the VM's other vCPUs.
    case differentVCPUs = "different-vcpus"
    /// The guest has more vCPUs than the destination gives a VM; the detail has both numbers.
    case tooManyVCPUs = "too-many-vcpus"
    /// The vCPU's initialization was refused, so it has no registers.
    case notInitialized = "not-initialised"
    /// None of the above; nothing more is known.
    case other
}
