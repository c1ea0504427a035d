internal import Registers
public import VCPUModel

/// What the vCPUs of a VM can be made with.
public struct VCPUAbilities: Hashable, Sendable {
    /// The virtual CPU type that suits the host (`KVM_ARM_PREFERRED_TARGET`).
    public var preferredTarget: UInt32
    /// The features that the host has, of those that this version knows, without `POWER_OFF`.
    public var features: VCPUFeatures
    /// `KVM_CAP_VCPU_EVENTS`.
    var hasEvents: Bool
    /// `KVM_CAP_MP_STATE`.
    var hasMPState: Bool
}

extension VCPUAbilities {
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

    /// What a vCPU is initialized with when nobody says otherwise: everything an ordinary 64-bit
    /// guest can use on this host.
    public var defaultInit: VCPUInit {
        VCPUInit(
            target: preferredTarget, features: features.intersection(VCPUFeatures.ordinary))
    }

    /// Sets of features that show what each feature changes: all an ordinary guest can use, the same
    /// without each of them and without all, and each that makes another kind of guest.
    public var featureSets: [VCPUFeatures] {
        let all = defaultInit.features
        let plain = all.intersection(.psci02)
        let optional: [VCPUFeatures] = [.pmuV3, .sve, .pointerAuthentication]
        let fewer = optional.filter(all.isSuperset(of:)).map { all.subtracting($0) } + [plain]
        let withPMU = plain.union(all.intersection(.pmuV3))
        let special: [VCPUFeatures] = [
            plain.union(.el1In32Bit), withPMU.union(.el1In32Bit), all.union(.hasEL2),
            all.union([.hasEL2, .hasEL2E2H0]), all.union(.pmuV3Strict),
        ]
        var seen: Set<VCPUFeatures> = []
        return ([all] + fewer + special.filter(features.isSuperset(of:)))
            .filter { seen.insert($0).inserted }
    }

    /// What to try in turn so as to come as close to a wanted initialization as the host allows.
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
