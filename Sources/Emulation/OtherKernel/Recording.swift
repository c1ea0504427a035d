internal import Registers
internal import VCPUModel

/// A profile as what it tells of its CPU.
struct Recording {
    let profile: HostProfile
    /// The profile's; that of each of its registers would be read from its text again.
    let kernel: KernelVersion?
    let cpu: CPUIdentity
    let features: Set<String>

    init(_ profile: HostProfile) {
        self.profile = profile
        kernel = profile.kernel
        cpu = CPUIdentity(midr: profile.midr ?? 0)
        features = Set((profile.vcpuInit?.features ?? []).names)
    }

    var hasAArch32: Bool { profile.registers.hasAArch32AtEL0 == true }

    func rule(of bits: ShownBits) -> ShownBits.Rule {
        bits.rule(onKernel: kernel, of: cpu, features: features)
    }

    /// What its vCPU had in bits; nil where that says nothing.
    func shown(_ bits: ShownBits) -> UInt64? {
        let needed = IDFieldRule.hidden(in: bits.register, from: features, onKernel: kernel)
        guard needed & bits.mask == 0 else { return nil }
        return profile.registers[bits.register].map { bits.extract(from: $0.lowBits) }
    }

    /// The CPU's own value of a field that KVM hides and the recording found out by trying.
    func hidden(_ bits: ShownBits) -> UInt64? {
        let rules = RegisterDictionary.entry(for: bits.register)?.idFieldRules ?? []
        let specials = rules.filter { $0.mask == bits.mask }.flatMap(\.specials).filter {
            $0.kind == .ignoredIfHostValue
        }
        guard !specials.isEmpty else { return nil }
        if let value = profile.hardware[bits.register] { return bits.extract(from: value) }
        // Every value of the field was tried, and none was the CPU's.
        let isTried = profile.isRecording && specials.contains { $0.applies(to: kernel) }
        return isTried ? 0 : nil
    }

    /// Whether it can be of the same CPU: what does not depend on the kernel is equal.
    func agrees(with other: Recording) -> Bool {
        guard cpu == other.cpu else { return false }
        return profile.registers.allSatisfy { id, value in
            guard let entry = RegisterDictionary.entry(for: id), entry.tellsCPU,
                let others = other.profile.registers[id]
            else { return true }
            let same = comparableBits(of: entry, with: other)
            return (value.lowBits ^ others.lowBits) & same == 0
        }
    }

    /// The bits of an ID register that both vCPUs must have alike if their CPUs are.
    private func comparableBits(of entry: RegisterEntry, with other: Recording) -> UInt64 {
        let depending = entry.shownBits.filter { rule(of: $0) != other.rule(of: $0) }
        let hidden = [self, other].reduce(0) {
            $0 | IDFieldRule.hidden(in: entry.id, from: $1.features, onKernel: $1.kernel)
        }
        return depending.reduce(~hidden) { $0 & ~$1.mask }
    }
}

extension RegisterEntry {
    /// Whether its value is the CPU's, as far as KVM shows it.
    fileprivate var tellsCPU: Bool { isFeatureIDRegister || isImplementationID }
}

extension IDFieldRule {
    /// The bits of an ID register that a kernel shows as 0 to vCPUs without the features that they need.
    static func hidden(
        in id: RegisterID, from features: Set<String>, onKernel kernel: KernelVersion?
    ) -> UInt64 {
        byFeature.reduce(0) { bits, needing in
            guard !features.contains(needing.key),
                VCPUFeature.isEnforced(needing.key, onKernel: kernel)
            else { return bits }
            return needing.value.reduce(bits) { $1.register == id ? $0 | $1.mask : $0 }
        }
    }
}

extension VCPUFeature {
    /// Whether a kernel hides what needs a feature from vCPUs without it.
    static func isEnforced(_ name: String, onKernel kernel: KernelVersion?) -> Bool {
        guard let since = byName[name]?.hidesSince, let kernel else { return true }
        return kernel >= since
    }
}
