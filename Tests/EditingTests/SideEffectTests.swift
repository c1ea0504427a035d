import Emulation
import LinuxSystem
import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel

/// A change reaches what it was made for, and what else it touches is not hidden.
@Suite("Changes: side effects")
struct SideEffectTests {
    // MARK: Two views of the same bits

    private static let views = [
        ("PMCNTENSET_EL0", "PMCNTENCLR_EL0"), ("PMINTENSET_EL1", "PMINTENCLR_EL1"),
        ("PMOVSSET_EL0", "PMOVSCLR_EL0"),
    ]

    /// In a file both views are plain values, which must stay the same.
    @Test(arguments: views)
    func bothViewsOfAFileChange(set name: String, clear: String) throws {
        let bank = try snapshotBank(of: "6.12-neoverse-n1", [name: "0x1f", clear: "0x1f"])
        let changed = try changes(of: bank) { try set("\(name)=0x1", in: bank) }
        #expect(changed == [name: "0x1", clear: "0x1"])
    }

    /// On KVM of Linux 6.12 a write of the CLR view clears, so only what is left over goes there.
    @Test(arguments: ["6.1-neoverse-n1", "6.12-neoverse-n1"])
    func bitsAreLostAndWonOnKVM(host: String) throws {
        let cpu = try emulatedCPU(on: host)
        for wanted in ["0x8000001f", "0x80000001", "0x6", "0x0"] {
            #expect(try set("PMCNTENSET_EL0=\(wanted)", in: cpu).isComplete)
            #expect(try cpu.text("PMCNTENSET_EL0") == wanted)
            #expect(try cpu.text("PMCNTENCLR_EL0") == wanted)
        }
    }

    @Test(arguments: views)
    func theSecondViewCannotBeAssigned(set name: String, clear: String) throws {
        let bank = try snapshotBank(of: "6.12-neoverse-n1")
        let error = try EditError.secondView(register(clear), of: register(name))
        let changes = try changes(of: bank) { expect(error) { try set("\(clear)=0x1", in: bank) } }
        #expect(changes == [:])
        #expect(error.description.contains(name) && error.description.contains(clear))
    }

    // MARK: Counters

    /// Putting a counter back where it was would set the guest's time back.
    @Test(arguments: [("CNTVCT_EL0", "CNTPCT_EL0"), ("CNTPCT_EL0", "CNTVCT_EL0")])
    func onlyTheAssignedCounterIsWritten(assigned: String, other: String) throws {
        let log = WriteLog(try emulatedCPU(on: "6.12-neoverse-n1"))
        #expect(try set("\(assigned)=0x1000", in: log).isComplete)
        #expect(try log.written == [register(assigned)])
    }

    // MARK: What KVM changes along

    /// PSTATE of AArch32 narrows X registers, whatever was asked for.
    @Test func narrowedRegistersAreReported() throws {
        let cpu = try emulatedCPU(on: "6.12-neoverse-n1")
        try set("x0=0x100000001", "x1=0x5", in: cpu)
        let edit = try set("pstate=0x10", in: cpu)
        #expect(!edit.isComplete)
        let harmed = try #require(edit.changes.first { $0.id == .x(0) })
        #expect(harmed.outcome == .acceptedThenChanged)
        #expect(harmed.before == RegisterValue(0x1_0000_0001) && harmed.found == RegisterValue(1))
        #expect(edit.changes.map(\.id) == [.x(0), .pstate])
    }

    // MARK: Shared by the VM

    @Test(arguments: [
        ("MIDR", true), ("MIDR_NS", true), ("ID_PFR0", true), ("SCTLR", false), ("IFAR", false),
    ])
    func aarch32NamesOfSharedRegisters(name: String, isShared: Bool) throws {
        let isFeature = ["ID_PFR0"].contains(name)
        #expect(try (register(name).alikeBits != 0) == (isShared || isFeature))
    }

    // MARK: AArch32 ids of the bank's own

    /// A list of an emulated AArch32 CPU has coprocessor ids itself.
    @Test func coprocessorRegistersOfTheBankItself() throws {
        let sctlr = try register("SCTLR")
        let registers = try #require(RegisterList([(sctlr, RegisterValue(0x5, size: 4))]))
        let bank = SnapshotBank(registers)
        let view = AArch32Bank(bank)
        #expect(try view.list() == [sctlr])
        #expect(try view.read(sctlr) == RegisterValue(0x5, size: 4))
        #expect(try set("SCTLR=6", in: bank).isComplete)
        #expect(try bank.read(sctlr) == RegisterValue(0x6, size: 4))
    }

    // MARK: Modes without an EL1 exception

    @Test(arguments: ["0x1da", "0x1d6", "0x1d0000001e"])
    func modesOfNoEL1Exception(pstate: String) throws {
        let bank = try snapshotBank(of: "6.12-cortex-a57", ["pstate": pstate])
        #expect(throws: EditError.self) {
            try VCPUEdit.inject(.breakpoint(comment: 0), into: bank)
        }
    }

    /// With nested virtualization the guest's own EL2 may want the exception.
    @Test(arguments: [
        ("MDCR_EL2", "0x100", InjectedException.breakpoint(comment: 0)),
        ("HCR_EL2", "0x2000000000", .dataAbort(address: nil, isWrite: false)),
    ])
    func exceptionsThatEL2Takes(
        control: String, value: String, exception: InjectedException
    ) throws {
        let features = RegisterValue(1 << 39 | 5)
        for (text, isTaken) in [("0x0", true), (value, false)] {
            let bank = try snapshotBank(of: "6.12-neoverse-n1", [control: text])
            try bank.write(
                try #require(
                    RegisterValue(parsing: features.description, size: 32)), to: .vcpuInit)
            let edit = try? VCPUEdit.inject(exception, into: bank)
            #expect((edit != nil) == isTaken)
        }
    }
}
