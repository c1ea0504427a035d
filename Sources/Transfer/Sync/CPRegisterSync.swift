public import Registers
public import VCPUModel

/// The moves of system registers between QEMU's three holders of them: the CPU state, the (index, value)
/// list and KVM.
///
/// Each function has the name and the meaning of one in QEMU's `target/arm/helper.c` or
/// `target/arm/kvm.c`; CONTRIBUTING.md has the table. CPU state and KVM are register banks; the CPU state
/// is one whose writes have no side effect. No failure stops a move, and every register of the list is
/// accounted for.
public enum CPRegisterSync {
    /// The list of a bank's system registers with their present values (`kvm_arm_init_cpreg_list`;
    /// for a CPU state `arm_init_cpreg_list`).
    ///
    /// Registers that cannot be read now are listed as zero.
    /// - Throws: where the bank cannot list its registers.
    public static func makeList(of bank: any RegisterBank) throws(RegisterBankError) -> RegisterList
    {
        try bank.readAll(where: \.isCPRegister) { RegisterValue(0, size: $0.id?.size ?? 8) }
    }

    // MARK: CPU state and list

    /// Reads the CPU state into the list (`write_cpustate_to_list`).
    ///
    /// - Parameters:
    ///   - kvmSync: false before a save without KVM: every register the CPU state has is taken. True
    ///     where KVM filled the list: then a value is replaced only where the CPU state differs and held
    ///     the old one, as `strategy` finds out. Otherwise KVM's value stays, because the difference is
    ///     only the CPU state's poorer model (a constant, a bit it does not implement).
    /// - Returns: `absent` registers are the failures; they keep their value.
    public static func writeCPUStateToList(
        _ cpuState: any RegisterBank, _ list: inout RegisterList, kvmSync: Bool,
        strategy: SyncStrategy = .recheck
    ) -> SyncReport {
        SyncReport(
            registers: zip(list.ids, list.values).map { id, old in
                take(id, from: cpuState, into: &list, old: old, strategy: kvmSync ? strategy : nil)
            })
    }

    /// - Parameter strategy: nil to take the value in any case.
    private static func take(
        _ id: RegisterID, from cpuState: any RegisterBank, into list: inout RegisterList,
        old: RegisterValue, strategy: SyncStrategy?
    ) -> SyncReport.Register {
        guard id.isCPRegister else { return SyncReport.Register(id: id, outcome: .absent) }
        return SyncReport.Register(id) { () throws(RegisterBankError) in
            let new = try cpuState.read(id)
            if new == old { return (.alreadyEqual, new) }
            if let strategy, !(try strategy.held(old, in: id, of: cpuState, now: new)) {
                return (.skipped(.keptInList), new)
            }
            list.set(new, for: id)
            return (.taken, new)
        }
    }

    /// Writes the list into the CPU state and reads each register back (`write_list_to_cpustate`).
    ///
    /// - Returns: `absent` registers and those that read back as something else are the failures; QEMU
    ///   ignores them when it gets registers from KVM, and refuses a migration for them.
    public static func writeListToCPUState(
        _ list: RegisterList, _ cpuState: any RegisterBank
    ) -> SyncReport {
        let registers = list.map { id, value in
            guard id.isCPRegister else { return SyncReport.Register(id: id, outcome: .absent) }
            return SyncReport.Register(id) { () throws(RegisterBankError) in
                try cpuState.write(value, to: id)
                let found = try cpuState.read(id)
                // In a CPU state nothing moves by itself.
                return (found == value ? .taken : .acceptedThenChanged, found)
            }
        }
        return SyncReport(registers: registers)
    }

    // MARK: KVM and list

    /// Reads every register of the list from KVM (`write_kvmstate_to_list`).
    ///
    /// A register that cannot be read keeps its value in the list.
    public static func writeKVMStateToList(
        _ kvm: any RegisterBank, _ list: inout RegisterList
    ) -> SyncReport {
        SyncReport(
            registers: zip(list.ids, list.values).map { id, old in
                SyncReport.Register(id) { () throws(RegisterBankError) in
                    let new = try kvm.read(id)
                    list.set(new, for: id)
                    return (new == old ? .alreadyEqual : .taken, new)
                }
            })
    }

    /// Writes the list to KVM, less what is above the level (`write_list_to_kvmstate`).
    ///
    /// Unlike QEMU it does not write a register that holds the value, reads back what it wrote, and
    /// leaves the CLR views of the PMU alone where they are views (`SkipRule.clearView`).
    /// - Parameter raised: registers that are written although they are above the level.
    public static func writeListToKVMState(
        _ list: RegisterList, _ kvm: any RegisterBank, level: SyncLevel,
        raised: Set<RegisterID> = []
    ) -> SyncReport {
        var report = SyncReport()
        for (id, value) in list {
            if id.syncLevel > level, !raised.contains(id) {
                report.registers.append(SyncReport.Register(id: id, outcome: .skipped(.aboveLevel)))
            } else if RegisterDictionary.entry(for: id)?.isClearView == true {
                report.registers.append(SyncReport.Register(id: id, outcome: .skipped(.clearView)))
            } else {
                report.registers.append(put(id, in: kvm) { value })
            }
        }
        for (position, register) in report.registers.enumerated()
        where register.outcome == .skipped(.clearView) {
            report.registers[position] = putClearView(register.id, list, kvm)
        }
        return report
    }

    /// Writes a CLR view that turns out not to be one: the bank holds its SET register as wanted, and
    /// yet not the view.
    ///
    /// A snapshot is such a bank.
    private static func putClearView(
        _ id: RegisterID, _ list: RegisterList, _ kvm: any RegisterBank
    ) -> SyncReport.Register {
        guard let set = RegisterDictionary.entry(for: id)?.setView, let wanted = list[id],
            list[set] == wanted, (try? kvm.read(set)) == wanted, (try? kvm.read(id)) != wanted
        else { return SyncReport.Register(id: id, outcome: .skipped(.clearView)) }
        return put(id, in: kvm) { wanted }
    }

    /// Gives a register of a bank a value, which may have to be read elsewhere.
    static func put(
        _ id: RegisterID, in bank: any RegisterBank,
        _ value: () throws(RegisterBankError) -> RegisterValue
    ) -> SyncReport.Register {
        SyncReport.Register(id) { () throws(RegisterBankError) in
            try bank.put(value(), to: id)
        }
    }
}
