internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// The clock of a VM: counters that its vCPUs have in common, and the time next to them.
struct KVMClock {
    /// What was read at one instant; the first register of the clock takes it anew.
    private var sample: [RegisterID: UInt64] = [:]

    /// Whether a count is set by `KVM_ARM_SET_COUNTER_OFFSET`.
    var isSetByOffset = false

    /// What a VM with such a vCPU has of it.
    static func ids(of vcpu: KVMVCPUBank) throws(RegisterBankError) -> [RegisterID] {
        RegisterID.ofClock(hasPhysicalCount: try vcpu.readIfThere(.cntpctEL0) != nil)
    }

    mutating func read(
        _ id: RegisterID, of vcpu: KVMVCPUBank
    ) throws(RegisterBankError) -> RegisterValue {
        if id == .clockCntvct || sample[id] == nil { try takeSample(of: vcpu) }
        guard let value = sample[id] else { throw AttributeAccess.absence(.read, id) }
        return RegisterValue(value)
    }

    private mutating func takeSample(of vcpu: KVMVCPUBank) throws(RegisterBankError) {
        sample[.clockCntvct] = try vcpu.read(.cntvctEL0).lowBits
        sample[.clockCntpct] = try? vcpu.read(.cntpctEL0).lowBits
        sample[.clockRealtime] = SystemClock.nanosecondsSinceEpoch()
        sample[.clockCntfrq] = HostIdentity.counterFrequency()
    }

    /// Sets the offset of both counters so that they have a count.
    private func setOffset(
        to count: RegisterValue, _ id: RegisterID, of vcpu: KVMVCPUBank, in vm: borrowing VM
    ) throws(RegisterBankError) {
        // Without an offset the vCPU's counter is the host's.
        try set(0, id, in: vm)
        let host = try vcpu.read(.cntpctEL0).lowBits
        try set(host &- count.lowBits, id, in: vm)
    }

    private func set(
        _ offset: UInt64, _ id: RegisterID, in vm: borrowing VM
    ) throws(RegisterBankError) {
        do throws(KVMError) {
            try vm.setCounterOffset(offset)
        } catch {
            var failure = AttributeAccess.failure(
                .write, id, error.errno, isOfRegister: error.errno != .busy)
            if !failure.needsStandstill {
                failure.explanation =
                    "KVM_ARM_SET_COUNTER_OFFSET was added to KVM in \(KVMCapability.originOfCounterOffset)"
            }
            throw failure
        }
    }

    /// Sets a count of all vCPUs; the time is as it is, and so is the frequency.
    func write(
        _ value: RegisterValue, to id: RegisterID, of vcpu: KVMVCPUBank, in vm: borrowing VM
    ) throws(RegisterBankError) {
        switch id {
        case .clockCntvct where isSetByOffset: try setOffset(to: value, id, of: vcpu, in: vm)
        // KVM ignores it then, and has both counters the same.
        case .clockCntpct where isSetByOffset: break
        case .clockRealtime: break
        case .clockCntfrq: throw AttributeAccess.failure(.write, id, .invalidArgument)
        default:
            guard let counter = id.counter else { throw AttributeAccess.absence(.write, id) }
            try vcpu.write(value, to: counter)
        }
    }
}
