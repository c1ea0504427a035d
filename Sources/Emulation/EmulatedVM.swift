internal import Registers
internal import VCPUModel

/// What KVM keeps once for all vCPUs of a VM; they keep it alive.
final class EmulatedVM {
    /// The capabilities enabled on it, by name.
    let enabled: Set<String>
    /// How many vCPUs it is to have.
    let vcpuCount: Int
    /// Its devices, and the attributes of its vCPUs.
    let devices: EmulatedDevices
    /// Counts the changes of `values`: a vCPU that saw the last one has nothing to look up.
    private(set) var version = 0
    /// The shared bits of each register that was written.
    private(set) var values: [RegisterID: UInt64] = [:]
    /// What its vCPUs were initialized with; nil before the first was.
    private var features: VCPUFeatures?
    private var initializedCount = 0

    init(_ profile: HostProfile, vcpuCount: Int = 1, enabled: Set<String> = []) {
        self.vcpuCount = vcpuCount
        devices = EmulatedDevices(profile, vcpuCount: vcpuCount)
        self.enabled = enabled
    }

    /// Tells of a register that a vCPU was given, in the bits that are the VM's.
    func set(_ bits: UInt64, of id: RegisterID) {
        guard values[id] != bits else { return }
        values[id] = bits
        version += 1
    }

    /// Refuses features that KVM does not give a vCPU beside those that are initialized: any others
    /// (`__kvm_vcpu_set_target`, `arch/arm64/kvm/arm.c`), or another register width
    /// (`kvm_set_vm_width`, `reset.c`).
    /// - Parameter isAgain: whether the vCPU is one of those.
    func check(
        _ wanted: VCPUFeatures, on host: HostFacts, isAgain: Bool
    ) throws(Refusal) {
        guard let features, initializedCount > (isAgain ? 1 : 0) else { return }
        let difference = wanted.symmetricDifference(features)
        let fixed = host.has(.sameFeaturesInVM, of: .vcpuInit) ? difference : [.el1In32Bit]
        let refused = difference.intersection(fixed)
        guard refused.isEmpty else {
            throw Refusal(
                "the vCPUs of a VM must not differ in " + refused.names.joined(separator: ", "))
        }
    }

    /// Notes that a vCPU was initialized.
    func initialized(with features: VCPUFeatures, isAgain: Bool) {
        self.features = features
        if !isAgain { initializedCount += 1 }
    }
}
