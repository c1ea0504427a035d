/// How the value of a register is spread over attributes of a device, and how KVM takes it.
extension DeviceAttribute {
    /// The group, of an attribute of an interrupt controller or an ITS.
    package var gicGroup: GICGroup? { device == .vcpu ? nil : GICGroup(rawValue: group) }

    /// Whether it is given to an interrupt controller before that is initialized.
    package var isSetUp: Bool {
        switch gicGroup {
        case .addresses, .interruptCount, .maintenanceInterrupt: true
        default: false
        }
    }

    /// Whether the value that it had before says what is asked for (`preset`).
    package var isAskedByValue: Bool { gicGroup == .addresses && attribute == Self.region }

    /// How many bytes KVM reads and writes, whatever the register's size is; nil where that is the register's.
    package var valueSize: Int? {
        switch gicGroup {
        case .addresses, .systemRegisters, .translation: 8
        case nil: nil
        default: 4
        }
    }

    /// What stands in the upper half of the attribute's number.
    package enum Key: Hashable, Sendable {
        case nothing
        /// The affinity of a vCPU.
        case affinity
        /// The number of a vCPU.
        case number
    }

    /// What an interrupt controller of a model has to be told of the vCPU.
    package func key(with model: GICModel) -> Key {
        switch (gicGroup, model) {
        case (.distributor, .v2), (.cpuInterface, .v2): .number
        case (.redistributor, .v3), (.systemRegisters, .v3), (.lineLevels, .v3): .affinity
        default: .nothing
        }
    }
}

extension RegisterID {
    /// The attributes that its value is in, the lower word's first; none for state that is in none.
    package var attributes: [DeviceAttribute] {
        guard let lower = deviceAttribute else { return [] }
        guard let part = lower.valueSize, let size, size > part else { return [lower] }
        var upper = lower
        upper.attribute &+= UInt64(part)
        return [lower, upper]
    }

    /// The attribute that is asked for it in a VM with an interrupt controller of a model, or with none; nil for a register
    /// that is asked for by its id.
    package func deviceAttribute(with model: GICModel?) -> DeviceAttribute? {
        architecture == .own || model == .v3 ? deviceAttribute : nil
    }

    /// Whether it is of an interrupt controller, in a VM that has none.
    package func lacksController(_ model: GICModel?) -> Bool {
        model == nil && deviceAttribute?.gicGroup != nil
    }

    /// Whether it is the address of the ITS that follows those of a VM.
    package func isAddressOfITS(after count: Int, with model: GICModel?) -> Bool {
        guard model == .v3, let next = UInt8(exactly: count) else { return false }
        return self == .address(ofITS: next)
    }

    /// Whether a value of set-up was given: an address is all ones until then, and the maintenance interrupt 0.
    package func isGiven(_ bits: UInt64) -> Bool {
        bits != (self == .gicMaintenanceIrq ? 0 : DeviceAttribute.noAddress)
    }

    /// Whether it says what the tables of LPIs or of an ITS are, which are in the guest's memory: without that memory it
    /// is nothing to go on with.
    /// - Parameter bits: what it is to hold.
    package func needsTables(for bits: UInt64) -> Bool {
        guard let attribute = deviceAttribute else { return false }
        switch attribute.gicGroup {
        case .translation: return ofITS(0) != .gitsIidr
        case .redistributor:
            return self == .gicrCtlr && RegisterField.GICRCTLR.enableLPIs.touches(bits)
        default: return false
        }
    }

    /// GICR_PROPBASER and GICR_PENDBASER.
    package var isLPIBase: Bool { self == .gicrPropbaser || self == .gicrPendbaser }

    /// The attribute that clears the bits of this one; nil for a register that takes a value as it is.
    ///
    /// Writing a register of such a pair only sets bits, so its value is replaced by clearing first.
    package func clearingAttribute(with model: GICModel) -> DeviceAttribute? {
        guard var attribute = deviceAttribute, attribute.device == .gic else { return nil }
        switch interruptProperty {
        case .enabled, .active: attribute.attribute &+= Self.clearingDistance
        case .pending where model == .v2: attribute.attribute &+= Self.clearingDistance
        case nil where isSourceOfSGIs: attribute.attribute &-= Self.sourcesDistance
        default: return nil
        }
        return attribute
    }

    /// From ISENABLER to ICENABLER, from ISPENDR to ICPENDR, from ISACTIVER to ICACTIVER.
    private static let clearingDistance: UInt64 = 0x80
    /// From CPENDSGIR to SPENDSGIR.
    private static let sourcesDistance: UInt64 = 0x10

    /// Whether it is GICD_SPENDSGIR.
    package var isSourceOfSGIs: Bool { firstSGIOfSources != nil }

    /// Of GICD_SPENDSGIR the first SGI.
    package var firstSGIOfSources: UInt64? {
        guard let first = distance(behind: .gicdSpendsgir0), first < 16 else { return nil }
        return first
    }

    /// The register so many bytes behind this one in the same frame of an interrupt controller; nil where no id stands for
    /// it.
    package func behind(by bytes: UInt64) -> RegisterID? {
        guard var attribute = deviceAttribute else { return nil }
        attribute.attribute &+= bytes
        return RegisterID(attribute)
    }

    /// How many bytes it is behind another register in the same frame; nil for one before that or of another frame.
    package func distance(behind first: RegisterID) -> UInt64? {
        guard let own = deviceAttribute, let first = first.deviceAttribute,
            (own.device, own.group) == (first.device, first.group),
            own.attribute >= first.attribute
        else { return nil }
        return own.attribute - first.attribute
    }

    /// The same register of another ITS.
    package func ofITS(_ number: UInt8) -> RegisterID {
        RegisterID(rawValue: rawValue & ~0xff | UInt64(number))
    }
}

extension UInt32 {
    /// Aff3 in bits 31:24 and the others below, of MPIDR_EL1 or GICD_IROUTER, which have Aff3 in bits 39:32.
    package init(affinityIn bits: UInt64) {
        self.init(truncatingIfNeeded: bits >> 8 & 0xff00_0000 | bits & RegisterID.affinityMask)
    }
}
