import Emulation
import LinuxSystem
import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel

@Suite("Between list and KVM")
struct KVMMoveTests {
    @Test(arguments: HostProfile.builtInNames)
    func listTakesEverything(_ host: String) throws {
        let kvm = try vcpu(on: host)
        var list = try CPRegisterSync.makeList(of: kvm)
        for id in list.ids { list.set(RegisterValue(0x77, size: id.size ?? 8), for: id) }
        let report = CPRegisterSync.writeKVMStateToList(kvm, &list)
        #expect(report.succeeded && report.registers.count == list.count)
        for (id, value) in list where RegisterDictionary.entry(for: id)?.volatileBits == 0 {
            #expect(try kvm.read(id) == value, "\(id)")
        }
    }

    @Test func registerThatCannotBeReadKeepsItsValue() throws {
        let kvm = try vcpu(on: "6.1-neoverse-n1")
        let id = try register("TCR2_EL1")
        var list = try CPRegisterSync.makeList(of: kvm)
        list.set(RegisterValue(0x11), for: id)
        let report = CPRegisterSync.writeKVMStateToList(kvm, &list)
        #expect(report.failures.map(\.id) == [id] && !report.succeeded)
        #expect(report[id] == .absent)
        #expect(list[id]?.bits == 0x11)
    }

    // MARK: List to KVM

    /// The counters are the only registers with a level of their own.
    @Test(arguments: SyncLevel.allCases)
    func countersAreWrittenAtFullLevelOnly(_ level: SyncLevel) throws {
        let kvm = try vcpu(on: "6.12-neoverse-n1")
        var list = try CPRegisterSync.makeList(of: kvm)
        let counters = try ["CNTVCT_EL0", "CNTPCT_EL0"].map { try register($0) }
        for id in counters { list.set(RegisterValue(0x1234_5678_9abc), for: id) }
        let report = CPRegisterSync.writeListToKVMState(list, kvm, level: level)
        #expect(report.succeeded)
        let above = report.registers.filter { $0.outcome == .skipped(.aboveLevel) }.map(\.id)
        #expect(above == (level == .full ? [] : counters.sorted()))
        for id in counters {
            let ticks = try kvm.read(id).lowBits
            #expect((ticks >= 0x1234_5678_9abc) == (level == .full), "\(id) at \(level)")
        }
    }

    @Test func onlyWhatDiffersIsWritten() throws {
        let kvm = RecordingBank(try vcpu(on: "6.12-max"))
        var list = try CPRegisterSync.makeList(of: kvm)
        list.set(RegisterValue(0x4000_0800), for: try register("VBAR_EL1"))
        kvm.forget()
        let report = CPRegisterSync.writeListToKVMState(list, kvm, level: .reset)
        #expect(try kvm.writes == [register("VBAR_EL1")])
        #expect(report[try register("VBAR_EL1")] == .taken)
        #expect(report[try register("SCTLR_EL1")] == .alreadyEqual)
    }

    @Test func failuresDoNotStopIt() throws {
        let kvm = try vcpu(on: "6.12-neoverse-n1")
        var list = try CPRegisterSync.makeList(of: kvm)
        let unknown = try register("S3_0_C0_C9_1")
        for (name, bits) in [("MIDR_EL1", 5), ("VPIDR_EL2", 1), ("VBAR_EL1", 0x800)] {
            list.set(RegisterValue(UInt64(bits)), for: try register(name))
        }
        list.set(RegisterValue(1), for: unknown)
        let report = CPRegisterSync.writeListToKVMState(list, kvm, level: .full)
        #expect(!report.succeeded)
        #expect(report[try register("MIDR_EL1")] == .refused(.invalidArgument))
        #expect(report[unknown] == .absent)
        #expect(report[try register("VBAR_EL1")] == .taken)
        let refusal = report.failures.first { $0.outcome == .refused(.invalidArgument) }
        #expect(refusal?.explanation?.isEmpty == false)
    }

    /// KVM accepts bits of counters the vCPU does not have, and drops them; QEMU does not notice.
    @Test func acceptedAndChangedIsReported() throws {
        let kvm = try vcpu(on: "6.12-neoverse-n1")
        var list = try CPRegisterSync.makeList(of: kvm)
        let id = try register("PMCNTENSET_EL0")
        list.set(RegisterValue(0xffff_ffff), for: id)
        let report = CPRegisterSync.writeListToKVMState(list, kvm, level: .runtime)
        let counters = try kvm.bits("PMCR_EL0") >> 11 & 0x1f
        let expected = RegisterValue(1 << 31 | (1 << counters) - 1)
        #expect(counters < 31)
        let lost = RegisterValue(0xffff_ffff & ~expected.lowBits)
        #expect(report.failures.map(\.outcome) == [.keptButMasked(lost: lost)])
        #expect(report.failures.map(\.found) == [expected])
    }

    /// On Linux 6.12 replaying a list as QEMU does would clear what the SET register holds.
    @Test(arguments: ["6.1-neoverse-n1", "6.12-neoverse-n1"])
    func counterBitmapsArriveWhateverTheKernelDoes(_ host: String) throws {
        let kvm = try vcpu(on: host)
        try kvm.set("PMCNTENSET_EL0", 0x8000_0003)
        var list = try CPRegisterSync.makeList(of: kvm)
        let (set, clear) = (try register("PMCNTENSET_EL0"), try register("PMCNTENCLR_EL0"))
        #expect(list[clear] == list[set], "the CLR view reads as the SET register")
        for wanted in [0x8000_0003, 0x8000_0005, 0x8000_0001, 0x0] as [UInt64] {
            list.set(RegisterValue(wanted), for: set)
            let report = CPRegisterSync.writeListToKVMState(list, kvm, level: .runtime)
            #expect(report.succeeded, "\(report.failures)")
            #expect(report[clear] == .skipped(.clearView))
            #expect(try kvm.bits("PMCNTENSET_EL0") == wanted)
        }
    }
}
