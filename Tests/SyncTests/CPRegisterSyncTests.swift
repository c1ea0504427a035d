import Emulation
import Registers
import Testing
import VCPUModel

struct CPRegisterListTests {
    private func outcome(
        _ name: String, in report: SyncReport
    ) throws -> SyncReport.Outcome? {
        let id = try register(name)
        return report.registers.first { $0.id == id }?.outcome
    }

    // MARK: CPU state to list

    @Test(arguments: HostProfile.builtInNames)
    func saveTakesEveryRegisterOfTheOwnList(_ host: String) throws {
        let cpu = try vcpu(on: host)
        var list = cpu.makeCPRegisterList()
        #expect(list.count > 200)
        let report = cpu.writeCPUStateToList(&list, kvmSync: false)
        #expect(report.succeeded && report.notTaken.isEmpty)
        #expect(report.registers.map(\.id) == list.ids)
        for (id, value) in list where RegisterDictionary.entry(for: id)?.isCounter != true {
            // ISTATUS is computed when a bank is read; it is not state.
            let found = try cpu.read(id)
            let status = RegisterDictionary.entry(for: id)?.volatileBits == 4 ? UInt64(4) : 0
            #expect(value.masked(by: ~status) == found.masked(by: ~status), "\(id)")
        }
    }

    @Test func ownListLeavesOutWhatQEMULeavesOut() throws {
        let list = try vcpu(on: "6.12-max").makeCPRegisterList()
        for name in ["PMSWINC_EL0", "PMCNTENCLR_EL0", "x0", "pstate", "fpsr", "z0", "VCPU_INIT"] {
            #expect(!list.contains(try register(name)), "\(name)")
        }
        for name in ["PMCNTENSET_EL0", "MIDR_EL1", "CCSIDR3", "PSCI_VERSION", "STD_BMAP"] {
            #expect(list.contains(try register(name)), "\(name)")
        }
    }

