extension StateKind {
    /// The interrupt controller, the clock and device attributes (Formats/gic-and-clock.md), and state of the VM of
    /// no known kind.
    static func device(_ id: RegisterID) -> StateKind {
        var kind: StateKind
        switch id.group {
        case .vm(VMStateKind.gicSetUp...VMStateKind.redistributor, _), .vm(VMStateKind.its, _):
            kind = interruptController(id)
        case .vm(VMStateKind.clock, _):
            kind = StateKind(
                category: .clock, phase: .clock,
                refusal: id == .clockCntfrq ? "the frequency is the host's" : nil,
                loss: .cause(.clock))
        case .vm(VMStateKind.vcpuAttributes...VMStateKind.unknown, _): kind = attributes(id)
        case .vm: kind = StateKind(category: .other)
        default:
            let isOfVCPU = id.deviceAttribute?.device == .vcpu
            kind = isOfVCPU ? attributes(id) : interruptController(id)
        }
        if kind.category != .other { kind.lossWhenAbsent = kind.loss }
        return kind
    }

    private static func attributes(_ id: RegisterID) -> StateKind {
        StateKind(
            category: .deviceAttributes, phase: id == .pvtimeIpa ? .clock : .interruptSetUp,
            refusal: "fixed since it was given, or no interrupt or address that can be",
            loss: .cause(.deviceAttributes))
    }

    private static func interruptController(_ id: RegisterID) -> StateKind {
        StateKind(
            category: .interruptController, phase: id.interruptPhase,
            refusal: "the host's interrupt controller cannot have this value, or has no such vCPU",
            loss: .cause(.interruptController))
    }
}

extension RegisterID {
    /// Whether it is in a device, or the VM's, by an id of this project.
    package var isOutsideVCPU: Bool {
        switch group {
        case .vm: true
        case .vcpu: deviceAttribute != nil
        default: false
        }
    }

    /// Whether it is state of the VM or of a device that no register list of KVM has: no kernel is known that lacks it.
    package var isDeviceState: Bool {
        // KVM once listed some of the GIC's system registers.
        isOutsideVCPU
            || deviceAttribute != nil
                && RegisterDictionary.entry(for: self)?.behaviorHistory.isEmpty != false
    }

    /// When a restore writes a register of the GIC.
    fileprivate var interruptPhase: RestorePhase {
        if self == .gicModel { return .interruptController }
        if let interruptProperty { return interruptProperty.phase }
        guard let attribute = deviceAttribute,
            let group = DeviceAttribute.GICGroup(rawValue: attribute.group)
        else { return .interruptSetUp }
        let offset = attribute.attribute
        switch group {
        case .addresses, .interruptCount, .maintenanceInterrupt: return .interruptSetUp
        case .distributor where offset == 0: return .interruptControl
        // The others of a GICv2 are the sources of pending SGIs.
        case .distributor: return offset < 0x80 ? .interruptIdentity : .interruptLines
        case .redistributor where offset == 0: return .lpiEnable
        case .redistributor: return isLPIBase ? .lpiBases : .interruptIdentity
        case .cpuInterface: return offset == 0 ? .cpuInterfaceControl : .cpuInterface
        case .systemRegisters: return .cpuInterface
        case .lineLevels: return .interruptLines
        case .translation: return offset == 0 ? .translationEnable : .translation
        }
    }
}
