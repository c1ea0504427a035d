public import Registers

/// Why a register will be lost, in the terms of what differs between the hosts.
public struct Cause: Hashable, Comparable, Sendable {
    /// What differs, for grouping; `detail` says which one.
    public var kind: LossCause
    /// A field, a feature, a kernel version or numbers of vCPUs, depending on the kind; nil where that adds nothing.
    public var detail: String?

    /// A cause with the detail that its kind asks for.
    public init(_ kind: LossCause, _ detail: String? = nil) {
        self.kind = kind
        self.detail = detail
    }

    /// Whether a plan tells the left one first.
    public static func < (left: Cause, right: Cause) -> Bool {
        (left.order, left.detail ?? "") < (right.order, right.detail ?? "")
    }

    private var order: Int { LossCause.allCases.firstIndex(of: kind) ?? 0 }

    /// A heading: `the destination's CPU lacks ID_AA64MMFR3_EL1.S1PIE`.
    public var text: String {
        let detail = detail ?? ""
        return switch kind {
        case .cpuFeature: "the destination's CPU lacks \(detail)"
        case .vcpuFeature: "the destination cannot give a vCPU \(detail)"
        case .guestFeature:
            "the guest's own vCPU lacks \(detail), without which the destination has no such register"
        case .kernel: "the destination's kernel is older than Linux \(detail)"
        case .claimsMore:
            "the guest's ID registers hold values that the destination does not accept"
        case .implementation: "the destination's CPU is a different implementation"
        case .cacheGeometry: "the caches that the guest sees differ"
        case .psciVersion: "the PSCI version differs"
        case .firmware: "the firmware services or mitigations differ"
        case .vectorLengths: "the SVE vector lengths differ"
        case .performanceMonitors: "the performance monitors differ"
        case .kernelView:
            "the destination's kernel takes the value, but presents the same CPU differently: \(detail)"
        case .executionState: "the destination's CPU does not have the guest's execution state"
        case .interruptController:
            "the destination cannot give the guest its interrupt controller as it was"
        case .clock: "the destination cannot give the guest its clock"
        case .deviceAttributes: "the attributes of the VM's devices differ"
        case .incomplete: "the snapshot lacks registers that every vCPU needs"
        case .differentVCPUs: "KVM cannot make such a vCPU, or not in the same VM as the others"
        case .tooManyVCPUs: "the guest has more vCPUs than the destination can make: \(detail)"
        case .notInitialized: "the vCPU is not initialized, so it has no registers"
        case .other: "other differences"
        }
    }
}
