internal import Registers
internal import VCPUModel

/// What the rules need to know of the host, for a vCPU with some set of features.
struct HostFacts: Hashable, Sendable {
    /// Nil when the profile's kernel release tells no version; then the newest rules hold.
    let kernel: KernelVersion?
    let features: VCPUFeatures
    /// What is enabled on the VM, by the capabilities' names.
    let enabled: Set<String>
    /// CTR_EL0 as KVM gives it to a new guest.
    let cacheType: CacheType
    let hasAArch32AtEL0: Bool
    let hasRAS: Bool
    /// ID_AA64DFR0_EL1 as KVM gives it to a new guest.
    let idAA64DFR0: UInt64
    let vectorLengths: SVEVectorLengths?
    /// The version of PSCI that a new vCPU has; nil where none was recorded.
    let newestPSCI: PSCIVersion?
    /// PMCR_EL0.N of a new vCPU, the most counters it can have.
    let counters: Int
    /// How far the system counters move at each read, in ticks.
    let counterStep: UInt64
    let hardware: [RegisterID: UInt64]
    let cpu: CPUIdentity
    /// The CPU types `KVM_ARM_VCPU_INIT` accepts.
    let targets: [UInt32]

    init(_ profile: HostProfile, features: VCPUFeatures, enabled: Set<String> = []) {
        kernel = profile.kernel
        self.features = features
        self.enabled = enabled
        hardware = profile.hardware
        cacheType = CacheType(bits: profile.registers[.ctrEL0]?.bits ?? 0)
        let registers = profile.registers
        hasAArch32AtEL0 = registers.hasAArch32AtEL0 == true
        let ras = registers.bits(of: RegisterField.IDAA64PFR0EL1.ras, in: .idAA64PFR0EL1)
        hasRAS = ras ?? 0 != 0
        idAA64DFR0 = profile.registers[.idAA64DFR0EL1]?.bits ?? 0
        newestPSCI = registers[.psciVersion].map { PSCIVersion(rawValue: $0.lowBits) }
        vectorLengths = profile.registers[.sveVLS].map { SVEVectorLengths($0) }
        counters = PMUControl(profile.registers[.pmcrEL0]?.bits ?? 0).counters
        cpu = CPUIdentity(midr: profile.midr ?? 0)
        targets = cpu.targets(onKernel: kernel)
        // A microsecond: far enough to see, never far enough to matter.
        counterStep = max((profile.counterFrequency ?? 0) / 1_000_000, 1)
    }

    /// Whether the host's kernel treats a register so; one that tells no version counts as the newest.
    func has(_ trait: Behavior.Traits, of id: RegisterID) -> Bool {
        RegisterDictionary.entry(for: id)?.traits(onKernel: kernel).contains(trait) == true
    }
}
