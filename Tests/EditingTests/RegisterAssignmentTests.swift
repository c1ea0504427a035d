import Emulation
import LinuxSystem
import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel

@Suite("Assignments: what is parsed")
struct RegisterAssignmentParsingTests {
    @Test(arguments: [
        ("SCTLR_EL1=0x1", RegisterID.sctlrEL1, nil as String?),
        ("sctlr_el1=1", .sctlrEL1, nil),
        ("0x603000000013c080=1", .sctlrEL1, nil),
        ("s3_0_c1_c0_0=1", .sctlrEL1, nil),
        ("SCTLR_EL1.M=0", .sctlrEL1, "M"),
        ("Sctlr_El1.tCf0=none", .sctlrEL1, "TCF0"),
        ("pc=0x40080000", .pc, nil),
        ("VCPU_EVENTS.SERROR_ESR=0x11", .vcpuEvents, "serror_esr"),
        // A field of a variant.
        ("PAR_EL1.FST=1", .parEL1, "FST"),
        ("LR_abt=0x8008", .x20, nil),
        ("dfsr_ns=0x805", RegisterID(rawValue: 0x4020_0000_200f_2800), nil),
    ])
    func parses(text: String, register: RegisterID, field: String?) throws {
        let assignment = try RegisterAssignment(parsing: text)
        #expect(assignment.register == register)
        #expect(assignment.field?.name == field)
    }

    @Test(arguments: [
        "", "=", "x0", "x0=", "=5", "SCTLR_EL1.M", "SCTLR_EL1.M=", ".M=5", "SCTLR_EL1.=1",
    ])
    func malformed(text: String) {
        #expect(throws: EditError.malformed(text)) { try RegisterAssignment(parsing: text) }
    }

    @Test(arguments: [
        ("NO_SUCH_EL1=1", "NO_SUCH_EL1"), ("x31=1", "x31"),
        ("NO.M=1", "NO"), ("0x=1", "0x"), ("SCTLR_EL1_NS=1", "SCTLR_EL1_NS"),
    ])
    func unknownRegister(text: String, name: String) {
        #expect(throws: EditError.unknownRegister(name)) { try RegisterAssignment(parsing: text) }
    }

