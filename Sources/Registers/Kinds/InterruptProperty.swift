/// What a register of the GIC says of each interrupt that it has a field for.
package enum InterruptProperty: Hashable, Sendable {
    /// IGROUPR.
    case group
    /// ISENABLER.
    case enabled
    /// ISPENDR.
    case pending
    /// ISACTIVER.
    case active
    /// IPRIORITYR.
    case priority
    /// ITARGETSR of a GICv2.
    case interfaces
    /// ICFGR.
    case trigger
    /// IROUTER, which is about one interrupt.
    case route(UInt16)
    /// The level of the interrupt's line.
    case level

    /// By the offset in the distributor, whose registers of INTIDs the redistributor has at the same places.
    init?(ofDistributor offset: UInt64) {
        switch offset {
        case 0x80..<0x100: self = .group
        case 0x100..<0x180: self = .enabled
        case 0x200..<0x280: self = .pending
        case 0x300..<0x380: self = .active
        case 0x400..<0x800: self = .priority
        case 0x800..<0xc00: self = .interfaces
        case 0xc00..<0xd00: self = .trigger
        case 0x6000..<0x8000: self = .route(UInt16((offset - 0x6000) / 8))
        default: return nil
        }
    }

    /// When a restore writes it: a pending interrupt goes to the target that it then has.
    var phase: RestorePhase {
        switch self {
        case .group, .enabled, .interfaces, .trigger, .route: .interruptConfiguration
        case .pending, .level: .interruptLines
        case .active, .priority: .interruptActivity
        }
    }
}

extension RegisterID {
    /// What it says of interrupts; nil for a register that says nothing of single ones.
    package var interruptProperty: InterruptProperty? {
        guard let attribute = deviceAttribute, attribute.device == .gic else { return nil }
        switch DeviceAttribute.GICGroup(rawValue: attribute.group) {
        case .distributor: return InterruptProperty(ofDistributor: attribute.attribute)
        case .redistributor where attribute.attribute >= DeviceAttribute.interruptFrame:
            return InterruptProperty(
                ofDistributor: attribute.attribute - DeviceAttribute.interruptFrame)
        case .lineLevels: return .level
        default: return nil
        }
    }
}

extension RegisterID {
    /// The lowest INTID that it says something of; nil for a register that says nothing of single ones.
    package var lowestINTID: UInt64? {
        guard let place = deviceAttribute?.attribute else { return nil }
        switch interruptProperty {
        case nil: return nil
        case .route(let interrupt): return UInt64(interrupt)
        case .level: return place
        case .priority, .interfaces: return place & 0x3ff
        case .trigger: return (place & 0xff) << 2
        case .group, .enabled, .pending, .active: return (place & 0x7f) << 3
        }
    }
}