    /// KVM lists registers that have no raw access; a save names them and takes the rest.
    @Test func saveIntoAKVMListNamesWhatItCouldNotRead() throws {
        let cpu = try vcpu(on: "6.1-neoverse-n1")
        let ids = cpu.list().filter { cpu.table[$0]?.isCPRegister == true }
        var list = try #require(
            RegisterList(
                ids.map { ($0, RegisterValue.zero(size: $0.size ?? 8) ?? RegisterValue(0)) }))
        let report = cpu.writeCPUStateToList(&list, kvmSync: false)
        let softwareIncrement = try register("PMSWINC_EL0")
        #expect(report.notTaken.map(\.id) == [softwareIncrement])
        #expect(try outcome("PMSWINC_EL0", in: report) == .noRawAccess)
        #expect(report.succeeded, "QEMU passes over registers without raw access")
        #expect(list[try register("MIDR_EL1")]?.bits == cpu.profile.midr)
    }

    @Test func saveDoesNotStopAtAnUnknownRegister() throws {
        let cpu = try vcpu("register TPIDR_EL1 0x603000000013c684 0x5")
        let unknown = [RegisterID(rawValue: 0x6030_0000_0013_0001), try register("x0")]
        let last = try register("TPIDR_EL1")
        var list = try #require(
            RegisterList((unknown + [last]).map { ($0, RegisterValue(9)) }))
        let report = cpu.writeCPUStateToList(&list, kvmSync: false)
        #expect(!report.succeeded)
        #expect(Set(report.failures.map(\.id)) == Set(unknown))
        #expect(report.failures.allSatisfy { $0.outcome == .unknown })
        #expect(list.values.map(\.bits) == [9, 9, 5] || list[last]?.bits == 5)
        #expect(unknown.allSatisfy { list[$0]?.bits == 9 })
    }

    // MARK: List to CPU state

    @Test(arguments: HostProfile.builtInNames)
    func listReturnsToTheState(_ host: String) throws {
        let (source, destination) = (try vcpu(on: host), try vcpu(on: host))
        for (name, value) in [("SCTLR_EL1", 0x30d0_198d), ("TTBR0_EL1", 0x4100_0000)] {
            try source.set(name, UInt64(value))
        }
        var list = source.makeCPRegisterList()
        #expect(source.writeCPUStateToList(&list, kvmSync: false).succeeded)
        let report = destination.writeListToCPUState(list)
        #expect(report.succeeded, "\(report.failures)")
        #expect(try destination.bits("SCTLR_EL1") == 0x30d0_198d)
        var back = destination.makeCPRegisterList()
        _ = destination.writeCPUStateToList(&back, kvmSync: false)
        #expect(back == list)
    }

    @Test func everyRegisterThatDidNotTakeIsReported() throws {
        let cpu = try vcpu(on: "6.12-neoverse-n1")
        var list = RegisterList()
        func put(_ name: String, _ bits: UInt64) throws {
            let id = try register(name)
            list.set(RegisterValue(bits, size: id.size ?? 8), for: id)
        }
        let unknown = RegisterID(rawValue: 0x6030_0000_0013_0001)
        list.set(RegisterValue(1), for: unknown)
        try put("MIDR_EL1", 0x1234)
        try put("CNTV_CTL_EL0", 0x7)
        try put("ID_AA64ISAR0_EL1", .max)
        try put("SMCCC_ARCH_WORKAROUND_1", 1)
        try put("PMSWINC_EL0", 1)
        try put("OSLSR_EL1", 0xa)
        try put("VBAR_EL1", 0x800)
        let before = try cpu.bits("ID_AA64ISAR0_EL1")
        let report = cpu.writeListToCPUState(list)
        #expect(!report.succeeded)
        #expect(try outcome("MIDR_EL1", in: report) == .changed(found: RegisterValue(0x414f_d0c1)))
        #expect(try outcome("CNTV_CTL_EL0", in: report) == .changed(found: RegisterValue(0x3)))
        #expect(
            try outcome("ID_AA64ISAR0_EL1", in: report) == .changed(found: RegisterValue(before)))
        guard case .changed? = try outcome("SMCCC_ARCH_WORKAROUND_1", in: report) else {
            Issue.record("a workaround's level is the host's")
            return
        }
        #expect(try outcome("PMSWINC_EL0", in: report) == .noRawAccess)
        #expect(try outcome("OSLSR_EL1", in: report) == .taken)
        #expect(try outcome("VBAR_EL1", in: report) == .taken)
        #expect(report.registers.first { $0.id == unknown }?.outcome == .unknown)
        #expect(report.failures.count == 5 && report.notTaken.count == 6)
        #expect(try cpu.bits("VBAR_EL1") == 0x800, "what comes after a failure is still written")
    }

    @Test func constantThatIsEqualTakes() throws {
        let cpu = try vcpu(on: "6.1-neoverse-n1")
        let id = try register("MIDR_EL1")
        let list = try #require(RegisterList([(id, try cpu.read(id))]))
        #expect(cpu.writeListToCPUState(list).succeeded)
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
        var outcome: SyncReport.Outcome
    }

    /// The register's reset value is 0x5 in every case.
    @Test(arguments: [
        SyncCase(
            testDescription: "unchanged", override: "", old: 5, state: 5, plain: 5, synced: 5,
            outcome: .taken),
        SyncCase(
            testDescription: "changed, and the old value fits", override: "", old: 5, state: 9,
            plain: 9, synced: 9, outcome: .taken),
        SyncCase(
            testDescription: "KVM's value fits the mask", override: "class=sanitised mask=0xf",
            old: 0xa, state: 3, plain: 3, synced: 3, outcome: .taken),
        SyncCase(
            testDescription: "KVM's value has bits the CPU has not",
            override: "class=sanitised mask=0xf", old: 0x1a, state: 3, plain: 3, synced: 0x1a,
            outcome: .keptInList),
        SyncCase(
            testDescription: "constant, equal", override: "class=invariant", old: 5, state: 5,
            plain: 5, synced: 5, outcome: .taken),
        SyncCase(
            testDescription: "constant, KVM differs", override: "class=invariant", old: 7, state: 5,
            plain: 5, synced: 7, outcome: .keptInList),
    ])
    func kvmSync(_ sync: SyncCase) throws {
        let id = try register("TPIDR_EL1")
        for kvmSync in [false, true] {
            let cpu = try vcpu("register TPIDR_EL1 0x603000000013c684 0x5 \(sync.override)")
            if sync.state != 5 { try cpu.set("TPIDR_EL1", sync.state) }
            let before = cpu.state
            var list = try #require(RegisterList([(id, RegisterValue(sync.old))]))
            let report = cpu.writeCPUStateToList(&list, kvmSync: kvmSync)
            #expect(list[id]?.bits == (kvmSync ? sync.synced : sync.plain))
            #expect(report.registers.map(\.outcome) == [kvmSync ? sync.outcome : .taken])
            #expect(report.succeeded)
            #expect(cpu.state == before, "a save does not change the CPU")
        }
    }

    @Test func kvmSyncLeavesRegistersWithoutRawAccessAndUnknownOnes() throws {
        let cpu = try vcpu("register PMSWINC_EL0 0x603000000013dce4 0x0")
        let unknown = RegisterID(rawValue: 0x6030_0000_0013_0001)
        let pairs = [(try register("PMSWINC_EL0"), RegisterValue(3)), (unknown, RegisterValue(4))]
        var list = try #require(RegisterList(pairs))
        let report = cpu.writeCPUStateToList(&list, kvmSync: true)
        #expect(report.registers.map(\.outcome) == [.unknown, .noRawAccess])
        #expect(list.values.map(\.bits) == [4, 3])
    }
}
