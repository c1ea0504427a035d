import Emulation
import LinuxSystem
import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel

@Suite("Get and put")
struct SyncedVCPUTests {
    // MARK: Order

    /// The order of `kvm_arch_get_registers` and `kvm_arch_put_registers`, written down by name.
    private static let general =
        (0...30).map { "x\($0)" }
        + [
            "sp_el0", "sp_el1", "pstate", "pc", "elr_el1", "spsr_el1", "spsr_abt", "spsr_und",
            "spsr_irq", "spsr_fiq",
        ]
    private static let simd = (0...31).map { "v\($0)" } + ["fpsr", "fpcr"]
    private static let sve =
        (0...31).map { "z\($0)" } + (0...15).map { "p\($0)" } + ["ffr", "fpsr", "fpcr"]

    @Test(arguments: [("6.12-cortex-a72", simd), ("6.12-max", sve)])
    func getReadsInTheOrderOfTheOrigin(host: String, vectors: [String]) throws {
        let kvm = RecordingBank(try vcpu(on: host))
        let synced = try SyncedVCPU(kvm: kvm, cpuState: try vcpu(on: host).rawState)
        kvm.forget()
        let get = synced.getRegisters()
        #expect(get.succeeded, "\(get.fixed.failures) \(get.kvmToList.failures)")
        let names = Self.general + vectors + ["VCPU_EVENTS"]
        let expected = try names.map { try register($0) } + synced.list.ids + [.mpState]
        #expect(kvm.reads == expected)
        #expect(kvm.writes.isEmpty)
    }

    @Test(arguments: [("6.12-cortex-a72", simd), ("6.12-max", sve)])
    func putWritesInTheOrderOfTheOrigin(host: String, vectors: [String]) throws {
        let kvm = RecordingBank(try vcpu(on: host))
        let model = try vcpu(on: host)
        let synced = try SyncedVCPU(kvm: kvm, cpuState: model.rawState)
        _ = synced.getRegisters()
        // A change everywhere, so that everything has to be written.
        for name in Self.general + vectors {
            let id = try register(name)
            let bits = name == "pstate" ? 0x3c4 : 0x1
            let bytes = [UInt8(truncatingIfNeeded: bits), UInt8(bits >> 8)]
            let padding = [UInt8](repeating: 0, count: (id.size ?? 8) - 2)
            let value = try #require(RegisterValue(littleEndian: bytes + padding))
            try model.rawState.write(value, to: id)
        }
        try model.rawState.set("ESR_EL1", 0x9600_0010)
        try model.rawState.set("VBAR_EL1", 0x800)
        let events = VCPUEvents(isPending: true, hasSyndrome: false, syndrome: 0)
        try model.rawState.write(events.value, to: .vcpuEvents)
        try model.rawState.write(RegisterValue(5, size: 4), to: .mpState)
        kvm.forget()
        let put = synced.putRegisters(.runtime)
        #expect(put.succeeded, "\(put.fixed.failures) \(put.listToKVM.failures)")
        let names = Self.general + vectors + ["ESR_EL1", "VBAR_EL1", "VCPU_EVENTS", "MP_STATE"]
        #expect(try kvm.writes == names.map { try register($0) })
    }

    @Test func whatDecidesWhichRegistersExistIsNotMoved() throws {
        let kvm = try vcpu(on: "6.12-max")
        let synced = try SyncedVCPU(copying: kvm)
        for id in [RegisterID.vcpuInit, .vcpuFinalized, .sveVLS] {
            #expect(!synced.moves(id))
        }
        let others = kvm.list().filter { !synced.moves($0) }
        #expect(others.count == 3, "\(others)")
    }

    // MARK: Changes

