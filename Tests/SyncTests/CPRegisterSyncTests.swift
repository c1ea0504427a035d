import Emulation
import LinuxSystem
import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel

@Suite("Between CPU state and list")
struct CPRegisterSyncTests {
    private func list(_ pairs: (String, UInt64)...) throws -> RegisterList {
        var list = RegisterList()
        for (name, bits) in pairs {
            let id = try register(name)
            list.set(RegisterValue(bits, size: id.size ?? 8), for: id)
        }
        return list
    }

    private let unknown = RegisterID(rawValue: 0x6030_0000_0013_0001)

    // MARK: The list

    @Test(arguments: HostProfile.builtInNames)
    func listHasWhatTheHostLists(_ host: String) throws {
        let cpu = try vcpu(on: host)
        let list = try CPRegisterSync.makeList(of: cpu)
        #expect(list.ids == cpu.list().filter(\.isCPRegister))
        #expect(list.count > 200)
    }

    @Test func listOfACPUStateLeavesOutWhatQEMULeavesOut() throws {
        let list = try CPRegisterSync.makeList(of: vcpu(on: "6.12-max").rawState)
        for name in ["PMSWINC_EL0", "PMCNTENCLR_EL0", "x0", "pstate", "fpsr", "z0", "VCPU_INIT"] {
            #expect(!list.contains(try register(name)), "\(name)")
        }
        for name in ["PMCNTENSET_EL0", "MIDR_EL1", "CCSIDR3", "PSCI_VERSION", "STD_BMAP"] {
            #expect(list.contains(try register(name)), "\(name)")
        }
    }

    // MARK: CPU state to list, before a save

    @Test(arguments: HostProfile.builtInNames)
    func saveTakesEveryRegisterOfTheOwnList(_ host: String) throws {
        let cpu = try vcpu(on: host)
        var list = try CPRegisterSync.makeList(of: cpu.rawState)
        for id in list.ids { list.set(RegisterValue(0x5a5a, size: id.size ?? 8), for: id) }
        let report = CPRegisterSync.writeCPUStateToList(cpu.rawState, &list, kvmSync: false)
        #expect(report.succeeded)
        #expect(report.registers.map(\.id) == list.ids)
        for (id, value) in list where RegisterDictionary.entry(for: id)?.isCounter != true {
            // ISTATUS is computed when a bank is read; it is not state.
            let found = try cpu.read(id)
            let status = RegisterDictionary.entry(for: id)?.volatileBits == 4 ? UInt64(4) : 0
            #expect(value.masked(by: ~status) == found.masked(by: ~status), "\(id)")
        }
    }

    /// KVM lists registers that have no raw access; a save names them and takes the rest.
    @Test func saveIntoAKVMListNamesWhatItCouldNotRead() throws {
        let cpu = try vcpu(on: "6.1-neoverse-n1")
        var list = try CPRegisterSync.makeList(of: cpu)
        try cpu.set("VBAR_EL1", 0x8000)
        let report = CPRegisterSync.writeCPUStateToList(cpu.rawState, &list, kvmSync: false)
        #expect(report[try register("PMSWINC_EL0")] == .skipped(.noRawAccess))
        #expect(report.registers.filter { $0.outcome == .skipped(.noRawAccess) }.count == 1)
        #expect(report.succeeded, "QEMU passes over registers without raw access")
        #expect(list[try register("VBAR_EL1")]?.bits == 0x8000)
        #expect(report[try register("VBAR_EL1")] == .taken)
    }

    @Test func saveDoesNotStopAtAnUnknownRegister() throws {
        let cpu = try vcpu("register TPIDR_EL1 0x603000000013c684 0x5")
        var list = try list(("x0", 9), ("TPIDR_EL1", 9))
        list.set(RegisterValue(9), for: unknown)
        for kvmSync in [false, true] {
            let report = CPRegisterSync.writeCPUStateToList(cpu.rawState, &list, kvmSync: kvmSync)
            #expect(!report.succeeded)
            #expect(try Set(report.failures.map(\.id)) == [unknown, register("x0")])
            #expect(report.failures.allSatisfy { $0.outcome == .absent })
            #expect(list[try register("TPIDR_EL1")]?.bits == 5)
            #expect(list[unknown]?.bits == 9)
        }
    }

    // MARK: List to CPU state

    @Test(arguments: HostProfile.builtInNames)
    func listReturnsToTheState(_ host: String) throws {
        let (source, destination) = (try vcpu(on: host), try vcpu(on: host))
        for (name, value) in [("SCTLR_EL1", 0x30d0_198d), ("TTBR0_EL1", 0x4100_0000)] {
            try source.set(name, UInt64(value))
        }
        let list = try CPRegisterSync.makeList(of: source.rawState)
        let report = CPRegisterSync.writeListToCPUState(list, destination.rawState)
        #expect(report.succeeded, "\(report.failures)")
        #expect(report.registers.allSatisfy { $0.outcome == .taken })
        #expect(try destination.bits("SCTLR_EL1") == 0x30d0_198d)
        #expect(try CPRegisterSync.makeList(of: destination.rawState) == list)
    }

