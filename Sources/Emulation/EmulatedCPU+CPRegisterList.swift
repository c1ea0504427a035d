internal import Registers
public import VCPUModel

/// The cpreg list, QEMU's `cpreg_indexes` and `cpreg_values`, and the moves between it and the CPU
/// state. The names are those of the functions in QEMU's `target/arm/helper.c`.
extension EmulatedCPU {
    /// The list of this CPU (`arm_init_cpreg_list`), every value 0.
    ///
    /// It has each register with raw access that is no second view of another.
    /// `writeCPUStateToList` fills it.
    public func makeCPRegisterList() -> RegisterList {
        let pairs = table.definitions.filter { $0.isListedCPRegister && unmetNeed(of: $0) == nil }
            .map { ($0.id, RegisterValue(0, size: $0.id.size ?? 8)) }
        return RegisterList(pairs) ?? RegisterList()
    }

    /// Reads the CPU state into the list, as before a save.
    ///
    /// No failure stops it.
    ///
    /// - Parameter kvmSync: whether KVM filled the list. Then a value is replaced only where the CPU
    ///   state differs and could have represented the old value: the old value is written raw and
    ///   must read back. Otherwise KVM's value stays, since the difference is only the CPU state's
    ///   poorer model. The CPU state is the same afterwards in every case; QEMU leaves the remains of
    ///   an old value it could not represent.
    public func writeCPUStateToList(_ list: inout RegisterList, kvmSync: Bool) -> SyncReport {
        var report = SyncReport()
        for (id, old) in list {
            let (value, outcome) = valueForList(id, old: old, kvmSync: kvmSync)
            if let value { list.set(value, for: id) }
            report.registers.append(SyncReport.Register(id: id, outcome: outcome))
        }
        return report
    }

    /// Writes the list into the CPU state, as after a load, and reads each register back.
    ///
    /// No failure stops it.
    public func writeListToCPUState(_ list: RegisterList) -> SyncReport {
        var report = SyncReport()
        for (id, value) in list {
            let outcome = writeToState(value, id)
            report.registers.append(SyncReport.Register(id: id, outcome: outcome))
        }
        return report
    }

    private func valueForList(
        _ id: RegisterID, old: RegisterValue, kvmSync: Bool
    ) -> (RegisterValue?, SyncReport.Outcome) {
        guard isCPRegister(id) else { return (nil, .unknown) }
        guard let new = table.rawRead(id, from: state) else { return (nil, .noRawAccess) }
        guard kvmSync, old != new else { return (new, .taken) }
        var trial = state
        table.rawWrite(old, to: id, in: &trial)
        guard table.rawRead(id, from: trial) == old else { return (nil, .keptInList) }
        return (new, .taken)
    }

    private func writeToState(_ value: RegisterValue, _ id: RegisterID) -> SyncReport.Outcome {
        guard isCPRegister(id) else { return .unknown }
        guard table[id]?.flags.contains(.noRaw) == false else { return .noRawAccess }
        table.rawWrite(value, to: id, in: &state)
        let found = table.rawRead(id, from: state) ?? value
        return found == value ? .taken : .changed(found: found)
    }

    private func isCPRegister(_ id: RegisterID) -> Bool {
        table[id].map { $0.isCPRegister && unmetNeed(of: $0) == nil } ?? false
    }
}
