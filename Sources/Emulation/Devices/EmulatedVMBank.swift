internal import LinuxSystem
public import Registers
public import VCPUModel

/// What an emulated VM has once: its interrupt controller but for the vCPUs' part, and its clock, as `KVMVMBank` has it of
/// a KVM VM.
///
/// Nothing is raised and nothing runs. Its counters stand still; the time is that of the machine that emulates it. Any
/// address is in the guest's memory.
public final class EmulatedVMBank: RegisterBank {
    private let devices: EmulatedDevices
    private let vcpus: [EmulatedCPU]
    private var unknown = UnknownState()
    /// What the clock was set to.
    private var counts: [RegisterID: UInt64] = [:]

    init(_ devices: EmulatedDevices, _ vcpus: [EmulatedCPU]) {
        self.devices = devices
        self.vcpus = vcpus
    }

    private func first(
        _ operation: RegisterBankError.Operation, _ id: RegisterID
    ) throws(RegisterBankError) -> EmulatedCPU {
        guard let vcpu = vcpus.first else { throw RegisterBankError(operation, id, .noEntry) }
        return vcpu
    }

    // MARK: RegisterBank

    /// The set-up of the interrupt controller, its registers that the VM has once, those of its ITSs, the timers' interrupts
    /// and the clock, in ascending order.
    /// - Throws: never by itself.
    public func list() throws(RegisterBankError) -> [RegisterID] {
        guard devices.areAskedFor, let vcpu = vcpus.first, vcpu.state.run.initialization != nil
        else { return [] }
        let rules = InterruptRules(devices: devices, vcpu: vcpu)
        let timers = RegisterID.timerInterrupts.filter(rules.has)
        return ([.unknownState] + ofController(rules) + timers + idsOfClock(vcpu)).sorted()
    }

    private func ofController(_ rules: InterruptRules) -> [RegisterID] {
        devices.model?.idsOfVM(
            devices.translatorCount, devices.vcpuCount, where: rules.has
        ) { try? rules.read($0) } ?? []
    }

    private func idsOfClock(_ vcpu: EmulatedCPU) -> [RegisterID] {
        RegisterID.ofClock(hasPhysicalCount: vcpu.table[.cntpctEL0] != nil)
    }

    /// Reads an attribute, or the clock.
    /// - Throws: `ENOENT` for state that the VM does not have.
    public func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        let vcpu = try first(.read, id)
        do throws(Refusal) {
            return RegisterValue(try bits(of: id, vcpu), size: id.size ?? 8)
        } catch {
            throw RegisterBankError(.read, id, error)
        }
    }

    private func bits(of id: RegisterID, _ vcpu: EmulatedCPU) throws(Refusal) -> UInt64 {
        switch id {
        case .gicModel: return UInt64(devices.model?.rawValue ?? 0)
        case .unknownState: return unknown.rawValue
        case .clockCntfrq, .clockRealtime, .clockCntvct, .clockCntpct:
            return try clock(id, vcpu)
        default:
            let isInitialized = vcpu.state.run.initialization != nil
            if isNextITS(id) || isInitialized && isNewRegion(id) {
                return DeviceAttribute.noAddress
            }
            return try InterruptRules(devices: devices, vcpu: vcpu).read(id)
        }
    }

    /// The clock is told by the counters of a vCPU, which has none until it is initialized.
    private func clock(_ id: RegisterID, _ vcpu: EmulatedCPU) throws(Refusal) -> UInt64 {
        guard vcpu.state.run.initialization != nil else {
            throw Refusal(RegisterBankError.notInitialized, errno: .notExecutable)
        }
        if id == .clockCntfrq { return devices.profile.counterFrequency ?? 0 }
        if id == .clockRealtime { return SystemClock.nanosecondsSinceEpoch() }
        guard idsOfClock(vcpu).contains(id) else { throw .noDeviceState }
        return counts[id] ?? 0
    }

    /// Writes an attribute or the clock, or makes a device.
    /// - Throws: as `read`, and `EINVAL` for a value that KVM refuses, `EBUSY` for set-up after the initialization.
    public func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        let vcpu = try first(.write, id)
        try value.checkSize(for: id)
        devices.ask()
        if let counter = id.counter {
            try vcpu.write(value, to: counter)
            counts[id] = value.lowBits
            return
        }
        do throws(Refusal) {
            try write(value.lowBits, to: id, vcpu)
        } catch {
            throw RegisterBankError(.write, id, error)
        }
    }

    private func write(
        _ bits: UInt64, to id: RegisterID, _ vcpu: EmulatedCPU
    ) throws(Refusal) {
        switch id {
        case .gicModel:
            guard let model = GICModel(bits: bits) else {
                throw Refusal("KVM has no such interrupt controller")
            }
            try devices.make(model)
        case .unknownState: unknown = UnknownState(rawValue: bits)
        case .clockRealtime: break
        case .clockCntfrq:
            throw Refusal(
                id.explanation(of: AccessFailure(.invalid, isWrite: true, hasSVE: nil)))
        default:
            if isNextITS(id) { try devices.makeTranslator() }
            try InterruptRules(devices: devices, vcpu: vcpu).write(bits, to: id)
        }
    }

    /// Whether it is a region of redistributors that the VM does not have yet.
    private func isNewRegion(_ id: RegisterID) -> Bool {
        guard devices.model == .v3, let number = id.redistributorRegion else { return false }
        return Int(number) >= devices.regions.count
    }

    /// Whether it is the address of an ITS that the VM does not have yet, and can be given.
    private func isNextITS(_ id: RegisterID) -> Bool {
        id.isAddressOfITS(after: devices.translatorCount, with: devices.model)
    }
}