    @Test func everyRegisterThatDidNotTakeIsReported() throws {
        let cpu = try vcpu(on: "6.12-neoverse-n1")
        var list = try list(
            ("MIDR_EL1", 0x1234), ("CNTV_CTL_EL0", 0x7), ("ID_AA64ISAR0_EL1", .max),
            ("SMCCC_ARCH_WORKAROUND_1", 1), ("PMSWINC_EL0", 1), ("OSLSR_EL1", 0xa),
            ("VBAR_EL1", 0x800))
        list.set(RegisterValue(1), for: unknown)
        let before = try cpu.bits("ID_AA64ISAR0_EL1")
        let report = CPRegisterSync.writeListToCPUState(list, cpu.rawState)
        #expect(!report.succeeded)
        func outcome(_ name: String) throws -> RegisterOutcome? {
            try report[register(name)]
        }
        let changed = report.registers.filter { $0.outcome == .acceptedThenChanged }
        let found = Dictionary(uniqueKeysWithValues: changed.map { ($0.id.name, $0.found?.bits) })
        #expect(found["MIDR_EL1"] == 0x414f_d0c1)
        #expect(found["CNTV_CTL_EL0"] == 0x3)
        #expect(found["ID_AA64ISAR0_EL1"] == before)
        #expect(found["SMCCC_ARCH_WORKAROUND_1"] != nil, "a workaround's level is the host's")
        #expect(try outcome("PMSWINC_EL0") == .skipped(.noRawAccess))
        #expect(try outcome("OSLSR_EL1") == .taken)
        #expect(try outcome("VBAR_EL1") == .taken)
        #expect(report[unknown] == .absent)
        #expect(report.failures.count == 5)
        #expect(try cpu.bits("VBAR_EL1") == 0x800, "what comes after a failure is still written")
    }

    @Test func constantThatIsEqualTakes() throws {
        let cpu = try vcpu(on: "6.1-neoverse-n1")
        let list = try list(("MIDR_EL1", cpu.bits("MIDR_EL1")))
        #expect(CPRegisterSync.writeListToCPUState(list, cpu.rawState).succeeded)
    }

    @Test func registersOutsideTheListAreUnknownToIt() throws {
        let cpu = try vcpu(on: "6.12-cortex-a72")
        let list = try list(("x3", 7))
        #expect(CPRegisterSync.writeListToCPUState(list, cpu.rawState).failures.count == 1)
        #expect(try cpu.bits("x3") == 0)
    }

    // MARK: kvmSync

    struct SyncCase: CustomTestStringConvertible, Sendable {
        var testDescription: String
        /// How the register is: `class=` and `mask=` of a profile.
        var override: String
        var old: UInt64
        var state: UInt64
        var plain: UInt64
        var synced: UInt64
        var outcome: RegisterOutcome
    }

    /// The register's reset value is 0x5 in every case.
    @Test(arguments: [
        SyncCase(
            testDescription: "unchanged", override: "", old: 5, state: 5, plain: 5, synced: 5,
            outcome: .alreadyEqual),
        SyncCase(
            testDescription: "changed, and the old value fits", override: "", old: 5, state: 9,
            plain: 9, synced: 9, outcome: .taken),
        SyncCase(
            testDescription: "KVM's value fits the mask", override: "class=sanitised mask=0xf",
            old: 0xa, state: 3, plain: 3, synced: 3, outcome: .taken),
        SyncCase(
            testDescription: "KVM's value has bits the CPU has not",
            override: "class=sanitised mask=0xf", old: 0x1a, state: 3, plain: 3, synced: 0x1a,
            outcome: .skipped(.keptInList)),
        SyncCase(
            testDescription: "constant, equal", override: "class=invariant", old: 5, state: 5,
            plain: 5, synced: 5, outcome: .alreadyEqual),
        SyncCase(
            testDescription: "constant, KVM differs", override: "class=invariant", old: 7, state: 5,
            plain: 5, synced: 7, outcome: .skipped(.keptInList)),
    ])
    func kvmSync(_ sync: SyncCase) throws {
        let id = try register("TPIDR_EL1")
        for kvmSync in [false, true] {
            let cpu = try vcpu("register TPIDR_EL1 0x603000000013c684 0x5 \(sync.override)")
            if sync.state != 5 { try cpu.set("TPIDR_EL1", sync.state) }
            let before = cpu.state
            var list = try list(("TPIDR_EL1", sync.old))
            let report = CPRegisterSync.writeCPUStateToList(cpu.rawState, &list, kvmSync: kvmSync)
            #expect(list[id]?.bits == (kvmSync ? sync.synced : sync.plain))
            let plain: RegisterOutcome = sync.old == sync.plain ? .alreadyEqual : .taken
            #expect(report.registers.map(\.outcome) == [kvmSync ? sync.outcome : plain])
            #expect(report.succeeded)
            #expect(cpu.state == before, "a move to the list does not change the CPU state")
        }
    }

    @Test func kvmSyncLeavesRegistersWithoutRawAccessAndUnknownOnes() throws {
        let cpu = try vcpu("register PMSWINC_EL0 0x603000000013dce4 0x0")
        var list = try list(("PMSWINC_EL0", 3))
        list.set(RegisterValue(4), for: unknown)
        let report = CPRegisterSync.writeCPUStateToList(cpu.rawState, &list, kvmSync: true)
        #expect(report.registers.map(\.outcome) == [.absent, .skipped(.noRawAccess)])
        #expect(list.values.map(\.bits) == [4, 3])
    }

    /// A CPU state that refuses a value does not hold it, whatever else it does.
    @Test func refusedValueIsNotHeld() throws {
        let cpu = try vcpu("register TPIDR_EL1 0x603000000013c684 0x5 class=invariant")
        var list = try list(("TPIDR_EL1", 7))
        // The CPU with its host's rules, not its raw state.
        let report = CPRegisterSync.writeCPUStateToList(cpu, &list, kvmSync: true)
        #expect(report.registers.map(\.outcome) == [.skipped(.keptInList)])
        #expect(list.values.map(\.bits) == [7])
        let back = CPRegisterSync.writeListToCPUState(list, cpu)
        #expect(back.registers.map(\.outcome) == [.refused(.invalidArgument)])
        #expect(!back.succeeded)
    }
}
