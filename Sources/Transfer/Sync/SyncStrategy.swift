internal import Registers
public import VCPUModel

/// How `CPRegisterSync.writeCPUStateToList(kvmSync: true)` finds out whether the CPU state held the
/// value that is in the list, so that a difference now is a change somebody made.
///
/// Both answer the same wherever writing a register of the CPU state replaces its value and touches no
/// other. CONTRIBUTING.md says where they part.
public enum SyncStrategy: Hashable, Sendable {
    /// Write the list's value again and read it back, as QEMU does; then put the present value back.
    ///
    /// It needs no memory of what happened before. A CPU state in which a write has other effects is
    /// disturbed by it.
    case recheck
    /// Look up what the move from the list to the CPU state took.
    ///
    /// It writes nothing, and knows nothing about a value that came into the list in another way.
    case recorded(SyncRecord)

    /// Whether the CPU state took the list's value.
    /// - Parameter now: what the register holds, and holds again afterward.
    func held(
        _ old: RegisterValue, in id: RegisterID, of cpuState: any RegisterBank,
        now: RegisterValue
    ) throws(RegisterBankError) -> Bool {
        switch self {
        case .recorded(let record): return record.taken[id] == old
        case .recheck:
            // A bank that refuses a value does not hold it.
            guard (try? cpuState.write(old, to: id)) != nil else { return false }
            let isHeld = try cpuState.read(id) == old
            // QEMU leaves what remains of a value that does not fit.
            try? cpuState.write(now, to: id)
            return isHeld
        }
    }
}

/// The values that a move from the list to the CPU state took, one by one.
public struct SyncRecord: Hashable, Sendable {
    let taken: RegisterList

    /// Keeps the values that read back as written.
    /// - Parameters:
    ///   - report: of `CPRegisterSync.writeListToCPUState`.
    ///   - list: the list that was moved.
    public init(of report: SyncReport, _ list: RegisterList) {
        let ids = Set(report.registers.filter { $0.outcome == .taken }.map(\.id))
        taken = RegisterList(list.filter { ids.contains($0.0) }) ?? RegisterList()
    }
}
