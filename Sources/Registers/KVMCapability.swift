internal import CFormatData
internal import TextFormats

/// A capability that `KVM_CHECK_EXTENSION` reports, of those that matter to the state of a vCPU.
public struct KVMCapability: Hashable, Sendable {
    /// The argument of `KVM_CHECK_EXTENSION`.
    public var number: UInt32
    /// The name of its macro: `KVM_CAP_ARM_SVE`.
    public var name: String
    /// The first kernel known to have it; nil when the oldest examined one does.
    public var since: KernelVersion?
    /// Which VMMs enable it, in words; nil where that is not known.
    public var enabledBy: String?
    /// Whether KVM on arm64 can report it.
    public var isReportedByARM64: Bool
    /// Whether it says something about what state a vCPU can have, so that snapshots note it.
    public var isOfState: Bool
    /// What a kernel that has it reports where `reportNeeds` hold; 0 where that is not known.
    public var report: Int32
    /// What must hold for `report`.
    public var reportNeeds: [Condition]

    /// In ascending order of number.
    public static let all = Tables.capabilities.map {
        KVMCapability(
            number: $0.number, name: Tables.string($0.name),
            since: KernelVersion(packed: $0.since),
            enabledBy: Tables.optionalString($0.enabled_by),
            isReportedByARM64: $0.flags & 1 != 0, isOfState: $0.flags & 2 != 0,
            report: Int32(clamping: $0.value),
            reportNeeds: Tables.run($0.conditions, $0.condition_count).map {
                Condition(Tables.conditions[$0])
            })
    }
}

extension KVMCapability {
    /// The capability with a name; nil when the dictionary has none.
    public static func named(_ name: String) -> KVMCapability? {
        all.first { $0.name == name }
    }

    /// The kernel with which `KVM_ARM_SET_COUNTER_OFFSET` came, in words.
    package static let originOfCounterOffset =
        named("KVM_CAP_COUNTER_OFFSET")?.since.map { "Linux \($0)" } ?? "every Linux"

    /// `; did you mean NAME?` for a name that no capability has, or nothing.
    package static func question(about name: String) -> String {
        NameSuggestion.question(about: name, among: all.lazy.map(\.name))
    }

    /// Those that, enabled on a VM, let userspace write registers that are fixed otherwise.
    ///
    /// Enabling one changes no value that userspace reads. A guest that runs reads MIDR_EL1, REVIDR_EL1 and AIDR_EL1 of its
    /// VM from then on, and no longer those of the CPU that it is on; that is another value only on hosts with several
    /// types of CPU, and costs nothing: since Linux 6.15 reads of REVIDR_EL1 and AIDR_EL1 trap with the capability and
    /// without it, and MIDR_EL1 is in VPIDR_EL2 either way (`ctxt_midr_el1` and `access_imp_id_reg` in `arch/arm64/kvm`).
    public static let ofWritableRegisters: [KVMCapability] = {
        let needed = Set(RegisterDictionary.all.compactMap(\.capability))
        return all.filter(needed.contains)
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

    /// Each by its name.
    package static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    /// The name of its macro: `KVM_ARM_VCPU_PMU_V3`.
    public var macro: String { Self.prefix + name }

    private static let prefix = "KVM_ARM_VCPU_"

    /// The feature with a name, with or without the macro's prefix and in any case; nil when there is none.
    public static func named(_ name: some StringProtocol) -> VCPUFeature? {
        let name = name.uppercased()
        return byName[name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name]
    }
}
