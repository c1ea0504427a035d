/// Where KVM keeps state that is not in its register list: an attribute of a device, or of a vCPU's descriptor
/// (`KVM_GET_DEVICE_ATTR`).
public struct DeviceAttribute: Hashable, Sendable {
    /// Whose descriptor it is asked from.
    public enum Device: Hashable, Sendable {
        /// The vCPU's, or any vCPU's where the VM has one value.
        case vcpu
        /// The interrupt controller's.
        case gic
        /// That of the ITS with this number, in the order in which they were created.
        case its(UInt8)
    }

    /// The groups of the interrupt controller's attributes (`KVM_DEV_ARM_VGIC_GRP_*`).
    public enum GICGroup: UInt32, Hashable, Sendable {
        /// `ADDR`.
        case addresses = 0
        /// `DIST_REGS`, by offset.
        case distributor = 1
        /// `CPU_REGS` of a GICv2, by offset.
        case cpuInterface = 2
        /// `NR_IRQS`.
        case interruptCount = 3
        /// `REDIST_REGS`, by offset.
        case redistributor = 5
        /// `CPU_SYSREGS`, by encoding.
        case systemRegisters = 6
        /// `LEVEL_INFO`, by INTID.
        case lineLevels = 7
        /// `ITS_REGS`, by offset.
        case translation = 8
        /// `MAINT_IRQ`.
        case maintenanceInterrupt = 9
    }

    /// Whose descriptor it is asked from.
    public var device: Device
    /// The group's number.
    public var group: UInt32
    /// The attribute's number, without the affinity or number of a vCPU in its upper half.
    public var attribute: UInt64
    /// What stands in the value before it is asked for: the number of a redistributor region.
    public var preset: UInt64

    /// Where the frame of SGIs and PPIs begins in a redistributor.
    static let interruptFrame: UInt64 = 0x10000
    /// `KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION`.
    static let region: UInt64 = 5
    /// `KVM_VGIC_ITS_ADDR_TYPE`.
    static let addressOfITS: UInt64 = 4

    /// An attribute by its numbers.
    public init(device: Device, group: UInt32, attribute: UInt64, preset: UInt64 = 0) {
        self.device = device
        self.group = group
        self.attribute = attribute
        self.preset = preset
    }

    /// A register of an ITS, by its offset there.
    package init(ofITS number: UInt8, at offset: UInt64) {
        self.init(
            device: .its(number), group: GICGroup.translation.rawValue, attribute: offset)
    }

    /// Whether it is a region of redistributors.
    var isRegion: Bool {
        device == .gic && group == GICGroup.addresses.rawValue && attribute == Self.region
    }

    /// Of a GICv3's register that is a system register of the CPU.
    fileprivate var systemRegister: RegisterID.SystemRegisterEncoding? {
        guard device == .gic, group == GICGroup.systemRegisters.rawValue else { return nil }
        return UInt16(exactly: attribute).map(RegisterID.SystemRegisterEncoding.init(rawValue:))
    }

    /// An attribute of the interrupt controller.
    public init(_ group: GICGroup, _ attribute: UInt64) {
        self.init(device: .gic, group: group.rawValue, attribute: attribute)
    }
}

/// The kinds of state that the VM has once, bits 31:16 of its ids (Formats/gic-and-clock.md).
package enum VMStateKind {
    /// The set-up of the interrupt controller: its model, addresses and numbers of interrupts.
    package static let gicSetUp: UInt16 = 2
    static let distributor: UInt16 = 3
    static let lineLevels: UInt16 = 4
    static let redistributor: UInt16 = 5
    /// The clock.
    package static let clock: UInt16 = 6
    static let vcpuAttributes: UInt16 = 7
    static let unknown: UInt16 = 8
    static let its: UInt16 = 9
    /// In the place of a kind: state of a vCPU.
    fileprivate static let ofVCPU: UInt16 = 0
}

/// Ids with the same kind that follow one another, and the attributes that they stand for.
private struct IDRange {
    /// Bits 31:16 of the ids.
    var kind: UInt16
    /// Bits 15:0.
    var indexes: Range<UInt16>
    /// The attribute that index 0 of the range stands for.
    var first: DeviceAttribute
    /// How far the attributes are apart; nil where the upper bits of an index are the group.
    var unit: UInt64?

    static let all = [
        IDRange(kind: VMStateKind.ofVCPU, indexes: 4..<5, first: .init(.lineLevels, 0), unit: 32),
        IDRange(
            kind: VMStateKind.ofVCPU, indexes: 0x1000..<0x2000,
            first: .init(device: .vcpu, group: 0, attribute: 0)),
        IDRange(
            kind: VMStateKind.ofVCPU, indexes: 0x2000..<0x3000, first: .init(.cpuInterface, 0),
            unit: 4),
        IDRange(
            kind: VMStateKind.ofVCPU, indexes: 0x4000..<0xc000, first: .init(.redistributor, 0),
            unit: 4),
        IDRange(
            kind: VMStateKind.gicSetUp, indexes: 0..<0x100, first: .init(.addresses, 0), unit: 1),
        IDRange(
            kind: VMStateKind.gicSetUp, indexes: 0x300..<0x400, first: .init(.interruptCount, 0),
            unit: 1),
        IDRange(
            kind: VMStateKind.gicSetUp, indexes: 0x900..<0xa00,
            first: .init(.maintenanceInterrupt, 0), unit: 1),
        IDRange(
            kind: VMStateKind.distributor, indexes: 0..<0x4000, first: .init(.distributor, 0),
            unit: 4),
        // Behind the VM's, which an attribute without a name is taken for.
        IDRange(
            kind: VMStateKind.ofVCPU, indexes: 0x3000..<0x4000, first: .init(.distributor, 0),
            unit: 4),
        IDRange(
            kind: VMStateKind.lineLevels, indexes: 1..<32, first: .init(.lineLevels, 32), unit: 32),
        IDRange(
            kind: VMStateKind.redistributor, indexes: 0..<0x8000, first: .init(.redistributor, 0),
            unit: 4),
        IDRange(
            kind: VMStateKind.vcpuAttributes, indexes: 0..<0x1000,
            first: .init(device: .vcpu, group: 0, attribute: 0)),
    ]

