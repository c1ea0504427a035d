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
    public static func makeList(of bank: any RegisterBank) throws(RegisterBankError) -> RegisterList
    {
        var list = RegisterList()
        for id in try bank.list() where id.isCPRegister {
            let value = (try? bank.read(id)) ?? RegisterValue(0, size: id.size ?? 8)
            list.set(value, for: id)
        }
        return list
    }

    // MARK: CPU state and list

    /// Reads the CPU state into the list (`write_cpustate_to_list`).
    ///
    /// - Parameters:
    ///   - kvmSync: false before a save without KVM: every register the CPU state has is taken. True
    ///     where KVM filled the list: then a value is replaced only where the CPU state differs and held
    ///     the old one, as `strategy` finds out. Otherwise KVM's value stays, because the difference is
    ///     only the CPU state's poorer model (a constant, a bit it does not implement).
    /// - Returns: `unknown` registers are the failures; they keep their value.
    public static func writeCPUStateToList(
        _ cpuState: any RegisterBank, _ list: inout RegisterList, kvmSync: Bool,
        strategy: SyncStrategy = .recheck
    ) -> SyncReport {
        var report = SyncReport()
        for (id, old) in list {
            report.registers.append(
                take(id, from: cpuState, into: &list, old: old, strategy: kvmSync ? strategy : nil))
        }
        return report
    }

    /// - Parameter strategy: nil to take the value in any case.
    private static func take(
        _ id: RegisterID, from cpuState: any RegisterBank, into list: inout RegisterList,
        old: RegisterValue, strategy: SyncStrategy?
    ) -> SyncReport.Register {
        guard id.isCPRegister else { return SyncReport.Register(id, .unknown) }
        do throws(RegisterBankError) {
            let new = try cpuState.read(id)
            if new == old { return SyncReport.Register(id, .alreadyEqual) }
            if let strategy {
                guard try strategy.held(old, in: id, of: cpuState, now: new) else {
                    return SyncReport.Register(id, .keptInList)
                }
            }
            list.set(new, for: id)
            return SyncReport.Register(id, .taken)
        } catch {
            return SyncReport.Register(id, error)
        }
    }

    /// Writes the list into the CPU state and reads each register back (`write_list_to_cpustate`).
    ///
    /// - Returns: `unknown` registers and those that read back `changed` are the failures; QEMU ignores
    ///   them when it gets registers from KVM, and refuses a migration for them.
    public static func writeListToCPUState(
        _ list: RegisterList, _ cpuState: any RegisterBank
    ) -> SyncReport {
        var report = SyncReport()
        for (id, value) in list {
            guard id.isCPRegister else {
                report.registers.append(SyncReport.Register(id, .unknown))
                continue
            }
            do throws(RegisterBankError) {
                try cpuState.write(value, to: id)
                let found = try cpuState.read(id)
                report.registers.append(
                    SyncReport.Register(id, found == value ? .taken : .changed(found: found)))
            } catch {
                report.registers.append(SyncReport.Register(id, error))
            }
        }
        return report
    }

    // MARK: KVM and list

    /// Reads every register of the list from KVM (`write_kvmstate_to_list`).
    ///
    /// A register that cannot be read keeps its value in the list.
    public static func writeKVMStateToList(
        _ kvm: any RegisterBank, _ list: inout RegisterList
    ) -> SyncReport {
        var report = SyncReport()
        for (id, old) in list {
            do throws(RegisterBankError) {
                let new = try kvm.read(id)
                list.set(new, for: id)
                report.registers.append(
                    SyncReport.Register(id, new == old ? .alreadyEqual : .taken))
            } catch {
                report.registers.append(SyncReport.Register(id, error))
            }
        }
        return report
    }

    /// Writes the list to KVM, less what is above the level (`write_list_to_kvmstate`).
    ///
    /// Unlike QEMU it does not write a register that holds the value, reads back what it wrote, and
    /// leaves the CLR views of the PMU alone where they are views (`SyncReport.Outcome.clearView`).
    /// - Parameter raised: registers that are written although they are above the level.
    public static func writeListToKVMState(
        _ list: RegisterList, _ kvm: any RegisterBank, level: SyncLevel,
        raised: Set<RegisterID> = []
    ) -> SyncReport {
        var report = SyncReport()
        for (id, value) in list {
            if id.syncLevel > level, !raised.contains(id) {
                report.registers.append(SyncReport.Register(id, .aboveLevel))
            } else if RegisterDictionary.entry(for: id)?.isClearTwin == true {
                report.registers.append(SyncReport.Register(id, .clearView))
            } else {
                report.registers.append(put(value, in: id, of: kvm))
            }
        }
        for (position, register) in report.registers.enumerated()
        where register.outcome == .clearView {
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
        guard let set = RegisterDictionary.entry(for: id)?.setTwin, let wanted = list[id],
            list[set] == wanted, (try? kvm.read(set)) == wanted, (try? kvm.read(id)) != wanted
        else { return SyncReport.Register(id, .clearView) }
        return put(wanted, in: id, of: kvm)
    }

    /// Writes one register where it does not hold the value, and reads it back; bits that move by
    /// themselves do not count.
    static func put(
        _ value: RegisterValue, in id: RegisterID, of bank: any RegisterBank
    ) -> SyncReport.Register {
        let stable = ~RegisterDictionary.volatileBits(of: id)
        do throws(RegisterBankError) {
            if try bank.read(id) == value { return SyncReport.Register(id, .alreadyEqual) }
            try bank.replace(id, with: value)
            let found = try bank.read(id)
            let isAsWritten = found.masked(by: stable) == value.masked(by: stable)
            return SyncReport.Register(id, isAsWritten ? .taken : .changed(found: found))
        } catch {
            return SyncReport.Register(id, error)
        }
    }
}
