internal import CFormatData

/// A capability that `KVM_CHECK_EXTENSION` reports, of those that matter to the state of a vCPU.
public struct KVMCapability: Hashable, Sendable {
    /// The argument of `KVM_CHECK_EXTENSION`.
    public var number: UInt32
    /// The name of its macro: `KVM_CAP_ARM_SVE`.
    public var name: String
    /// The first kernel known to have it; nil when the oldest examined one does.
    public var since: KernelVersion?
    /// Whether KVM on arm64 can report it.
    public var isReportedByARM64: Bool
    /// What a kernel that has it reports where `reportNeeds` hold; 0 where that is not known.
    public var report: Int32
    /// What must hold for `report`.
    public var reportNeeds: [Condition]

    /// In ascending order of number.
    public static var all: [KVMCapability] {
        Tables.capabilities.map {
            KVMCapability(
                number: $0.number, name: Tables.string($0.name),
                since: KernelVersion(packed: $0.since),
                isReportedByARM64: $0.reported_by_arm64 != 0, report: Int32(clamping: $0.value),
                reportNeeds: Tables.run($0.conditions, $0.condition_count).map {
                    Condition(Tables.conditions[$0])
                })
        }
    }
}

extension KVMCapability {
    /// The capability with a name; nil when the dictionary has none.
    public static func named(_ name: String) -> KVMCapability? {
        all.first { $0.name == name }
    }

    /// Those that, enabled on a VM, let userspace write registers that are fixed otherwise.
    ///
    /// Enabling one changes no value.
    public static let ofWritableRegisters: [KVMCapability] = {
        let names = Set(RegisterDictionary.all.compactMap(\.newestBehavior?.capability))
        return all.filter { names.contains($0.name) }
    }()
}

/// A feature of `KVM_ARM_VCPU_INIT`.
public struct VCPUFeature: Hashable, Sendable {
    /// The bit in the first feature word; bit 32 + `bit` of `RegisterID.vcpuInit`.
    public var bit: Int
    /// The name without its prefix `KVM_ARM_VCPU_`: `PMU_V3`.
    public var name: String
    /// The capability that says whether the host has it; nil for POWER_OFF, which every host has.
    public var capability: String?
    /// The name of the feature without which there is no vCPU with this one; nil for most.
    public var needs: String?
    /// The first kernel known to have it; nil when the oldest examined one does.
    public var since: KernelVersion?
    /// The first kernel that hides what needs the feature from vCPUs without it; nil when the oldest examined one
    /// does.
    public var hidesSince: KernelVersion?

    /// In ascending order of bit.
    public static let all = Tables.features.map {
        VCPUFeature(
            bit: Int($0.bit), name: Tables.string($0.name),
            capability: Tables.optionalString($0.capability),
            needs: Tables.optionalString($0.needs),
            since: KernelVersion(packed: $0.since),
            hidesSince: KernelVersion(packed: $0.hides_since))
    }
}
