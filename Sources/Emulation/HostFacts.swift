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
    let cacheType: UInt64
    let hasAArch32AtEL0: Bool
    let hasRAS: Bool
    /// ID_AA64DFR0_EL1 as KVM gives it to a new guest.
    let idAA64DFR0: UInt64
    let vectorLengths: SVEVectorLengths?
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
        cacheType = profile.registers[.ctrEL0]?.bits ?? 0
        let idAA64PFR0 = profile.registers[.idAA64PFR0EL1]?.bits ?? 0
        // ID_AA64PFR0_EL1: EL0 (bits 3:0) is 2 when EL0 can be AArch32; RAS is bits 31:28.
        hasAArch32AtEL0 = idAA64PFR0 & 0xf == 2
        hasRAS = idAA64PFR0 >> 28 & 0xf != 0
        idAA64DFR0 = profile.registers[.idAA64DFR0EL1]?.bits ?? 0
        vectorLengths = profile.registers[.sveVLS].map { SVEVectorLengths($0) }
        counters = PMUControl(profile.registers[.pmcrEL0]?.bits ?? 0).counters
        cpu = CPUIdentity(midr: profile.midr ?? 0)
        targets = cpu.targets(onKernel: kernel)
        // A microsecond: far enough to see, never far enough to matter.
        counterStep = max((profile.counterFrequency ?? 0) / 1_000_000, 1)
    }

    /// ID_AA64PFR1_EL1.SSBS, bits 7:4.
    static let speculativeStoreBypassSafe: UInt64 = 0xf0

    /// Whether the host's kernel treats a register so; one that tells no version counts as the newest.
    func has(_ trait: Behavior.Traits, of id: RegisterID) -> Bool {
        RegisterDictionary.entry(for: id)?.traits(onKernel: kernel).contains(trait) == true
    }
}