    /// Reserved bits have no name that can be assigned.
    @Test(arguments: ["NO_SUCH", "RES0", "RES1", "M.M"])
    func unknownField(field: String) throws {
        let vbar = RegisterID.vbarEL1
        #expect(throws: EditError.unknownField(field, vbar, known: ["VBA"])) {
            try RegisterAssignment(parsing: "VBAR_EL1.\(field)=1")
        }
    }

    @Test(arguments: ["x0", "TTBR0", "TTBR0_NS", "0x603000000013ffff"])
    func fieldOfARegisterWithoutFields(register: String) throws {
        let id = try #require(RegisterID(parsing: register))
        #expect(throws: EditError.unknownField("M", id, known: [])) {
            try RegisterAssignment(parsing: register + ".M=1")
        }
    }

    /// Each names the thing, what was expected, and what to do.
    @Test(arguments: [
        (EditError.malformed("x0"), ["x0 ", "REGISTER=VALUE", "REGISTER.FIELD=VALUE"]),
        (EditError.unknownRegister("NO_EL1"), ["NO_EL1 ", "vcpusnap show"]),
        (
            .unknownField("X", .sctlrEL1, known: ["M", "A"]),
            ["SCTLR_EL1", "0x603000000013c080", "field X", "M, A"]
        ),
        (
            .unknownField("X", .sctlrEL1, known: []),
            ["SCTLR_EL1", "0x603000000013c080", "field X", "whole value"]
        ),
        (.badValue("7z", .sctlrEL1, field: nil, bits: 64), ["7z ", "SCTLR_EL1:", "64 bits"]),
        (
            .badValue("9", .sctlrEL1, field: "TCF", bits: 2),
            ["9 ", "SCTLR_EL1.TCF:", "2 bits", "vcpusnap register"]
        ),
        (.absent(.sctlrEL1), ["SCTLR_EL1", "0x603000000013c080", "vcpusnap show"]),
        (.decidedAtInit(.vcpuInit), ["VCPU_INIT", "0x7650000000000000", "made"]),
        (
            .reserved(.sctlrEL1, bits: RegisterValue(0x20000)),
            ["SCTLR_EL1", "0x603000000013c080", "0x20000", "--force"]
        ),
        (.impossible("it is asleep"), ["it is asleep"]),
        (
            .bank(RegisterBankError(.read, .sctlrEL1, .busy, explanation: "it runs")),
            ["read", "SCTLR_EL1", "EBUSY", "it runs"]
        ),
    ])
    func descriptionSaysWhatAndWhy(error: EditError, words: [String]) {
        for word in words {
            #expect(error.description.contains(word), "\(error)")
        }
    }

    @Test(arguments: [
        ("ID_AA64PFR0_EL1", true), ("ID_PFR0_EL1", true), ("MIDR_EL1", true), ("CTR_EL0", true),
        ("CNTVCT_EL0", true), ("CNTPCT_EL0", true), ("PSCI_VERSION", true), ("STD_BMAP", true),
        ("SCTLR_EL1", false), ("MPIDR_EL1", false), ("x0", false), ("CNTV_CVAL_EL0", false),
        ("VCPU_INIT", false), ("MP_STATE", false), ("CLIDR_EL1", true), ("CCSIDR0", true),
        ("PMCR_EL0", true), ("SMCCC_ARCH_WORKAROUND_1", true), ("REVIDR_EL1", true),
    ])
    func registersThatVCPUsShare(name: String, isShared: Bool) throws {
        #expect(try (register(name).alikeBits != 0) == isShared)
    }
}

@Suite("Assignments: what vCPUs have alike")
struct AlikeAssignmentTests {
    /// N of PMCR_EL0 is the VM's, the rest of it the vCPU's.
    @Test(arguments: [
        ("PMCR_EL0.N=2", true), ("PMCR_EL0.E=1", false), ("PMCR_EL0=0x3001", false),
        ("PMCR_EL0=0x1001", true), ("MIDR_EL1=0x410fd0c1", true), ("CLIDR_EL1.Ctype1=1", true),
        ("x0=1", false),
    ])
    func partOfARegister(text: String, isAlike: Bool) throws {
        let bank = try snapshotBank(of: "6.12-neoverse-n1", ["PMCR_EL0": "0x3000"])
        #expect(try RegisterAssignment(parsing: text).changesWhatIsAlike(in: bank) == isAlike)
    }

    @Test(arguments: ["0x0000000000000000", "0x6030000000100047"])
    func idThatIsNoRegister(_ text: String) throws {
        let id = try #require(RegisterID(spelled: text))
        let size = try #require(id.size)
        let value = try #require(RegisterValue.zero(size: size))
        let bank = SnapshotBank(try #require(RegisterList([(id, value)])))
        #expect(throws: EditError.notKnown(id)) { try set("\(text)=5", in: bank) }
        #expect(EditError.notKnown(id).description.contains("is not a KVM register"))
    }
}

@Suite("Assignments: what a vCPU of a snapshot takes")
struct SnapshotAssignmentTests {
    @Test func wholeRegistersAndFields() throws {
        let bank = try snapshotBank(of: "6.12-neoverse-n1")
        let edited = try changes(of: bank) {
            let edit = try set("pc=0x40080000", "SCTLR_EL1.M=1", "VBAR_EL1=0x80_0000", in: bank)
            #expect(edit.isComplete)
            #expect(edit.changes.map(\.id.name) == ["pc", "SCTLR_EL1", "VBAR_EL1"])
            #expect(edit.changes.map(\.before.description) == ["0x0", "0xc50078", "0x0"])
            let wanted = ["0x40080000", "0xc50079", "0x800000"]
            #expect(edit.changes.map(\.wanted.description) == wanted)
            #expect(edit.changes.map(\.found?.description) == wanted)
            #expect(edit.changes.allSatisfy { $0.outcome == .taken && $0.isMade })
            #expect(edit.changes.allSatisfy { $0.explanation == nil })
        }
        #expect(
            edited == ["pc": "0x40080000", "SCTLR_EL1": "0xc50079", "VBAR_EL1": "0x800000"])
    }

