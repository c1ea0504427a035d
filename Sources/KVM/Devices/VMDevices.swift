internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// The devices of a VM whose attributes are registers of it and of its vCPUs: a GIC and its ITSs.
///
/// The VM's bank and those of its vCPUs have them together.
final class VMDevices {
    /// A device that there can be several of.
    final class Device {
        let handle: KVMDevice

        init(_ handle: consuming KVMDevice) { self.handle = handle }
    }

    private(set) var model: GICModel?
    private var gic: Device?
    private var translators: [Device] = []
    /// Whether those made here are not initialized yet: that fixes their set-up, and all else can be asked for after it.
    private var awaitsInitialization = false
    /// Whether the VM's state and that of devices belongs to what is saved: not of a VM that was made without any.
    private(set) var areAskedFor = false
    /// Whether a restore may make them.
    private(set) var canBeMade = true
    /// What the devices have, of all vCPUs.
    private var known: [RegisterID: Bool] = [:]

    /// Of a VM that has none yet.
    init() {}

    /// Those of a VMM, which are initialized.
    init(lent controller: KVMMachine.LentController?) {
        areAskedFor = true
        canBeMade = false
        guard let controller else { return }
        model = controller.model
        gic = Device(KVMDevice(borrowing: controller.descriptor))
        translators = controller.translators.map { Device(KVMDevice(borrowing: $0)) }
    }

    /// From here on they are saved, too.
    func ask() { areAskedFor = true }

    /// The affinities by which vCPUs were asked for, by their numbers.
    private var affinities: [UInt32: UInt32] = [:]

    /// Notes by which affinity a vCPU is asked for.
    /// - Returns: another vCPU of a GICv3 with the same affinity, which would answer in its place.
    func note(_ key: VCPUKey) -> UInt32? {
        let affinity = UInt32(affinityIn: key.mpidr)
        let other = affinities.first { $0.value == affinity && $0.key != key.index }?.key
        affinities[key.index] = affinity
        return model == .v3 ? other : nil
    }

    /// The vCPU's MPIDR_EL1 is written.
    func forget(_ vcpu: UInt32) { affinities[vcpu] = nil }

    /// How many ITSs there are.
    var translatorCount: Int { translators.count }

    /// INTIDs below this are there.
    private var interruptCount: UInt64 {
        guard let gic, let attribute = RegisterID.gicNrIrqs.deviceAttribute,
            let value = try? gic.handle.value(
                of: .init(group: attribute.group, number: attribute.attribute), size: 4)
        else { return 0 }
        return RegisterValue(littleEndian: value)?.lowBits ?? 0
    }

    // MARK: Making them

    func make(_ model: GICModel, in vm: borrowing VM) throws(KVMError) {
        gic = Device(try vm.makeDevice(ofType: model.rawValue))
        self.model = model
        awaitsInitialization = true
        known = [:]
    }

    func makeTranslator(in vm: borrowing VM) throws(KVMError) {
        translators.append(Device(try vm.makeDevice(ofType: GICModel.translationService)))
        awaitsInitialization = true
        known = [:]
    }

    private func initialize() throws(KVMError) {
        guard awaitsInitialization, let gic else { return }
        for device in translators + [gic] {
            try device.handle.set(Self.initialization, to: [])
        }
        awaitsInitialization = false
        if model == .v2 { try makeGroupsWritable(gic) }
    }

    /// KVM takes the groups of a GICv2 only after a write of GICD_IIDR, whatever it holds.
    private func makeGroupsWritable(_ gic: Device) throws(KVMError) {
        guard let attribute = RegisterID.gicdIidr.deviceAttribute else { return }
        let place = KVMDevice.Attribute(group: attribute.group, number: attribute.attribute)
        try gic.handle.set(place, to: try gic.handle.value(of: place, size: 4))
    }

    func saveTables() throws(KVMError) {
        guard model == .v3, let gic else { return }
        try gic.handle.set(Self.savingOfPending, to: [])
        for device in translators { try device.handle.set(Self.savingOfTables, to: []) }
    }

    func restoreTables() throws(KVMError) {
        for device in translators { try device.handle.set(Self.restoringOfTables, to: []) }
    }

