public import Registers
public import VCPUModel

/// A vCPU whose registers are held three times, as in QEMU: in KVM, in the list, and in a CPU state that
/// code can read and change.
///
/// `getRegisters` makes all three the same; code then changes the CPU state; `putRegisters` makes those
/// changes, and only those, reach KVM. The vCPU must not run in between. What decides which registers a
/// vCPU has (`VCPU_INIT`, `VCPU_FINALIZED`, `SVE_VLS`) is not moved.
public final class SyncedVCPU {
    /// The vCPU itself: a KVM vCPU, or what stands for one.
    public let kvm: any RegisterBank
    /// The copy that code reads and changes between `getRegisters` and `putRegisters`; QEMU's `CPUARMState`.
    public let cpuState: any RegisterBank
    /// QEMU's `cpreg_indexes` and `cpreg_values`; a migration loads it before `putRegisters(.full)`.
    public var list: RegisterList
    private let fixedRegisters: [RegisterID]
    private let outsideList: Set<RegisterID>
    private let recordsSuccess: Bool
    private var record: SyncRecord?

    /// A vCPU and a CPU state for it; nothing is moved yet.
    /// - Parameters:
    ///   - kvm: the vCPU.
    ///   - cpuState: a bank whose writes have no side effect, such as `EmulatedCPU.rawState`.
    ///   - recordsSuccess: whether `putRegisters` uses what `getRegisters` recorded instead of checking
    ///     again (`SyncStrategy`).
    /// - Throws: when KVM cannot list the vCPU's registers.
    public init(
        kvm: any RegisterBank, cpuState: any RegisterBank, recordsSuccess: Bool = false
    ) throws(RegisterBankError) {
        self.kvm = kvm
        self.cpuState = cpuState
        self.recordsSuccess = recordsSuccess
        let listed = Set(try kvm.list())
        fixedRegisters = FixedRegisters.inOrder(of: listed)
        outsideList = listed.intersection([.vcpuEvents, .mpState])
        list = try CPRegisterSync.makeList(of: kvm)
    }

    /// A vCPU whose CPU state is a plain copy that can hold everything.
    /// - Throws: where KVM cannot list the vCPU's registers or read one of them.
    public convenience init(copying kvm: any RegisterBank) throws(RegisterBankError) {
        try self.init(kvm: kvm, cpuState: SnapshotBank(try kvm.readAll()))
    }

    /// Whether a change of this register in the CPU state is moved to KVM.
    public func moves(_ id: RegisterID) -> Bool {
        list.contains(id) || fixedRegisters.contains(id) || outsideList.contains(id)
    }

    /// What getting did.
    public struct Get: Sendable {
        /// Registers that are in no list: general, FP/SIMD and SVE, pending events, MP state.
        public var fixed = SyncReport()
        /// What KVM gave for the registers of the list (`write_kvmstate_to_list`).
        public var kvmToList = SyncReport()
        /// What the CPU state took of the list (`write_list_to_cpustate`).
        public var listToCPUState = SyncReport()

        /// Whether everything could be read; what the CPU state cannot hold is no failure, as in QEMU.
        public var succeeded: Bool { fixed.succeeded && kvmToList.succeeded }
    }

    /// What putting did.
    public struct Put: Sendable {
        /// Registers that are in no list: general, FP/SIMD and SVE, pending events, MP state.
        public var fixed = SyncReport()
        /// What the list took of the CPU state (`write_cpustate_to_list`).
        public var cpuStateToList = SyncReport()
        /// What KVM took of the list (`write_list_to_kvmstate`).
        public var listToKVM = SyncReport()

        /// Whether KVM took everything; what the CPU state does not know is no failure, as in QEMU.
        public var succeeded: Bool { fixed.succeeded && listToKVM.succeeded }

        /// What KVM did not take.
        public var failures: [SyncReport.Register] { fixed.failures + listToKVM.failures }

        /// What became of a register on its last way to KVM; nil for one that is not moved.
        public subscript(id: RegisterID) -> SyncReport.Register? {
            (fixed.registers + listToKVM.registers).first { $0.id == id }
        }
    }

    // MARK: Get

    /// KVM to list and CPU state (`kvm_arch_get_registers`).
    public func getRegisters() -> Get {
        var result = Get()
        for id in fixedRegisters { result.fixed.registers.append(get(id)) }
        if outsideList.contains(.vcpuEvents) { result.fixed.registers.append(get(.vcpuEvents)) }
        result.kvmToList = CPRegisterSync.writeKVMStateToList(kvm, &list)
        result.listToCPUState = CPRegisterSync.writeListToCPUState(list, cpuState)
        if recordsSuccess { record = SyncRecord(of: result.listToCPUState, list) }
        if outsideList.contains(.mpState) { result.fixed.registers.append(get(.mpState)) }
        return result
    }

    private func get(_ id: RegisterID) -> SyncReport.Register {
        CPRegisterSync.put(id, in: cpuState) { () throws(RegisterBankError) in try kvm.read(id) }
    }

    // MARK: Put

    /// CPU state to list and KVM (`kvm_arch_put_registers`).
    /// - Parameter raised: registers of the list that are put although they are above the level.
    public func putRegisters(_ level: SyncLevel, raised: Set<RegisterID> = []) -> Put {
        var result = Put()
        result.fixed = putFixedRegisters()
        result.cpuStateToList = CPRegisterSync.writeCPUStateToList(
            cpuState, &list, kvmSync: true, strategy: record.map { .recorded($0) } ?? .recheck)
        result.listToKVM = CPRegisterSync.writeListToKVMState(
            list, kvm, level: level, raised: raised)
        if outsideList.contains(.vcpuEvents) { result.fixed.registers.append(put(.vcpuEvents)) }
        if outsideList.contains(.mpState) { result.fixed.registers.append(put(.mpState)) }
        return result
    }

    /// The first part of putting: everything but the list, events and MP state.
    ///
    /// QEMU writes X registers before PSTATE, and while PSTATE says AArch32 KVM narrows them to 32 bits
    /// (`set_core_reg`, `arch/arm64/kvm/guest.c`). So what is not as written once all are is written
    /// again.
    public func putFixedRegisters() -> SyncReport {
        var report = SyncReport()
        report.registers = fixedRegisters.map(put)
        for (position, id) in fixedRegisters.enumerated() {
            let again = put(id)
            if again.outcome != .alreadyEqual {
                report.registers[position] = again
            } else if report.registers[position].outcome.isLoss {
                report.registers[position] = SyncReport.Register(id: id, outcome: .taken)
            }
        }
        return report
    }

    private func put(_ id: RegisterID) -> SyncReport.Register {
        CPRegisterSync.put(id, in: kvm) { () throws(RegisterBankError) in try cpuState.read(id) }
    }
}