    @Test func inOrder() throws {
        let bank = try snapshotBank(of: "6.12-neoverse-n1")
        let edited = try changes(of: bank) {
            let texts = ["SCTLR_EL1.M=1", "SCTLR_EL1=0x30d0198d", "x1=1", "SCTLR_EL1.C=0", "x1=2"]
            let edit = try set(texts, in: bank)
            #expect(edit.changes.map(\.id.name) == ["x1", "SCTLR_EL1"])
            #expect(edit.changes.map(\.before.description) == ["0x0", "0xc50078"])
        }
        #expect(edited == ["x1": "0x2", "SCTLR_EL1": "0x30d01989"])
    }

    /// CSV3 is bits 63:60, CSV2 bits 59:56; the register has 0x1100000011110112.
    @Test(arguments: [
        ("ID_AA64PFR0_EL1.CSV3=NI", "0x100000011110112"),
        ("id_aa64pfr0_el1.csv3=ni", "0x100000011110112"),
        ("ID_AA64PFR0_EL1.CSV2=CSV2_3", "0x1300000011110112"),
        ("ID_AA64PFR0_EL1.CSV3=0xf", "0xf100000011110112"),
        ("ID_AA64PFR0_EL1.CSV3=15", "0xf100000011110112"),
        // AdvSIMD, bits 23:20, is signed; its names are of the bits.
        ("ID_AA64PFR0_EL1.AdvSIMD=NI", "0x1100000011f10112"),
        ("ID_AA64PFR0_EL1=0", "0x0"),
        ("ID_AA64PFR0_EL1=18446744073709551615", "0xffffffffffffffff"),
        ("ID_AA64PFR0_EL1=0xFFFF_0000", "0xffff0000"),
    ])
    func namesAndNumbers(text: String, value: String) throws {
        let bank = try snapshotBank(of: "6.12-neoverse-n1")
        #expect(try changes(of: bank) { try set(text, in: bank) } == ["ID_AA64PFR0_EL1": value])
    }

    @Test(arguments: [
        ("SCTLR_EL1.M=2", "2", "M" as String?, 1), ("SCTLR_EL1.TCF=4", "4", "TCF", 2),
        ("SCTLR_EL1.TCF=WRONG", "WRONG", "TCF", 2), ("SCTLR_EL1.M=-1", "-1", "M", 1),
        ("SCTLR_EL1.TCF=NONE ", "NONE ", "TCF", 2), ("SCTLR_EL1=0x", "0x", nil, 64),
        ("SCTLR_EL1=0x10000000000000000", "0x10000000000000000", nil, 64),
        ("SCTLR_EL1=18446744073709551616", "18446744073709551616", nil, 64),
        // Only fields have values with names.
        ("SCTLR_EL1=NONE", "NONE", nil, 64), ("SCTLR_EL1=1=2", "1=2", nil, 64),
    ])
    func badValues(text: String, value: String, field: String?, bits: Int) throws {
        let bank = try snapshotBank(of: "6.12-neoverse-n1")
        let error = EditError.badValue(value, .sctlrEL1, field: field, bits: bits)
        #expect(try changes(of: bank) { expect(error) { try set("x0=1", text, in: bank) } } == [:])
    }

    @Test func valuesThatDoNotFitOtherSizes() throws {
        let bank = try snapshotBank(of: "6.12-neoverse-n1")
        let sizes: [(name: String, bits: Int)] = [
            ("fpsr", 32), ("MP_STATE", 32), ("DFSR", 32), ("TTBR0_64", 64), ("v0", 128),
        ]
        for (name, bits) in sizes {
            let text = "0x1" + String(repeating: "0", count: bits / 4)
            let error = EditError.badValue(text, try register(name), field: nil, bits: bits)
            expect(error) { try set(name + "=" + text, in: bank) }
        }
    }

