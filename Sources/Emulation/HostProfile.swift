internal import LinuxSystem
public import Registers
public import VCPUModel

/// A host as far as a vCPU on it can tell.
///
/// That is what `KVM_ARM_VCPU_INIT` leaves in its registers, and the facts that decide what KVM makes
/// of writes. Formats/vhost-v1.md specifies the file.
public struct HostProfile: Hashable, Sendable {
    /// The profile's name: `6.12-neoverse-n1`.
    public var name: String
    /// The kernel's release, as `uname -r` prints it.
    public var kernelRelease: String
    /// The release of the kernel whose rules KVM follows, where that is not the host's own: a vendor's
    /// kernel with KVM of a newer one.
    public var rulesRelease: String?
    /// MIDR_EL1 of the host's CPUs.
    public var midr: UInt64?
    /// CNTFRQ_EL0, in Hz.
    public var counterFrequency: UInt64?
    /// What `KVM_CHECK_EXTENSION` answers, by the capability's name.
    public var capabilities: [String: Int32] = [:]
    /// The features `KVM_ARM_VCPU_INIT` accepts.
    public var features: VCPUFeatures
    /// What `KVM_ARM_GET_REG_WRITABLE_MASKS` answers; empty when it was not recorded.
    public var writableMasks: [RegisterID: UInt64] = [:]
    /// The host's own value of ID registers that KVM presents to guests with fields hidden.
    public var hardware: [RegisterID: UInt64] = [:]
    /// The in-kernel devices that KVM makes (`KVM_CREATE_DEVICE_TEST`): `KVM_DEV_TYPE_ARM_*` without that prefix; empty
    /// where it was not recorded.
    public var devices: Set<String> = []
    /// The values of GICD_IIDR.Revision that KVM takes.
    public var gicRevisions: Set<UInt8> = []
    /// Attributes of a fresh VM and of its vCPU, where they say something of the host.
    public var attributes = RegisterList()
    /// Where this host differs from what the dictionary says of its kernel.
    public var overrides: [RegisterID: BehaviorOverride] = [:]
    /// Lines of `x-` directives, without a meaning here, in the order of the file.
    public var extensions: [String] = []
    /// How vCPUs with other features than those of `registers` differ; each set of features once.
    public var featureSets: [FeatureSet] = []
    /// Every register with its value after `KVM_ARM_VCPU_INIT` and finalize.
    ///
    /// What KVM keeps outside its register list is among them. It has `RegisterID.vcpuInit`, the init that was used.
    public var registers: RegisterList

    /// A profile with what every one has; the parser checks that its parts agree, this does not.
    public init(
        name: String, kernelRelease: String, features: VCPUFeatures, registers: RegisterList
    ) {
        self.name = name
        self.kernelRelease = kernelRelease
        self.features = features
        self.registers = registers
    }
}

extension HostProfile {
    /// The version of the kernel whose rules KVM follows; nil when the release tells none.
    ///
    /// A host that answers `KVM_ARM_GET_REG_WRITABLE_MASKS` has KVM of at least the kernel that began to,
    /// whatever version its vendor gave the kernel as a whole.
    public var kernel: KernelVersion? {
        if let rulesRelease { return KernelVersion(parsing: rulesRelease) }
        return KernelVersion(parsing: kernelRelease).map { own in
            writableMasks.isEmpty ? own : max(own, Self.firstWithMasks ?? own)
        }
    }

    /// The oldest kernel that was examined, where its rules are taken for those of an older one of which no change is
    /// known; nil for other hosts.
    public var substituteRules: KernelVersion? {
        let known = RegisterDictionary.entry(for: .clidrEL1)?.behaviorHistory.first?.from
        guard let known, let kernel, kernel < known else { return nil }
        return known
    }

    /// The vendor of its kernel, where what is said of the host rests on that kernel's version alone and the vendor
    /// may have ported KVM of newer kernels back to it.
    ///
    /// A recording found out by trying what the version does not say.
    public var untriedVendor: KernelVendor? {
        guard !isRecording, rulesRelease == nil, let vendor = KernelVendor(ofRelease: kernelRelease)
        else { return nil }
        return vendor.keepsToVersion ? nil : vendor
    }

    /// The CPUs that it is of, on a host that has other kinds of cores too: `0-3,6`; nil for all of the host's.
    public var cpus: String? {
        get {
            for line in extensions {
                let words = line.split { $0 == " " || $0 == "\t" }
                guard words.count == 2, words[0] == Self.cpusDirective,
                    let cpus = CPUSet(parsing: words[1])
                else { continue }
                return cpus.description
            }
            return nil
        }
        set {
            extensions.removeAll { $0.hasPrefix(Self.cpusDirective) }
            if let newValue { extensions.insert("\(Self.cpusDirective) \(newValue)", at: 0) }
        }
    }

