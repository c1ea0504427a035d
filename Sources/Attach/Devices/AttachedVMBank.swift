internal import LinuxSystem
public import Registers
public import VCPUModel

/// What a VM of a running process has once, as a bank: its interrupt controller but for the vCPUs' part, and its clock.
///
/// It answers from what was read in the same stop as the vCPUs. A write is a call in the process.
public final class AttachedVMBank: RegisterBank {
    private let devices: AttachedDevices
    private let vcpu: AttachedVCPUBank?
    private let calls: AttachedCalls
    private var unknown = UnknownState.everything
    /// Whether the vCPU has the counts rather than what was read with the others.
    private var isClockWritten = false

    init(_ devices: AttachedDevices, _ vcpu: AttachedVCPUBank?, _ calls: AttachedCalls) {
        self.devices = devices
        self.vcpu = vcpu
        self.calls = calls
    }

    /// The set-up of the interrupt controller, its registers that the VM has once, those of its ITSs, the timers' interrupts
    /// and the clock, in ascending order.
    /// - Throws: never; a register that cannot be read is listed, and reading it says why.
    public func list() throws(RegisterBankError) -> [RegisterID] {
        let known = Set(devices.ids(of: .vm))
        let ofController = devices.model?.idsOfVM(
            devices.translatorCount, devices.vcpuCount, where: known.contains
        ) { try? devices.value(of: $0, of: .vm).lowBits }
        let others = RegisterID.timerInterrupts.filter(known.contains)
        let ids = [.unknownState] + (ofController ?? []) + others + (devices.clock ?? [:]).keys
        return ids.filter { !devices.leavesOut($0) }.sorted()
    }

    /// Reads an attribute, or the clock.
    /// - Throws: `ENOENT` for state that the VM does not have; for `GIC_MODEL`, `EBUSY` or `ECANCELED` where nothing of the
    ///   interrupt controller could be read; `ESRCH` when the process is gone, or was let go before what a
    ///   write changed was read.
    public func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        switch id {
        case .unknownState: return RegisterValue(unknown.rawValue)
        case .gicModel:
            if let refusal = devices.refusal { throw refusal }
            return RegisterValue(UInt64(devices.model?.rawValue ?? 0), size: 4)
        default: break
        }
        if let read = devices.clock?[id] { return RegisterValue(try count(id) ?? read) }
        return try devices.read(id, of: .vm, calls, key)
    }

    /// Writes an attribute, or a count of the clock.
    /// - Throws: as `read`, and `EINVAL` for a value that KVM refuses, `EBUSY` for what is fixed.
    public func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        try value.checkSize(for: id)
        switch id {
        case .unknownState: unknown = UnknownState(rawValue: value.lowBits)
        case .gicModel, .clockCntfrq:
            guard try read(id) == value else {
                throw RegisterBankError(.write, id, .invalidArgument)
            }
        case .clockRealtime: break
        default:
            guard let counter = id.counter else {
                return try devices.write(value, to: id, of: .vm, calls, key)
            }
            guard let vcpu else { throw RegisterBankError(.write, id, .noEntry) }
            try vcpu.write(value, to: counter)
            isClockWritten = true
        }
    }

    /// A count that was written since.
    private func count(_ id: RegisterID) throws(RegisterBankError) -> UInt64? {
        guard isClockWritten, let vcpu, let counter = id.counter else { return nil }
        return try vcpu.read(counter).lowBits
    }

    private func key() throws(RegisterBankError) -> VCPUKey {
        guard let vcpu else { return VCPUKey(mpidr: 0, index: 0) }
        return try vcpu.key()
    }
}