    @Test func wideRegisters() throws {
        let bank = try snapshotBank(of: "6.12-max")
        let digits = String(repeating: "0123456789abcdef", count: 32)
        let edited = try changes(of: bank) {
            let edit = try set(
                "z7=0x" + digits, "p1=0x80000000000000000000000000000001", "z8=7",
                "VCPU_EVENTS.serror_esr=0x11", "VCPU_EVENTS.serror_has_esr=1",
                "VCPU_EVENTS.serror_pending=1", in: bank)
            #expect(edit.isComplete)
        }
        #expect(
            edited == [
                "z7": "0x" + digits.dropFirst(), "z8": "0x7",
                "p1": "0x80000000000000000000000000000001",
                "VCPU_EVENTS": "0x110000000000000101",
            ])
    }

    @Test func runStateAndFloatingPoint() throws {
        let bank = try snapshotBank(of: "6.12-neoverse-n1")
        let edited = try changes(of: bank) {
            try set(
                "MP_STATE.mp_state=stopped", "fpcr.RMode=RZ", "v31=0x1_0000_0000_0000_0000",
                in: bank)
        }
        #expect(edited == ["MP_STATE": "0x5", "fpcr": "0xc00000", "v31": "0x10000000000000000"])
    }

    @Test func whatIsThereAlreadyIsNoChange() throws {
        let bank = try snapshotBank(of: "6.12-neoverse-n1", ["x3": "0x5"])
        let edit = try set("x3=5", "x4=1", "x4=0", in: bank)
        #expect(edit.changes.isEmpty && edit.isComplete)
        #expect(try set([], in: bank).changes.isEmpty)
    }

    /// What decides which registers a vCPU has; nothing else is changed either.
    @Test(arguments: [
        ("VCPU_INIT.HAS_EL2=1", "VCPU_INIT"), ("VCPU_FINALIZED=0", "VCPU_FINALIZED"),
        ("SVE_VLS=1", "SVE_VLS"),
    ])
    func decidedAtInit(text: String, name: String) throws {
        let bank = try snapshotBank(of: "6.12-max")
        let error = EditError.decidedAtInit(try register(name))
        let edited = try changes(of: bank) {
            expect(error) { try set("x0=1", text, in: bank) }
            expect(error) { try set(["x0=1", text], in: bank, isForced: true) }
        }
        #expect(edited == [:])
    }

    /// FCSEIDR is in no AArch64 register, DBGVCR in one that this vCPU does not have.
    @Test(arguments: ["APIAKEYLO_EL1", "z0", "SVE_VLS", "FCSEIDR", "DBGVCR_NS", "0x1"])
    func absent(name: String) throws {
        let bank = try snapshotBank(of: "6.12-neoverse-n1", removing: ["DBGVCR32_EL2"])
        let error = EditError.absent(try register(name))
        let edited = try changes(of: bank) {
            expect(error) { try set("x0=1", name + "=1", in: bank) }
        }
        #expect(edited == [:])
    }

    /// The dictionary does not have every register that a kernel may list one day.
    @Test func registerWithoutAnEntry() throws {
        let name = "S3_7_C15_C15_7"
        let bank = try snapshotBank(of: "6.12-neoverse-n1", [name: "0x5"])
        let edited = try changes(of: bank) { try set(name + "=0xffffffffffffffff", in: bank) }
        #expect(edited == [name: "0xffffffffffffffff"])
    }

    @Test func onlyWhatDiffersIsWritten() throws {
        let log = WriteLog(try snapshotBank(of: "6.12-neoverse-n1"))
        let edit = try set("SCTLR_EL1.M=1", "x9=9", "MP_STATE=5", "x0=0", in: log)
        #expect(edit.isComplete)
        #expect(log.written.map(\.name) == ["x9", "SCTLR_EL1", "MP_STATE"])
    }

    @Test func bankThatCannotBeRead() {
        let list = RegisterBankError(.list, nil, .noMemory)
        let read = RegisterBankError(.read, .pc, .busy, explanation: "it runs")
        for error in [list, read] {
            expect(.bank(error)) { try set("x0=1", in: FailingBank(error)) }
        }
    }
}