    /// Kind and first index of redistributor regions.
    static let regions: (kind: UInt16, indexes: Range<UInt16>) = (
        VMStateKind.gicSetUp, 0x1000..<0x2000
    )
    /// Kind of the registers of an ITS, and first index of its address.
    static let its: (kind: UInt16, address: UInt16) = (VMStateKind.its, 0xf000)

    func attribute(of index: UInt16) -> DeviceAttribute? {
        guard indexes.contains(index) else { return nil }
        var result = first
        let place = UInt64(index - indexes.lowerBound)
        if let unit {
            result.attribute += place * unit
        } else {
            result.group = UInt32(place >> 8)
            result.attribute = place & 0xff
        }
        return result
    }

    func index(of attribute: DeviceAttribute) -> UInt16? {
        guard attribute.device == first.device else { return nil }
        var place = attribute.attribute
        if let unit {
            guard attribute.group == first.group, place >= first.attribute else { return nil }
            place -= first.attribute
            guard place % unit == 0 else { return nil }
            place /= unit
        } else {
            guard attribute.group < 0x10, place < 0x100 else { return nil }
            place |= UInt64(attribute.group) << 8
        }
        return place < indexes.count ? indexes.lowerBound + UInt16(place) : nil
    }
}

extension RegisterID {
    /// The number of the region of redistributors that it tells of; nil for other state.
    package var redistributorRegion: UInt16? {
        guard case .vm(IDRange.regions.kind, let index) = group,
            IDRange.regions.indexes.contains(index)
        else { return nil }
        return index - IDRange.regions.indexes.lowerBound
    }

    /// The attribute that the state is in; nil for a register in KVM's list, and for state that is in none.
    public var deviceAttribute: DeviceAttribute? {
        switch group {
        case .system(let encoding) where encoding.isOfInterruptController:
            return DeviceAttribute(.systemRegisters, UInt64(encoding.rawValue))
        case .vm(IDRange.its.kind, let index): return Self.translationAttribute(of: index)
        case .vm(let kind, let index):
            guard let region = redistributorRegion else { return Self.attribute(kind, index) }
            return DeviceAttribute(
                device: .gic, group: DeviceAttribute.GICGroup.addresses.rawValue,
                attribute: DeviceAttribute.region, preset: UInt64(region))
        case .vcpu(let index): return Self.attribute(VMStateKind.ofVCPU, index)
        default: return nil
        }
    }

    private static func attribute(_ kind: UInt16, _ index: UInt16) -> DeviceAttribute? {
        IDRange.all.lazy.filter { $0.kind == kind }.compactMap { $0.attribute(of: index) }.first
    }

    private static func translationAttribute(of index: UInt16) -> DeviceAttribute? {
        let number = UInt8(truncatingIfNeeded: index)
        guard index >= IDRange.its.address else {
            return DeviceAttribute(ofITS: number, at: UInt64(index >> 8) * 4)
        }
        guard index >> 8 == IDRange.its.address >> 8 else { return nil }
        return DeviceAttribute(
            device: .its(number), group: DeviceAttribute.GICGroup.addresses.rawValue,
            attribute: DeviceAttribute.addressOfITS)
    }

    /// The id of the state in an attribute; nil for an attribute that no id stands for.
    ///
    /// Whether it is a vCPU's or the VM's, and how wide, is as the dictionary says; what it does not know is taken
    /// for 32 bits wide.
    public init?(_ attribute: DeviceAttribute) {
        let ids = Self.places(of: attribute).flatMap { kind, index in
            [2, 3].map { (exponent: UInt64) in
                RegisterID(
                    rawValue: 0x7600_0000_0000_0000 | exponent << 52 | UInt64(kind) << 16
                        | UInt64(index))
            }
        }
        guard let id = ids.first(where: { RegisterDictionary.entry(for: $0) != nil }) ?? ids.first
        else {
            guard let encoding = attribute.systemRegister else { return nil }
            self = .system(encoding)
            return
        }
        self = id
    }

    /// Kinds and indexes that can stand for an attribute.
    private static func places(of attribute: DeviceAttribute) -> [(kind: UInt16, index: UInt16)] {
        let isAddress = attribute.group == DeviceAttribute.GICGroup.addresses.rawValue
        switch attribute.device {
        case .its(let number) where isAddress:
            guard attribute.attribute == DeviceAttribute.addressOfITS else { return [] }
            return [(IDRange.its.kind, IDRange.its.address | UInt16(number))]
        case .its(let number):
            guard attribute.attribute % 4 == 0, attribute.attribute / 4 < IDRange.its.address >> 8
            else { return [] }
            return [(IDRange.its.kind, UInt16(attribute.attribute / 4) << 8 | UInt16(number))]
        case .gic where attribute.isRegion:
            guard attribute.preset < IDRange.regions.indexes.count else { return [] }
            return [
                (
                    IDRange.regions.kind,
                    IDRange.regions.indexes.lowerBound + UInt16(attribute.preset)
                )
            ]
        case .gic, .vcpu:
            return IDRange.all.compactMap { range in
                range.index(of: attribute).map { (range.kind, $0) }
            }
        }
    }
}