    @Test func changesAndOnlyThoseReachKVM() throws {
        let kvm = RecordingBank(try vcpu(on: "6.12-neoverse-n1"))
        let model = try vcpu(on: "6.12-neoverse-n1")
        let synced = try SyncedVCPU(kvm: kvm, cpuState: model.rawState)
        _ = synced.getRegisters()
        try model.rawState.set("ESR_EL1", 0xf200_0000)
        try model.rawState.set("pc", 0x8200)
        kvm.forget()
        let put = synced.putRegisters(.runtime)
        #expect(put.succeeded)
        #expect(try kvm.writes == [register("pc"), register("ESR_EL1")])
        #expect(try kvm.bits("ESR_EL1") == 0xf200_0000 && kvm.bits("pc") == 0x8200)
        #expect(put[try register("pc")]?.outcome == .taken)
    }

    /// What the guest did since the last get is lost to nobody: it is got again.
    @Test func getTakesWhatKVMChanged() throws {
        let kvm = try vcpu(on: "6.12-cortex-a72")
        let model = try vcpu(on: "6.12-cortex-a72")
        let synced = try SyncedVCPU(kvm: kvm, cpuState: model.rawState)
        for value in [0x1111, 0x2222] as [UInt64] {
            try kvm.set("TPIDR_EL1", value)
            try kvm.set("x5", value)
            #expect(synced.getRegisters().succeeded)
            #expect(try model.rawState.bits("TPIDR_EL1") == value)
            #expect(try model.rawState.bits("x5") == value)
        }
    }

    /// The CPU state is another CPU than KVM's, and lacks registers KVM has.
    @Test(arguments: [
        ("6.12-neoverse-n1", "6.12-cortex-a72"), ("6.12-cortex-a57", "6.1-neoverse-n1"),
    ])
    func disagreementsKeepKVMsValue(host: String, model: String) throws {
        let kvm = try vcpu(on: host)
        let state = try vcpu(on: model).rawState
        let synced = try SyncedVCPU(kvm: kvm, cpuState: state)
        let get = synced.getRegisters()
        #expect(get.succeeded, "\(get.fixed.failures)")
        #expect(!get.listToCPUState.succeeded, "the models must disagree for this test")
        #expect(try state.bits("MIDR_EL1") != kvm.bits("MIDR_EL1"))
        let before = try kvm.readAll()
        try state.set("TTBR0_EL1", 0x4800_0000)
        let put = synced.putRegisters(.runtime)
        #expect(put.succeeded, "\(put.fixed.failures) \(put.listToKVM.failures)")
        #expect(put.cpuStateToList[try register("MIDR_EL1")] == .skipped(.keptInList))
        let after = try kvm.readAll()
        #expect(after.ids == before.ids)
        for (id, value) in after where RegisterDictionary.entry(for: id)?.volatileBits == 0 {
            let isChanged = id.name == "TTBR0_EL1"
            #expect(value == (isChanged ? RegisterValue(0x4800_0000) : before[id]), "\(id)")
        }
    }

    /// With the CPU state no longer moved to the list, as before QEMU's RFC, a change of a system
    /// register is lost and one of the program counter is not.
    @Test func withoutTheMoveToTheListSystemRegistersAreLost() throws {
        let kvm = try vcpu(on: "6.12-cortex-a72")
        let synced = try SyncedVCPU(copying: kvm)
        _ = synced.getRegisters()
        try synced.cpuState.set("ESR_EL1", 0xf200_0000)
        try synced.cpuState.set("pc", 0x8200)
        let before = try kvm.bits("ESR_EL1")
        #expect(synced.putFixedRegisters().succeeded)
        #expect(CPRegisterSync.writeListToKVMState(synced.list, kvm, level: .runtime).succeeded)
        #expect(try kvm.bits("ESR_EL1") == before && kvm.bits("pc") == 0x8200)
    }

    // MARK: AArch32

