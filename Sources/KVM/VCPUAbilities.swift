internal import Registers
public import VCPUModel

/// What every vCPU of a VM can be made of.
public struct VCPUAbilities: Hashable, Sendable {
    /// The virtual CPU type that suits the host.
    public var preferredTarget: UInt32
    /// The features that the host has, of those this version knows.
    public var features: VCPUFeatures
    /// `KVM_CAP_VCPU_EVENTS`.
    var hasEvents: Bool
    /// `KVM_CAP_MP_STATE`.
    var hasMPState: Bool

    init(of vm: borrowing VM) throws(KVMError) {
        preferredTarget = try vm.preferredTarget()
        features = []
        for feature in VCPUFeature.all where VCPUFeatures(feature) != .powerOff {
            if let capability = feature.reportedBy, try vm.value(of: capability) <= 0 { continue }
            features.insert(VCPUFeatures(feature))
        }
        hasEvents = try vm.value(of: .vcpuEvents) > 0
        hasMPState = try vm.value(of: .mpState) > 0
    }

    init(preferredTarget: UInt32, features: VCPUFeatures, hasEvents: Bool, hasMPState: Bool) {
        self.preferredTarget = preferredTarget
        self.features = features
        self.hasEvents = hasEvents
        self.hasMPState = hasMPState
    }

    /// What a vCPU is initialised with when nobody says otherwise: everything an ordinary 64-bit
    /// guest can use on this host.
    public var defaultInit: VCPUInit {
        VCPUInit(
            target: preferredTarget, features: features.intersection(VCPUFeatures.ordinary))
    }

    /// What to try in turn so as to come as close to a wanted initialisation as the host allows.
    ///
    /// Features the host lacks are left out from the start, and powering off is never repeated: the
    /// MP state says it. Features this version does not know are left to the kernel, which refuses
    /// what it does not know either (ENOENT); a target that is not the host's is refused (EINVAL).
    func candidates(for wanted: VCPUInit) -> [VCPUInit] {
        var closest = wanted
        closest.features.subtract(VCPUFeatures.known.subtracting(features))
        var retargeted = closest
        retargeted.target = preferredTarget
        let ordinary = VCPUInit(
            target: preferredTarget, features: closest.features.intersection(.known))
        return [closest, retargeted, ordinary]
    }
}
