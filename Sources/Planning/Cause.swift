/// Why a register will be lost, in the terms of what differs between the hosts.
public struct Cause: Hashable, Comparable, Sendable {
    /// What differs.
    ///
    /// The raw values are the stable names in JSON. Reports list causes in the order of the cases.
    public enum Kind: String, CaseIterable, Sendable {
        /// The destination's CPU lacks a feature; the detail is the ID register's field.
        case cpuFeature = "cpu-feature"
        /// The destination's KVM lacks a feature of `KVM_ARM_VCPU_INIT`; the detail is its name.
        case vcpuFeature = "vcpu-feature"
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
        /// The snapshot lacks a register that no vCPU can do without.
        case incomplete
        /// KVM makes no vCPU with these features, or none beside the VM's other vCPUs.
        case differentVCPUs = "different-vcpus"
        /// The guest has more vCPUs than the destination gives a VM; the detail has both numbers.
        case tooManyVCPUs = "too-many-vcpus"
        /// The vCPU's initialization was refused, so it has no registers.
        case notInitialised = "not-initialised"
        /// None of the above; nothing more is known.
        case other
    }

    /// What differs, for grouping; `detail` says which one.
    public var kind: Kind
    /// A field, a feature, a kernel version or numbers of vCPUs, depending on the kind; nil where that adds nothing.
    public var detail: String?

    /// A cause with the detail that its kind asks for.
    public init(_ kind: Kind, _ detail: String? = nil) {
        self.kind = kind
        self.detail = detail
    }

    public static func < (left: Cause, right: Cause) -> Bool {
        (left.order, left.detail ?? "") < (right.order, right.detail ?? "")
    }

    private var order: Int { Kind.allCases.firstIndex(of: kind) ?? 0 }

    /// A heading: `the destination's CPU lacks ID_AA64MMFR3_EL1.S1PIE`.
    public var text: String {
        let detail = detail ?? ""
        return switch kind {
        case .cpuFeature: "the destination's CPU lacks \(detail)"
        case .vcpuFeature: "the destination cannot give a vCPU \(detail)"
        case .kernel: "KVM has it since Linux \(detail)"
        case .claimsMore: "the guest was promised what the destination cannot give"
        case .implementation: "the destination's CPU is of another implementation"
        case .cacheGeometry: "the caches that the guest sees differ"
        case .psciVersion: "the PSCI version differs"
        case .firmware: "the firmware services or mitigations differ"
        case .vectorLengths: "the SVE vector lengths differ"
        case .performanceMonitors: "the performance monitors differ"
        case .kernelView: "the destination's kernel shows the same CPU otherwise: \(detail)"
        case .executionState: "the destination's CPU does not have the guest's execution state"
        case .incomplete: "the snapshot does not have what no vCPU can do without"
        case .differentVCPUs: "KVM makes no such vCPU, or not in one VM with the others"
        case .tooManyVCPUs: "the guest has more vCPUs than the destination makes: \(detail)"
        case .notInitialised: "the vCPU is not initialised, so it has no registers"
        case .other: "other differences"
        }
    }
}