    static let cpusDirective = "x-cpus"

    /// Whether a recording of the host made it, which tries what the kernel's version does not say.
    var isRecording: Bool {
        !extensions.contains { line in
            ["x-from ", "x-derived-from "].contains { line.hasPrefix($0) }
        }
    }

    /// Whether the host's KVM has a capability.
    public func offers(_ capability: KVMCapability) -> Bool {
        capabilities[capability.name] ?? 0 > 0
    }

    /// The ID registers whose recorded masks are not those that the dictionary has for the kernel, ascending: a
    /// vendor's kernel can have such.
    public var unusualMasks: [RegisterID] {
        let usual = dictionaryMasks
        return writableMasks.filter { usual[$0.key] != $0.value }.keys.sorted()
    }

    /// The most vCPUs that a VM can have; nil where that is not known.
    public var maximumVCPUs: Int32? { capabilities[Self.maximumVCPUsName] }

    /// The capability that says so.
    public static let maximumVCPUsName = "KVM_CAP_MAX_VCPUS"

    /// The first kernel with `KVM_ARM_GET_REG_WRITABLE_MASKS`.
    static let firstWithMasks =
        KVMCapability.named("KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES")?.since

    /// The init the values were recorded with.
    public var vcpuInit: VCPUInit? { registers[.vcpuInit].flatMap { VCPUInit($0) } }

    /// The SVE vector lengths a guest can have, in bytes, ascending; empty without SVE.
    public var sveVectorLengths: [Int] {
        registers[.sveVLS].map { SVEVectorLengths($0).lengths } ?? []
    }
}

extension HostProfile {
    /// How a vCPU with some features differs from the one the profile describes.
    public struct FeatureSet: Hashable, Sendable {
        /// The features of the vCPU; no other set of the profile has the same.
        public var features: VCPUFeatures
        /// Registers of the profile that it does not have, ascending.
        public var absent: [RegisterID]
        /// Registers that the profile lacks or has with other values.
        public var registers: RegisterList

        /// A set from its parts: what to take out of the profile's registers, and what to put in.
        public init(features: VCPUFeatures, absent: [RegisterID], registers: RegisterList) {
            self.features = features
            self.absent = absent
            self.registers = registers
        }

        /// The difference between two vCPUs of a host.
        ///
        /// What moves by itself, and what follows from the features, is left out.
        public init(
            features: VCPUFeatures, recorded: RegisterList, unlike base: RegisterList
        ) {
            self.features = features
            absent = base.ids.filter { !recorded.contains($0) && !Self.isImplied($0) }
            let different = recorded.filter { id, value in
                !Self.isImplied(id)
                    && base[id]?.withoutMotion(of: id) != value.withoutMotion(of: id)
            }
            registers = RegisterList(different) ?? RegisterList()
        }

        static func isImplied(_ id: RegisterID) -> Bool {
            id == .vcpuInit || id == .vcpuFinalized
        }
    }

    /// The registers of a vCPU with these features, as recorded; nil when they were not.
    func recordedRegisters(of features: VCPUFeatures) -> RegisterList? {
        if features == vcpuInit?.features { return registers }
        guard let set = featureSets.first(where: { $0.features == features }) else { return nil }
        let absent = Set(set.absent)
        var result = RegisterList(registers.filter { !absent.contains($0.0) }) ?? RegisterList()
        for (id, value) in set.registers { result.set(value, for: id) }
        return result
    }
}

extension RegisterID {
    /// Whether a profile says what it is in a fresh VM: state that is an attribute, of which the host decides whether there
    /// is such a one, or its value.
    package var isAttributeOfHost: Bool {
        guard let attribute = deviceAttribute else { return false }
        return attribute.gicGroup == .systemRegisters
            || RegisterDictionary.entry(for: self)?.isOfHost == true
    }

    /// Whether a profile can have a `register` line for it: what KVM lists, and of what it does not list the state of a
    /// vCPU that is known and in no attribute.
    ///
    /// For attributes of the host there are `attribute` lines (`isAttributeOfHost`).
    var canStandInProfile: Bool {
        guard architecture == .own else { return true }
        guard case .vcpu = group else { return false }
        return RegisterDictionary.entry(for: self) != nil && !isDeviceState
    }
}