    // `KVM_DEV_ARM_VGIC_GRP_CTRL` with `KVM_DEV_ARM_VGIC_CTRL_INIT`, `KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES`,
    // `KVM_DEV_ARM_ITS_SAVE_TABLES` and `KVM_DEV_ARM_ITS_RESTORE_TABLES`.
    private static let initialization = KVMDevice.Attribute(group: 4, number: 0)
    private static let savingOfPending = KVMDevice.Attribute(group: 4, number: 3)
    private static let savingOfTables = KVMDevice.Attribute(group: 4, number: 1)
    private static let restoringOfTables = KVMDevice.Attribute(group: 4, number: 2)

    // MARK: Registers

    /// Whether a device has a register.
    func has(_ id: RegisterID, of vcpu: VCPUKey) -> Bool {
        if let answer = known[id] { return answer }
        let answer = ask(for: id, of: vcpu)
        known[id] = answer
        return answer
    }

    private func ask(for id: RegisterID, of vcpu: VCPUKey) -> Bool {
        guard let attribute = id.deviceAttribute,
            let device = try? device(of: attribute)
        else { return false }
        // KVM does not look at the INTID when it is asked for line levels.
        if attribute.gicGroup == .lineLevels, attribute.attribute >= interruptCount { return false }
        return device.handle.has(vcpu.number(of: attribute, with: model))
    }

    /// An attribute that has a register, or a part of it, and the device to be asked for it.
    struct Place {
        let device: Device
        let attribute: KVMDevice.Attribute
        let size: Int
        let preset: UInt64
    }

    /// Where a register is, its low part first.
    func places(of id: RegisterID, of vcpu: VCPUKey) throws(KVMError) -> [Place] {
        var places: [Place] = []
        for attribute in id.attributes {
            places.append(
                Place(
                    device: try device(of: attribute),
                    attribute: vcpu.number(of: attribute, with: model),
                    size: attribute.valueSize ?? 0, preset: attribute.preset))
        }
        return places
    }

    func read(_ id: RegisterID, of vcpu: VCPUKey) throws(KVMError) -> RegisterValue {
        var bytes: [UInt8] = []
        for place in try places(of: id, of: vcpu) {
            bytes += try place.device.handle.value(
                of: place.attribute, size: place.size,
                preset: RegisterValue(place.preset).littleEndianBytes)
        }
        guard let value = RegisterValue(littleEndian: Array(bytes.prefix(id.size ?? 0))) else {
            throw .calling("KVM_GET_DEVICE_ATTR", .noDeviceOrAddress)
        }
        return value
    }

    func write(_ value: RegisterValue, to id: RegisterID, of vcpu: VCPUKey) throws(KVMError) {
        if let clearing = id.clearingAttribute(with: model ?? .v3), let bits = value.bits {
            try write(RegisterValue(~bits, size: value.size), to: [clearing], of: vcpu)
        }
        try write(value, to: id.attributes, of: vcpu)
    }

    private func write(
        _ value: RegisterValue, to attributes: [DeviceAttribute], of vcpu: VCPUKey
    ) throws(KVMError) {
        var rest = value.littleEndianBytes[...]
        for attribute in attributes {
            let device = try device(of: attribute)
            let size = attribute.valueSize ?? 0
            let bytes = Array(rest.prefix(size))
            // KVM reads eight bytes of some registers that have four.
            let padding = [UInt8](repeating: 0, count: max(0, size - bytes.count))
            try device.handle.set(
                vcpu.number(of: attribute, with: model), to: bytes + padding)
            rest = rest.dropFirst(size)
        }
    }

    /// The device that has an attribute, initialized where it has to be for that.
    private func device(of attribute: DeviceAttribute) throws(KVMError) -> Device {
        if !attribute.isSetUp { try initialize() }
        switch attribute.device {
        case .gic:
            if let gic { return gic }
        case .its(let number):
            if Int(number) < translators.count { return translators[Int(number)] }
        case .vcpu: break
        }
        throw .calling("KVM_HAS_DEVICE_ATTR", .noEntry)
    }
}

extension VCPUKey {
    /// An attribute with the vCPU in its upper half.
    func number(of attribute: DeviceAttribute, with model: GICModel?) -> KVMDevice.Attribute {
        KVMDevice.Attribute(
            group: attribute.group, number: attributeNumber(of: attribute, with: model))
    }
}
