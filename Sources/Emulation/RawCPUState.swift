internal import LinuxSystem
public import Registers
public import VCPUModel

extension EmulatedCPU {
    /// The CPU state without the host's rules.
    public var rawState: RawCPUState { RawCPUState(of: self) }
}

/// The state of an emulated CPU as a bank: QEMU's `CPUARMState` behind `read_raw_cp_reg` and
/// `write_raw_cp_reg` (`target/arm/helper.c`).
///
/// Nothing has a side effect and nothing is refused: a constant does not change, a masked register takes
/// the bits of its mask, an ID register the fields this host can offer. So only reading back tells what
/// was taken. A register without raw access is `EOPNOTSUPP`.
public final class RawCPUState: RegisterBank {
    private let cpu: EmulatedCPU

    init(of cpu: EmulatedCPU) {
        self.cpu = cpu
    }

    /// Everything with raw access that is no second view of another register; the list QEMU makes of
    /// it (`arm_init_cpreg_list`) has those with `RegisterID.isCPRegister`.
    public func list() -> [RegisterID] {
        cpu.table.definitions.filter { $0.isListedRaw && cpu.unmetNeed(of: $0) == nil }.map(\.id)
            + cpu.idsOutsideList
    }

    /// The value of one register, without side effects.
    /// - Throws: errno `ENOENT` for a register that the CPU state does not have now, `EOPNOTSUPP` for one without raw
    ///   access; what `EmulatedCPU.read` throws for state outside KVM's register list.
    public func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        guard id.architecture != .own else { return try cpu.read(id) }
        try check(id, .read)
        guard let value = cpu.table.rawRead(id, from: cpu.state) else {
            throw noRawAccess(id, .read)
        }
        return value
    }

    /// Writes one register as far as it can hold the value; only reading back tells what it took.
    /// - Throws: errno `ENOENT` for a register that the CPU state does not have now, `EINVAL` for a value of another
    ///   size, `EOPNOTSUPP` for one without raw access.
    public func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        try check(id, .write)
        try value.checkSize(for: id)
        guard id.architecture != .own else { return writeRunState(value, id) }
        guard cpu.table.rawRead(id, from: cpu.state) != nil else { throw noRawAccess(id, .write) }
        cpu.table.rawWrite(value, to: id, in: &cpu.state)
    }

    /// What the vCPU was made with stays.
    private func writeRunState(_ value: RegisterValue, _ id: RegisterID) {
        switch id {
        case .mpState: cpu.state.run.mpState = UInt32(value.lowBits)
        case .vcpuEvents:
            let events = VCPUEvents(value)
            cpu.state.run.pendingSError =
                events.isPending ? (events.hasSyndrome ? events.syndrome : 0) : nil
        default: break
        }
    }

    private func check(
        _ id: RegisterID, _ operation: RegisterBankError.Operation
    ) throws(RegisterBankError) {
        let exists =
            id.architecture == .own
            ? cpu.idsOutsideList.contains(id)
            : cpu.table[id].map { cpu.unmetNeed(of: $0) == nil } ?? false
        guard exists else {
            throw RegisterBankError(
                operation, id, .noEntry, explanation: "the CPU state has no such register")
        }
    }

    private func noRawAccess(
        _ id: RegisterID, _ operation: RegisterBankError.Operation
    ) -> RegisterBankError {
        RegisterBankError(
            operation, id, .notSupported,
            explanation: "it cannot be accessed without a side effect")
    }
}