    /// While PSTATE says AArch32 KVM narrows X registers, and QEMU writes them before PSTATE.
    @Test func registersWrittenWhileKVMIsInAArch32AreNotNarrowed() throws {
        let kvm = try vcpu(on: "6.12-cortex-a72")
        try kvm.set("pstate", 0x10)
        let synced = try SyncedVCPU(copying: kvm)
        _ = synced.getRegisters()
        try synced.cpuState.set("x3", 0x1234_5678_9abc_def0)
        try synced.cpuState.set("pc", 0xffff_8000_1000_0000)
        try synced.cpuState.set("pstate", 0x3c5)
        let put = synced.putRegisters(.runtime)
        #expect(put.succeeded, "\(put.fixed.failures)")
        #expect(try kvm.bits("x3") == 0x1234_5678_9abc_def0)
        #expect(try kvm.bits("pc") == 0xffff_8000_1000_0000)
        #expect(try kvm.bits("pstate") == 0x3c5)
    }

    /// What an AArch32 state cannot hold is reported once, and the rest arrives.
    @Test func wideValuesInAArch32AreReported() throws {
        let kvm = try vcpu(on: "6.12-cortex-a72")
        let synced = try SyncedVCPU(copying: kvm)
        _ = synced.getRegisters()
        try synced.cpuState.set("x3", 0x1_0000_0005)
        try synced.cpuState.set("x4", 0x6)
        try synced.cpuState.set("pstate", 0x10)
        let put = synced.putRegisters(.runtime)
        #expect(try put.fixed.failures.map(\.id) == [register("x3")])
        #expect(put[try register("x3")]?.outcome == .acceptedThenChanged)
        #expect(put[try register("x3")]?.found == RegisterValue(5))
        #expect(try kvm.bits("x4") == 6)
    }

    @Test func bankedRegistersOfAnAArch32GuestMoveByTheir64BitIDs() throws {
        let profile = try #require(try HostProfile.builtIn(named: "6.12-cortex-a57"))
        let kvm = EmulatedCPU(profile: profile)
        let aarch32 = VCPUInit(features: [.el1In32Bit, .psci02])
        try kvm.write(aarch32.value, to: .vcpuInit)
        let synced = try SyncedVCPU(copying: kvm)
        #expect(synced.getRegisters().succeeded)
        let state = synced.cpuState
        for (number, mode) in AArch32Mode.allCases.enumerated() {
            let value = RegisterValue(UInt64(0x100 + number))
            try state.write(value, to: mode.register(14))
            if let saved = mode.savedProgramState { try state.write(value, to: saved) }
        }
        #expect(synced.putRegisters(.runtime).succeeded)
        // User and System mode share LR.
        let expected: [(String, UInt64)] = [
            ("x14", 0x106), ("x30", 0x101), ("x16", 0x102), ("x18", 0x103), ("x20", 0x104),
            ("x22", 0x105), ("spsr_fiq", 0x101), ("spsr_irq", 0x102), ("spsr_el1", 0x103),
            ("spsr_abt", 0x104), ("spsr_und", 0x105),
        ]
        for (name, bits) in expected { #expect(try kvm.bits(name) == bits, "\(name)") }
    }

    // MARK: Failures

    @Test func failuresAreNamedAndDoNotStopAPut() throws {
        let kvm = try vcpu(on: "6.12-neoverse-n1")
        let synced = try SyncedVCPU(copying: kvm)
        _ = synced.getRegisters()
        try synced.cpuState.set("pstate", 0x1d3)
        try synced.cpuState.set("MIDR_EL1", 0x1)
        try synced.cpuState.set("VBAR_EL1", 0x800)
        let put = synced.putRegisters(.full)
        #expect(!put.succeeded)
        #expect(put.fixed.failures.map(\.id) == [.pstate])
        #expect(try put.listToKVM.failures.map(\.id) == [register("MIDR_EL1")])
        #expect(try kvm.bits("VBAR_EL1") == 0x800)
    }

    @Test func vCPUThatCannotBeListedIsAnError() throws {
        final class Bank: RegisterBank {
            func list() throws(RegisterBankError) -> [RegisterID] {
                throw RegisterBankError(.list, nil, .notPermitted)
            }
            func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
                throw RegisterBankError(.read, id, .notPermitted)
            }
            func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
                throw RegisterBankError(.write, id, .notPermitted)
            }
        }
        #expect(throws: RegisterBankError.self) { try SyncedVCPU(copying: Bank()) }
    }
}
