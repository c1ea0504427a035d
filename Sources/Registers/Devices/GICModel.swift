/// A model of interrupt controller that KVM has: the type that `KVM_CREATE_DEVICE` takes.
public enum GICModel: UInt32, CaseIterable, Hashable, Sendable {
    /// `KVM_DEV_TYPE_ARM_VGIC_V2`.
    case v2 = 5
    /// `KVM_DEV_TYPE_ARM_VGIC_V3`.
    case v3 = 7

    /// The one that `RegisterID.gicModel` holds; nil for none.
    package init?(bits: UInt64) {
        guard let type = UInt32(exactly: bits) else { return nil }
        self.init(rawValue: type)
    }

    /// How many vCPUs it can have (`VGIC_V2_MAX_CPUS`, `VGIC_V3_MAX_CPUS`; `kvm_vgic_create`,
    /// `arch/arm64/kvm/vgic/vgic-init.c`).
    package var maximumVCPUs: Int { self == .v2 ? 8 : 512 }

    /// `KVM_DEV_TYPE_ARM_VGIC_ITS`.
    package static let translationService: UInt32 = 8

    /// Whether its lists have a register, of the VM or of a vCPU.
    package func mayHave(_ id: RegisterID) -> Bool {
        (self == .v2 ? Self.everyOfV2 : Self.everyOfV3).contains(id)
    }

    private static let everyOfV2 = Set(GICModel.v2.vcpuRegisters + GICModel.v2.vmRegisters)
    private static let everyOfV3 = Set(GICModel.v3.vcpuRegisters + GICModel.v3.vmRegisters)
}

/// The registers that an interrupt controller may have, in ascending order; the device tells which of them it has
/// (`KVM_HAS_DEVICE_ATTR`).
extension GICModel {
    /// Of each vCPU.
    package var vcpuRegisters: [RegisterID] { self == .v2 ? Self.banked : Self.ofCPUs }

    /// Those that the VM has once, without its set-up and its ITSs.
    package var vmRegisters: [RegisterID] { self == .v2 ? Self.ofDistributor : Self.ofVM }

    /// What is given to it before it is initialized, but for regions of redistributors and ITSs.
    package static let setUp = dictionary.filter {
        if case .vm(VMStateKind.gicSetUp, _) = $0.group {
            $0.redistributorRegion == nil
        } else {
            false
        }
    }

    /// Of so many ITSs, with their addresses.
    package static func registers(ofITSs count: Int) -> [RegisterID] {
        (0..<max(0, count)).map { UInt8(clamping: $0) }.flatMap { number in
            [RegisterID.address(ofITS: number)].compactMap(\.self) + registers(ofITS: number)
        }
    }

    /// Of an ITS, without its address.
    package static func registers(ofITS number: UInt8) -> [RegisterID] {
        ofTranslation.map { $0.ofITS(number) }
    }

    /// What a VM with it lists, in no order: what was given of its set-up, and what its devices have.
    /// - Parameters:
    ///   - translatorCount: of ITSs.
    ///   - vcpuCount: of the VM, which has no more regions of redistributors.
    ///   - isThere: whether a device has a register.
    ///   - value: what a register of the set-up reads as; nil where there is none.
    /// - Throws: what `value` throws.
    package func idsOfVM<Failure: Error>(
        _ translatorCount: Int, _ vcpuCount: Int, where isThere: (RegisterID) -> Bool,
        value: (RegisterID) throws(Failure) -> UInt64?
    ) throws(Failure) -> [RegisterID] {
        var ids = [RegisterID.gicModel]
        for id in Self.setUp where id != .gicAddressRedist {
            if let bits = try value(id), id.isGiven(bits) { ids.append(id) }
        }
        // Where the redistributors are is told by regions, or by one address without any.
        var regions: [RegisterID] = []
        while regions.count < vcpuCount,
            let id = RegisterID.redistributorRegion(UInt16(clamping: regions.count)),
            let region = try value(id), DeviceAttribute.isRegion(region)
        {
            regions.append(id)
        }
        let address = RegisterID.gicAddressRedist
        if regions.isEmpty, let bits = try value(address), address.isGiven(bits) {
            regions = [address]
        }
        let devices = vmRegisters + Self.registers(ofITSs: translatorCount)
        return ids + regions + devices.filter(isThere)
    }