@Suite("Assignments: AArch32 names")
struct AArch32AssignmentTests {
    @Test func changesOnlyTheirBits() throws {
        let bank = try snapshotBank(
            of: "6.12-cortex-a57",
            ["ESR_EL1": "0xaabbccdd11223344", "FAR_EL1": "0x1111222233334444"])
        let edited = try changes(of: bank) {
            let edit = try set("DFSR=0x805", "IFAR=0xffff0000", in: bank)
            // It is the AArch64 register that changes.
            #expect(edit.changes.map(\.id.name) == ["ESR_EL1", "FAR_EL1"])
            #expect(edit.changes.map(\.wanted.description).first == "0xaabbccdd00000805")
            #expect(edit.isComplete)
        }
        #expect(edited == ["ESR_EL1": "0xaabbccdd00000805", "FAR_EL1": "0xffff000033334444"])
    }

    @Test func bothHalvesAndBothBanks() throws {
        let bank = try snapshotBank(of: "6.12-cortex-a57", ["FAR_EL1": "0x0"])
        let edited = try changes(of: bank) {
            let edit = try set("dfar=1", "IFAR_NS=2", "MAIR1=3", "ttbr0_64=0x4", in: bank)
            #expect(edit.changes.count == 3 && edit.isComplete)
        }
        let mair = try snapshotBank(of: "6.12-cortex-a57").text("MAIR_EL1")
        #expect(edited["FAR_EL1"] == "0x200000001")
        #expect(edited["MAIR_EL1"] == "0x3" + mair.suffix(8))
        #expect(edited["TTBR0_EL1"] == "0x4")
        #expect(edited.count == 3)
    }

    @Test func bankedRegistersOfAMode() throws {
        let bank = try snapshotBank(of: "6.12-cortex-a57")
        let edited = try changes(of: bank) {
            try set("LR_abt=0x8008", "r8_fiq=0x18", "spsr_abt=0x1d3", "SP_svc=0x4000", in: bank)
        }
        #expect(edited == ["x20": "0x8008", "x24": "0x18", "spsr_abt": "0x1d3", "x19": "0x4000"])
    }

    /// The holder is a register of the vCPU: a live one takes it by the AArch64 id.
    @Test func onALiveVCPU() throws {
        let cpu = try emulatedCPU(on: "6.12-cortex-a57", features: [.el1In32Bit, .psci02])
        try cpu.write(RegisterValue(0xaaaa_bbbb_0000_0001), to: try register("FAR_EL1"))
        let edited = try changes(of: cpu) {
            let edit = try set("DFAR=0x1234", "LR_abt=0x8008", in: cpu)
            #expect(edit.isComplete)
        }
        #expect(edited == ["FAR_EL1": "0xaaaabbbb00001234", "x20": "0x8008"])
    }
}

@Suite("Assignments: what a live vCPU takes")
struct LiveAssignmentTests {
    @Test func refusalIsReportedAndTheRestMade() throws {
        let cpu = try emulatedCPU(on: "6.12-neoverse-n1")
        let edited = try changes(of: cpu) {
            let edit = try set("MIDR_EL1=0x5", "x0=7", "SCTLR_EL1.M=1", in: cpu)
            #expect(!edit.isComplete)
            #expect(edit.changes.map(\.id.name) == ["x0", "MIDR_EL1", "SCTLR_EL1"])
            #expect(edit.changes.map(\.isMade) == [true, false, true])
            let refused = edit.changes[1]
            #expect(refused.outcome == .refused(.invalidArgument))
            #expect(refused.before == RegisterValue(0x414f_d0c1))
            #expect(refused.wanted == RegisterValue(5))
            #expect(refused.found == RegisterValue(0x414f_d0c1))
            #expect(refused.explanation?.contains("0x414fd0c1") == true)
        }
        #expect(edited == ["x0": "0x7", "SCTLR_EL1": "0xc50079"])
    }

