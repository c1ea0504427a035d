internal import LinuxSystem
public import Registers
public import VCPUModel

/// What a KVM VM has once, as a bank: its interrupt controller but for the vCPUs' part, and its clock
/// (Formats/gic-and-clock.md).
///
/// A VM that was made without devices lists nothing. `RegisterID.gicModel` makes an interrupt controller, and the first
/// register that is not part of its set-up initializes it.
public final class KVMVMBank: RegisterBank {
    private let vm: VM
    let vcpus: [KVMVCPUBank]
    private var unknown: UnknownState
    private var clock: KVMClock

    /// - Parameters:
    ///   - vcpus: all of its vCPUs, which have the same `devices`.
    ///   - unknown: what nobody can tell of it.
    init(_ vm: consuming VM, _ vcpus: [KVMVCPUBank], unknown: UnknownState = []) {
        self.vm = vm
        self.vcpus = vcpus
        self.unknown = unknown
        clock = KVMClock()
    }

    private var devices: VMDevices? { vcpus.first?.devices }

    /// Has the clock be set by `KVM_ARM_SET_COUNTER_OFFSET` from here on: once, and before the first run.
    ///
    /// It gives both counters the virtual count. Nobody can see afterward that it was used, and KVM then ignores what is
    /// written to counters.
    public func setClockByOffset() { clock.isSetByOffset = true }

    /// The guest's memory has the tables of ITSs and the pending bits of LPIs.
    func tablesWereSaved() { unknown.subtract([.lpiPending, .itsTables]) }

    // MARK: RegisterBank

    /// The set-up of the interrupt controller, its registers that the VM has once, those of its ITSs, the timers' interrupts
    /// and the clock, in ascending order.
    /// - Throws: never by itself.
    public func list() throws(RegisterBankError) -> [RegisterID] {
        guard let devices, devices.areAskedFor, let vcpu = vcpus.first, vcpu.used != nil else {
            return []
        }
        let ids =
            [.unknownState] + (try idsOfController(devices, vcpu))
            + RegisterID.timerInterrupts.filter(has)
        return (ids + (try KVMClock.ids(of: vcpu))).sorted()
    }

    /// Reads an attribute, or the clock.
    /// - Throws: `ENOENT` for state that the VM does not have, `EBUSY` while one of its vCPUs runs.
    public func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        let vcpu = try firstVCPU(.read, id)
        switch id.group {
        case _ where id == .gicModel:
            return RegisterValue(UInt64(vcpu.devices.model?.rawValue ?? 0), size: 4)
        case _ where id == .unknownState: return RegisterValue(unknown.rawValue)
        case .vm(VMStateKind.clock, _): return try clock.read(id, of: vcpu)
        default: break
        }
        if isNextITS(id) { return RegisterValue(DeviceAttribute.noAddress) }
        guard let attribute = id.deviceAttribute else {
            throw AttributeAccess.absence(.read, id)
        }
        do throws(RegisterBankError) {
            return try AttributeAccess.read(id, attribute, of: vcpu, among: vcpu.devices)
        } catch {
            guard error.errno == .noEntry, canTakeRegion(id) else { throw error }
            return RegisterValue(DeviceAttribute.noAddress)
        }
    }

    /// Writes an attribute or the clock, or makes a device.
    /// - Throws: as `read`, and `EINVAL` for a value that KVM refuses, `EBUSY` for set-up after the initialization.
    public func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        let vcpu = try firstVCPU(.write, id)
        try value.checkSize(for: id)
        vcpu.devices.ask()
        switch id.group {
        case _ where id == .gicModel: return try make(value, vcpu.devices)
        case _ where id == .unknownState:
            unknown = UnknownState(rawValue: value.lowBits)
            return
        case .vm(VMStateKind.clock, _): return try clock.write(value, to: id, of: vcpu, in: vm)
        default: break
        }
        guard let attribute = id.deviceAttribute else {
            throw AttributeAccess.absence(.write, id)
        }
        if isNextITS(id) {
            try making(id) { () throws(KVMError) in try vcpu.devices.makeTranslator(in: vm) }
        }
        try AttributeAccess.write(value, to: id, attribute, of: vcpu, among: vcpu.devices)
    }

    // MARK: Devices

    private func firstVCPU(
        _ operation: RegisterBankError.Operation, _ id: RegisterID
    ) throws(RegisterBankError) -> KVMVCPUBank {
        guard let vcpu = vcpus.first else { throw AttributeAccess.absence(operation, id) }
        return vcpu
    }

    private func make(
        _ value: RegisterValue, _ devices: VMDevices
    ) throws(RegisterBankError) {
        guard devices.model == nil, devices.canBeMade,
            let model = GICModel(bits: value.lowBits)
        else {
            throw AttributeAccess.failure(.write, .gicModel, .invalidArgument)
        }
        try making(.gicModel) { () throws(KVMError) in try devices.make(model, in: vm) }
    }

    private func making(
        _ id: RegisterID, _ body: () throws(KVMError) -> Void
    ) throws(RegisterBankError) {
        do throws(KVMError) {
            try body()
        } catch {
            throw RegisterBankError(
                .write, id, error.errno, explanation: "this host's KVM makes no such device")
        }
    }

    /// Whether it is a region of redistributors in a VM that can be given some; KVM has none of those that were not.
    private func canTakeRegion(_ id: RegisterID) -> Bool {
        devices?.canBeMade == true && devices?.model == .v3 && id.redistributorRegion != nil
    }

    /// Whether it is the address of an ITS that the VM does not have yet, and can be given.
    private func isNextITS(_ id: RegisterID) -> Bool {
        guard let devices, devices.canBeMade else { return false }
        return id.isAddressOfITS(after: devices.translatorCount, with: devices.model)
    }

    // MARK: Listing

    private func idsOfController(
        _ devices: VMDevices, _ vcpu: KVMVCPUBank
    ) throws(RegisterBankError) -> [RegisterID] {
        guard let model = devices.model else { return [] }
        let key = try vcpu.key
        return try model.idsOfVM(
            devices.translatorCount, vcpus.count, where: { devices.has($0, of: key) }
        ) { (id) throws(RegisterBankError) in
            try readIfThere(id)?.lowBits
        }
    }

    private func has(_ id: RegisterID) -> Bool {
        guard let vcpu = vcpus.first, let attribute = id.deviceAttribute else { return false }
        return vcpu.hasAttribute(attribute)
    }
}