    private static let banked = ids(in: [.cpuInterface, .distributor]) { $0.isOfVCPU }
    private static let ofCPUs =
        ids(in: [.systemRegisters]) { RegisterDictionary.entry(for: $0)?.isKeptByGICv3 == true }
        + ids(in: [.redistributor, .lineLevels]) { $0.isOfVCPU }
    // Targets are CPU interfaces with a GICv2, and affinities with a GICv3; each has zeros in place of the other.
    private static let ofDistributor = ids(in: [.distributor]) { id in
        if case .route = id.interruptProperty { false } else { !id.isOfVCPU && id != .gicdTyper2 }
    }
    private static let ofVM = ids(in: [.distributor, .redistributor, .lineLevels]) {
        !$0.isOfVCPU && $0.interruptProperty != .interfaces
    }
    private static let ofTranslation = dictionary.filter {
        $0.deviceAttribute.map { $0.device == .its(0) && $0.gicGroup == .translation } == true
    }

    private static func ids(
        in groups: Set<DeviceAttribute.GICGroup>, where isWanted: (RegisterID) -> Bool
    ) -> [RegisterID] {
        dictionary.filter { id in
            guard let attribute = id.deviceAttribute, attribute.device == .gic,
                let group = attribute.gicGroup
            else { return false }
            return groups.contains(group) && isWanted(id)
        }
    }

    private static let dictionary = RegisterDictionary.all.flatMap { line in
        // Families of ITSs and regions have a member for each that there could be.
        line.id.isOfManyDevices ? [line.id] : line.family.map(\.id)
    }
}

extension RegisterID {
    /// The attributes of a vCPU's descriptor that are its own.
    package static let attributesOfVCPU = RegisterDictionary.all.map(\.id).filter {
        $0.isOfVCPU && $0.deviceAttribute?.device == .vcpu
    }

    /// The numbers of the timers' interrupts: attributes of any vCPU's descriptor.
    package static let timerInterrupts = RegisterDictionary.all.map(\.id).filter {
        !$0.isOfVCPU && $0.deviceAttribute?.device == .vcpu
    }

    /// What a VM has of the clock: no physical count before Linux 6.4, where it is the host's.
    package static func ofClock(hasPhysicalCount: Bool) -> [RegisterID] {
        [.clockCntvct] + (hasPhysicalCount ? [.clockCntpct] : []) + [.clockRealtime, .clockCntfrq]
    }

    /// The register of a vCPU that is a count of the VM's clock; nil for what is no count.
    package var counter: RegisterID? {
        switch self {
        case .clockCntvct: .cntvctEL0
        case .clockCntpct: .cntpctEL0
        default: nil
        }
    }

    /// The region of redistributors with a number.
    package static func redistributorRegion(_ number: UInt16) -> RegisterID? {
        RegisterID(
            DeviceAttribute(
                device: .gic, group: DeviceAttribute.GICGroup.addresses.rawValue,
                attribute: DeviceAttribute.region, preset: UInt64(number)))
    }

    /// Where an ITS is in the guest's memory.
    package static func address(ofITS number: UInt8) -> RegisterID? {
        RegisterID(
            DeviceAttribute(
                device: .its(number), group: DeviceAttribute.GICGroup.addresses.rawValue,
                attribute: DeviceAttribute.addressOfITS))
    }

    /// Whether it is state of a vCPU outside KVM's list.
    package var isOfVCPU: Bool {
        if case .vcpu = group { true } else { false }
    }

    /// Whether it is a system register that a guest has at EL2 alone.
    package var isOfEL2: Bool {
        guard case .system(let encoding) = group else { return false }
        return encoding.op1 == 4
    }

    fileprivate var isOfManyDevices: Bool {
        switch group {
        case .vm(VMStateKind.gicSetUp, _), .vm(VMStateKind.its, _): true
        default: false
        }
    }
}