    /// TPIDR_EL0 takes four bits and TPIDR_EL1 none.
    @Test func acceptedThenChanged() throws {
        let cpu = try vcpu(
            "register TPIDR_EL0 0x603000000013de82 0x50 class=sanitised mask=0xf",
            "register TPIDR_EL1 0x603000000013c684 0x0 class=writeIgnored")
        let edited = try changes(of: cpu) {
            let edit = try set("TPIDR_EL0=0x1f", "TPIDR_EL1=0x7", in: cpu)
            #expect(!edit.isComplete)
            let (sanitized, ignored) = (edit.changes[1], edit.changes[0])
            #expect(sanitized.outcome == .keptButMasked(lost: RegisterValue(0x40)))
            #expect(sanitized.found == RegisterValue(0x5f))
            #expect(ignored.outcome == .acceptedThenChanged)
            #expect(ignored.found == RegisterValue(0))
            #expect(!sanitized.isMade && !ignored.isMade)
        }
        #expect(edited == ["TPIDR_EL0": "0x5f"])
    }

    /// KVM narrows X registers while PSTATE says AArch32; the new PSTATE has to come first.
    @Test func wideRegistersOfAVCPUThatLeavesAArch32() throws {
        let cpu = try emulatedCPU(on: "6.12-neoverse-n1")
        try cpu.write(RegisterValue(0x10), to: .pstate)
        let edited = try changes(of: cpu) {
            let edit = try set("x0=0x1122334455667788", "pstate=0x3c5", in: cpu)
            #expect(edit.isComplete, "\(edit.changes)")
        }
        #expect(edited == ["x0": "0x1122334455667788", "pstate": "0x3c5"])
    }

    @Test func modeThatTheVCPUCannotBeIn() throws {
        let cpu = try emulatedCPU(on: "6.12-neoverse-n1")
        let edited = try changes(of: cpu) {
            let edit = try set("pstate.M=EL2h", "pc=0x8000", in: cpu)
            #expect(edit.changes.map(\.outcome) == [.taken, .refused(.invalidArgument)])
        }
        #expect(edited == ["pc": "0x8000"])
    }

    @Test func decidedAtInitChangesNothing() throws {
        let cpu = try emulatedCPU(on: "6.12-max")
        let edited = try changes(of: cpu) {
            expect(.decidedAtInit(.vcpuInit)) {
                try set("x0=1", "VCPU_INIT.PSCI_0_2=0", in: cpu)
            }
        }
        #expect(edited == [:])
    }

    @Test func scalableVectors() throws {
        let cpu = try emulatedCPU(on: "6.12-max")
        let digits = String(repeating: "fedcba9876543210", count: 32)
        let edited = try changes(of: cpu) {
            let edit = try set("z0=0x" + digits, "p0=0xff", "ffr=1", in: cpu)
            #expect(edit.isComplete)
        }
        #expect(edited == ["z0": "0x" + digits, "p0": "0xff", "ffr": "0x1"])
    }
}

/// A vCPU that cannot be listed, or of which one register cannot be read.
private final class FailingBank: RegisterBank {
    private let error: RegisterBankError

    init(_ error: RegisterBankError) {
        self.error = error
    }

    func list() throws(RegisterBankError) -> [RegisterID] {
        guard let id = error.id else { throw error }
        return [.x(0), id]
    }

    func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        if id == error.id { throw error }
        return RegisterValue(0)
    }

    func write(_ value: RegisterValue, to id: RegisterID) {
        Issue.record("\(id) was written")
    }
}
