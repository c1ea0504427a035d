import Emulation
import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel

/// Injects into a vCPU of a snapshot, and expects that exactly these registers change.
private func expectTaken(
    _ exception: InjectedException, in bank: any RegisterBank, _ expected: [String: String],
    _ place: SourceLocation = #_sourceLocation
) throws {
    let edited = try changes(of: bank) {
        let edit = try VCPUEdit.inject(exception, into: bank)
        #expect(edit.isComplete, "\(edit.changes)", sourceLocation: place)
        #expect(Set(edit.changes.map(\.id.name)) == Set(expected.keys), sourceLocation: place)
    }
    #expect(edited == expected, sourceLocation: place)
}

/// Expects that the exception cannot be taken, that the message has these words, and that nothing
/// changes.
private func expectImpossible(
    _ exception: InjectedException, in bank: any RegisterBank, _ words: String...,
    place: SourceLocation = #_sourceLocation
) throws {
    let edited = try changes(of: bank) {
        do throws(EditError) {
            _ = try VCPUEdit.inject(exception, into: bank)
            Issue.record("it was taken", sourceLocation: place)
        } catch {
            guard case .impossible = error else {
                Issue.record("\(error)", sourceLocation: place)
                return
            }
            for word in words {
                #expect(error.description.contains(word), "\(error)", sourceLocation: place)
            }
        }
    }
    #expect(edited == [:], sourceLocation: place)
}

// MARK: - AArch64

/// Neoverse N1: PAN and SSBS, AArch32 at EL0, no MTE.
///
/// SCTLR_EL1 is 0xc50078: SPAN, bit 23, is set.
private let newer = "6.12-neoverse-n1"

/// Registers that an exception writes hold other values before, so that each write shows.
private let leftovers = ["spsr_el1": "0xdead", "elr_el1": "0xbeef"]

private func guest64(_ values: [String: String] = [:]) throws -> SnapshotBank {
    let usual = ["pstate": "0x5", "pc": "0x40000040", "VBAR_EL1": "0x40080000"]
    return try snapshotBank(
        of: newer, usual.merging(leftovers) { $1 }.merging(values) { $1 })
}

/// The same on an emulated host, which has KVM's rules.
private func liveGuest64(_ values: [String: String]) throws -> EmulatedCPU {
    let cpu = try emulatedCPU(on: newer)
    for (name, text) in leftovers.merging(values, uniquingKeysWith: { $1 }) {
        let value = try #require(RegisterValue(parsing: text, size: 8))
        try cpu.write(value, to: try register(name))
    }
    return cpu
}

@Suite("Exceptions of an AArch64 guest")
struct AArch64ExceptionTests {
    /// Where the guest is, and what an exception makes of it.
    struct Entry: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var pstate: String
        var pc: String
        /// VBAR_EL1 is 0xffff800010080000.
        var vector: String
        /// ESR_EL1 of a breakpoint with immediate 0x1234, and of a data abort.
        var breakpoint: String
        var abort: String

        var values: [String: String] {
            ["pstate": pstate, "pc": pc, "VBAR_EL1": "0xffff800010080000"]
        }
    }

    static let entries = [
        Entry(
            testDescription: "EL1h", pstate: "0x5", pc: "0xffff800010000040",
            vector: "0xffff800010080200", breakpoint: "0xf2001234", abort: "0x96000010"),
        Entry(
            testDescription: "EL1t", pstate: "0x4", pc: "0xffff800010000040",
            vector: "0xffff800010080000", breakpoint: "0xf2001234", abort: "0x96000010"),
        Entry(
            testDescription: "EL0", pstate: "0x0", pc: "0xaaaabbbb0040",
            vector: "0xffff800010080400", breakpoint: "0xf2001234", abort: "0x92000010"),
        // BKPT: IL, bit 25, says whether the instruction has 32 bits.
        Entry(
            testDescription: "EL0 A32", pstate: "0x10", pc: "0x8000",
            vector: "0xffff800010080600", breakpoint: "0xe2001234", abort: "0x92000010"),
        Entry(
            testDescription: "EL0 T32", pstate: "0x30", pc: "0x8002",
            vector: "0xffff800010080600", breakpoint: "0xe0001234", abort: "0x92000010"),
    ]

    @Test(arguments: entries)
    func breakpoint(_ entry: Entry) throws {
        let expected = [
            "ESR_EL1": entry.breakpoint, "elr_el1": entry.pc, "spsr_el1": entry.pstate,
            "pstate": "0x3c5", "pc": entry.vector,
        ]
        let exception = InjectedException.breakpoint(comment: 0x1234)
        try expectTaken(exception, in: try guest64(entry.values), expected)
        try expectTaken(exception, in: try liveGuest64(entry.values), expected)
    }

    @Test(arguments: entries)
    func dataAbort(_ entry: Entry) throws {
        let expected = [
            "ESR_EL1": entry.abort, "FAR_EL1": "0x123456789000", "elr_el1": entry.pc,
            "spsr_el1": entry.pstate, "pstate": "0x3c5", "pc": entry.vector,
        ]
        let exception = InjectedException.dataAbort(address: 0x1234_5678_9000, isWrite: false)
        try expectTaken(exception, in: try guest64(entry.values), expected)
        try expectTaken(exception, in: try liveGuest64(entry.values), expected)
    }

    /// FnV is bit 10, WnR bit 6.
    @Test(arguments: [
        (0x1000 as UInt64?, false, "0x96000010"), (0x1000, true, "0x96000050"),
        (nil, false, "0x96000410"), (nil, true, "0x96000450"), (0, false, "0x96000010"),
        (.max, true, "0x96000050"),
    ])
    func dataAbortSyndrome(address: UInt64?, isWrite: Bool, syndrome: String) throws {
        let exception = InjectedException.dataAbort(address: address, isWrite: isWrite)
        var expected = [
            "ESR_EL1": syndrome, "elr_el1": "0x40000040", "spsr_el1": "0x5", "pstate": "0x3c5",
            "pc": "0x40080200",
        ]
        // Without an address FAR_EL1 stays.
        expected["FAR_EL1"] = address.map { RegisterValue($0).description }
        try expectTaken(exception, in: try guest64(), expected)
    }

    @Test(arguments: [(0 as UInt16, "0xf2000000"), (0xf000, "0xf200f000"), (.max, "0xf200ffff")])
    func breakpointImmediate(comment: UInt16, syndrome: String) throws {
        let bank = try guest64()
        _ = try VCPUEdit.inject(.breakpoint(comment: comment), into: bank)
        #expect(try bank.text("ESR_EL1") == syndrome)
    }

    @Test func reservedBitsOfTheVectorBaseAreIgnored() throws {
        let bank = try guest64(["VBAR_EL1": "0xffff8000100807ff"])
        _ = try VCPUEdit.inject(.breakpoint(comment: 0), into: bank)
        #expect(try bank.text("pc") == "0xffff800010080200")
    }

    // MARK: PSTATE

    /// What PSTATE becomes where these registers are other than usual.
    struct NewState: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var pstate: String
        var values: [String: String] = [:]
        var new: String
    }

    @Test(arguments: [
        NewState(
            testDescription: "NZCV, DIT kept, DAIF set", pstate: "0xf1000005", new: "0xf10003c5"),
        NewState(testDescription: "no flags", pstate: "0x0", new: "0x3c5"),
        NewState(
            testDescription: "TCO, UAO, SS, IL, ALLINT, SSBS, BTYPE cleared", pstate: "0x2b03c05",
            new: "0x3c5"),
        NewState(
            testDescription: "UINJ, PACM, EXLOCK, PPEND, PM cleared", pstate: "0x1f00000005",
            new: "0x3c5"),
        // Q, IT, GE, E and T of an AArch32 program: NZCV and DIT stay.
        NewState(testDescription: "AArch32 flags", pstate: "0xff0ffe30", new: "0xf10003c5"),
        // PAN, bit 22.
        NewState(testDescription: "PAN kept", pstate: "0x400005", new: "0x4003c5"),
        NewState(
            testDescription: "SPAN clear", pstate: "0x5", values: ["SCTLR_EL1": "0x450078"],
            new: "0x4003c5"),
        NewState(
            testDescription: "SPAN clear, from EL0", pstate: "0x0",
            values: ["SCTLR_EL1": "0x450078"], new: "0x4003c5"),
        NewState(
            testDescription: "no PAN", pstate: "0x400005",
            values: ["SCTLR_EL1": "0x450078", "ID_AA64MMFR1_EL1": "0x10012122"], new: "0x3c5"),
        // SSBS, bit 12, is SCTLR_EL1.DSSBS, bit 44.
        NewState(
            testDescription: "DSSBS", pstate: "0x5", values: ["SCTLR_EL1": "0x100000c50078"],
            new: "0x13c5"),
        NewState(
            testDescription: "DSSBS, no SSBS", pstate: "0x1005",
            values: ["SCTLR_EL1": "0x100000c50078", "ID_AA64PFR1_EL1": "0x0"], new: "0x3c5"),
        // TCO, bit 25.
        NewState(
            testDescription: "MTE", pstate: "0x5", values: ["ID_AA64PFR1_EL1": "0x220"],
            new: "0x20003c5"),
        // ALLINT, bit 13, is the inverse of SCTLR_EL1.SPINTMASK, bit 62.
        NewState(
            testDescription: "NMI", pstate: "0x5", values: ["ID_AA64PFR1_EL1": "0x1000000020"],
            new: "0x23c5"),
        NewState(
            testDescription: "NMI, SPINTMASK", pstate: "0x2005",
            values: [
                "ID_AA64PFR1_EL1": "0x1000000020", "SCTLR_EL1": "0x4000000000c50078",
            ], new: "0x3c5"),
        // PM, bit 32.
        NewState(
            testDescription: "EBEP", pstate: "0x5",
            values: ["ID_AA64DFR1_EL1": "0x1000000000000"], new: "0x1000003c5"),
        // EXLOCK, bit 34, is GCSCR_EL1.EXLOCKEN, bit 6, where the exception is from EL1.
        NewState(
            testDescription: "GCS", pstate: "0x5",
            values: ["ID_AA64PFR1_EL1": "0x100000000020", "GCSCR_EL1": "0x40"],
            new: "0x4000003c5"),
        NewState(
            testDescription: "GCS, from EL0", pstate: "0x0",
            values: ["ID_AA64PFR1_EL1": "0x100000000020", "GCSCR_EL1": "0x40"], new: "0x3c5"),
        NewState(
            testDescription: "GCS, EXLOCKEN clear", pstate: "0x400000005",
            values: ["ID_AA64PFR1_EL1": "0x100000000020", "GCSCR_EL1": "0x0"], new: "0x3c5"),
    ])
    func newPSTATE(_ state: NewState) throws {
        let values = state.values.merging(["pstate": state.pstate]) { $1 }
        let exceptions: [InjectedException] = [
            .breakpoint(comment: 0), .dataAbort(address: nil, isWrite: false),
        ]
        for exception in exceptions {
            let bank = try guest64(values)
            _ = try VCPUEdit.inject(exception, into: bank)
            #expect(try bank.text("pstate") == state.new)
            #expect(try bank.text("spsr_el1") == state.pstate, "SPSR is what PSTATE was")
        }
    }

    /// SCTLR2_EL1.EASE, bit 5, sends the abort, and nothing else, to the vector of an SError.
    @Test(arguments: [("0x5", "0x40080380"), ("0x4", "0x40080180"), ("0x0", "0x40080580")])
    func abortTakenAsSError(pstate: String, vector: String) throws {
        let abort = InjectedException.dataAbort(address: nil, isWrite: false)
        let bank = try guest64(["pstate": pstate, "SCTLR2_EL1": "0x20"])
        _ = try VCPUEdit.inject(abort, into: bank)
        #expect(try bank.text("pc") == vector)
        let other = try guest64(["SCTLR2_EL1": "0x20"])
        _ = try VCPUEdit.inject(.breakpoint(comment: 0), into: other)
        #expect(try other.text("pc") == "0x40080200")
        let clear = try guest64(["SCTLR2_EL1": "0xffffffffffffffdf"])
        _ = try VCPUEdit.inject(abort, into: clear)
        #expect(try clear.text("pc") == "0x40080200")
    }

    /// An exception in the handler of another one.
    @Test func twoExceptions() throws {
        let bank = try guest64()
        let abort = InjectedException.dataAbort(address: 0x1000, isWrite: true)
        _ = try VCPUEdit.inject(abort, into: bank)
        try expectTaken(
            .breakpoint(comment: 1), in: bank,
            ["ESR_EL1": "0xf2000001", "elr_el1": "0x40080200", "spsr_el1": "0x3c5"])
    }

    // MARK: Refusals

    private static let exceptions: [InjectedException] = [
        .breakpoint(comment: 0), .dataAbort(address: 0x1000, isWrite: false),
        .serror(syndrome: nil),
    ]

    @Test(arguments: ["0x3c9", "0x3c8"], exceptions)
    func fromEL2(pstate: String, exception: InjectedException) throws {
        let bank = try guest64(["VCPU_INIT": "0x8c00000005", "pstate": pstate])
        try expectImpossible(exception, in: bank, "EL2")
    }

    /// HCR_EL2.TGE, bit 27; it counts only where the guest has EL2.
    @Test func exceptionsOfEL0GoToEL2() throws {
        let values = ["pstate": "0x0", "HCR_EL2": "0x8000000"]
        let nested = try guest64(values.merging(["VCPU_INIT": "0x8c00000005"]) { $1 })
        try expectImpossible(.breakpoint(comment: 0), in: nested, "HCR_EL2.TGE")
        let other = try guest64(["VCPU_INIT": "0x8c00000005", "HCR_EL2": "0xfffffffff7ffffff"])
        let plain = try guest64(values)
        for bank in [other, plain] {
            #expect(try VCPUEdit.inject(.breakpoint(comment: 0), into: bank).isComplete)
        }
    }

    @Test func registerThatIsAbsent() throws {
        let bank = try snapshotBank(of: newer, removing: ["ESR_EL1"])
        let edited = try changes(of: bank) {
            expect(.absent(.esrEL1)) {
                try VCPUEdit.inject(.breakpoint(comment: 0), into: bank)
            }
        }
        #expect(edited == [:])
    }
}

// MARK: - AArch32

/// Cortex-A57, which has AArch32 at EL1; no PAN, no SSBS, no RAS.
///
/// SCTLR_EL1 is 0xc50078.
private let older = "6.12-cortex-a57"

/// A guest in Supervisor mode at 0x8000, with its vectors at 0x20000000; EL1_32BIT is bit 33 of
/// VCPU_INIT.
private let usual32 = [
    "pstate": "0x1d3", "pc": "0x8000", "VBAR_EL1": "0x20000000", "spsr_abt": "0xdead",
    "ESR_EL1": "0xaabbccdd11223344", "FAR_EL1": "0x1111222233334444",
]

private func guest32(_ values: [String: String] = [:]) throws -> SnapshotBank {
    let initialization = ["VCPU_INIT": "0xe00000005"]
    return try snapshotBank(
        of: older, usual32.merging(initialization) { $1 }.merging(values) { $1 })
}

private func liveGuest32() throws -> EmulatedCPU {
    let cpu = try emulatedCPU(on: older, features: [.el1In32Bit, .psci02, .pmuV3])
    for (name, text) in usual32 {
        let value = try #require(RegisterValue(parsing: text, size: 8))
        try cpu.write(value, to: try register(name))
    }
    return cpu
}

@Suite("Exceptions of an AArch32 guest")
struct AArch32ExceptionTests {
    private static let abort = InjectedException.dataAbort(address: nil, isWrite: false)

    /// DBGDSCRext.MOE, bits 5:2, is 3, a BKPT instruction.
    @Test func breakpoint() throws {
        let expected = [
            "x20": "0x8004", "spsr_abt": "0x1d3", "pstate": "0x1d7", "pc": "0x2000000c",
            "IFSR32_EL2": "0x2", "MDSCR_EL1": "0xc",
        ]
        // The immediate is not in the syndrome.
        for comment in [0, 0xffff] as [UInt16] {
            let exception = InjectedException.breakpoint(comment: comment)
            try expectTaken(exception, in: try guest32(), expected)
            try expectTaken(exception, in: try liveGuest32(), expected)
        }
    }

    /// DFAR and DFSR are the low halves; IFAR stays.
    @Test func dataAbort() throws {
        let expected = [
            "x20": "0x8008", "spsr_abt": "0x1d3", "pstate": "0x1d7", "pc": "0x20000010",
            "ESR_EL1": "0xaabbccdd00000008", "FAR_EL1": "0x1111222280001000",
        ]
        let exception = InjectedException.dataAbort(address: 0x8000_1000, isWrite: false)
        try expectTaken(exception, in: try guest32(), expected)
        try expectTaken(exception, in: try liveGuest32(), expected)
    }

    /// FnV is bit 16, WnR bit 11; TTBCR.EAE, bit 31, selects the long format.
    @Test(arguments: [
        (0xffff_ffff as UInt64?, false, "0x0", "0x8"), (0, true, "0x0", "0x808"),
        (nil, false, "0x0", "0x10008"), (nil, true, "0x0", "0x10808"),
        (0xffff_ffff, false, "0x80000000", "0x210"), (0, true, "0x80000000", "0xa10"),
        (nil, false, "0x80000000", "0x10210"), (nil, true, "0x180000000", "0x10a10"),
        // Bits of TTBCR2 are none of TTBCR's.
        (nil, false, "0xffffffff7fffffff", "0x10008"),
    ])
    func dataFaultStatus(address: UInt64?, isWrite: Bool, control: String, dfsr: String) throws {
        let bank = try guest32(["TCR_EL1": control, "ESR_EL1": "0x0", "FAR_EL1": "0x5500000066"])
        _ = try VCPUEdit.inject(.dataAbort(address: address, isWrite: isWrite), into: bank)
        #expect(try bank.text("ESR_EL1") == dfsr)
        let low = address ?? 0x66
        #expect(try bank.read(register("FAR_EL1")) == RegisterValue(0x55_0000_0000 | low))
    }

    @Test(arguments: [("0x0", "0x2"), ("0x80000000", "0x222"), ("0x7fffffff", "0x2")])
    func instructionFaultStatus(control: String, ifsr: String) throws {
        let bank = try guest32(["TCR_EL1": control])
        _ = try VCPUEdit.inject(.breakpoint(comment: 0), into: bank)
        #expect(try bank.text("IFSR32_EL2") == ifsr)
    }

    @Test func methodOfEntryReplacesTheOldOne() throws {
        let bank = try guest32(["MDSCR_EL1": "0x80f4"])
        _ = try VCPUEdit.inject(.breakpoint(comment: 0), into: bank)
        #expect(try bank.text("MDSCR_EL1") == "0x80cc")
    }

    // MARK: Where it goes on

    /// SCTLR.V is bit 13; bits 4:0 of VBAR are reserved.
    @Test(arguments: [
        ("0x20000000", "0xc50078", "0x2000000c", "0x20000010"),
        ("0x2000005f", "0xc50078", "0x2000004c", "0x20000050"),
        ("0x20000000", "0xc52078", "0xffff000c", "0xffff0010"),
        // The upper half of VBAR_EL1 is not the guest's.
        ("0xaaaaaaaaffffffe0", "0xc50078", "0xffffffec", "0xfffffff0"),
    ])
    func vectors(base: String, control: String, breakpoint: String, abort: String) throws {
        let values = ["VBAR_EL1": base, "SCTLR_EL1": control]
        for (exception, vector) in [(.breakpoint(comment: 0), breakpoint), (Self.abort, abort)] {
            let bank = try guest32(values)
            _ = try VCPUEdit.inject(exception, into: bank)
            #expect(try bank.text("pc") == vector)
        }
    }

    @Test(arguments: [
        ("0x8000", "0x8004", "0x8008"), ("0xfffffffc", "0x0", "0x4"),
        ("0xfffffff8", "0xfffffffc", "0x0"),
    ])
    func linkRegister(pc: String, breakpoint: String, abort: String) throws {
        for (exception, link) in [(.breakpoint(comment: 0), breakpoint), (Self.abort, abort)] {
            let bank = try guest32(["pc": pc, "x20": "0x55"])
            _ = try VCPUEdit.inject(exception, into: bank)
            #expect(try bank.text("LR_abt") == link)
        }
    }

    // MARK: Program state

    /// CPSR before and after, SPSR_abt, and what is other than usual.
    struct State: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var old: String
        var new: String
        var saved: String
        var values: [String: String] = [:]
    }

    @Test(arguments: [
        // A and I are set, F stays.
        State(testDescription: "F set", old: "0x1d3", new: "0x1d7", saved: "0x1d3"),
        State(testDescription: "F clear", old: "0x13", new: "0x197", saved: "0x13"),
        State(testDescription: "only F", old: "0x53", new: "0x1d7", saved: "0x53"),
        // Other modes; the init feature tells about User mode.
        State(testDescription: "User", old: "0x10", new: "0x197", saved: "0x10"),
        State(testDescription: "FIQ", old: "0x1d1", new: "0x1d7", saved: "0x1d1"),
        State(testDescription: "IRQ", old: "0x192", new: "0x197", saved: "0x192"),
        State(testDescription: "Abort", old: "0x1d7", new: "0x1d7", saved: "0x1d7"),
        State(testDescription: "Undefined", old: "0x1db", new: "0x1d7", saved: "0x1db"),
        State(testDescription: "System", old: "0x1f", new: "0x197", saved: "0x1f"),
        // N, Z, C, V, Q and GE.
        State(testDescription: "flags", old: "0xf80f0013", new: "0xf80f0197", saved: "0xf80f0013"),
        // IT, E, T and IL become zero.
        State(testDescription: "IT, E, T", old: "0x610fe33", new: "0x197", saved: "0x610fe33"),
        // DIT is bit 24 of PSTATE and bit 21 of SPSR; SS, bit 21 of PSTATE, is not in SPSR.
        State(testDescription: "DIT", old: "0x10001d3", new: "0x10001d7", saved: "0x2001d3"),
        State(testDescription: "SS", old: "0x2001d3", new: "0x1d7", saved: "0x1d3"),
        State(testDescription: "DIT, SS", old: "0x12001d3", new: "0x10001d7", saved: "0x2001d3"),
        // PAN, bit 22, stays; ID_MMFR3_EL1.PAN with SCTLR.SPAN, bit 23, clear sets it.
        State(testDescription: "PAN", old: "0x4001d3", new: "0x4001d7", saved: "0x4001d3"),
        State(
            testDescription: "SPAN set", old: "0x1d3", new: "0x1d7", saved: "0x1d3",
            values: ["ID_MMFR3_EL1": "0x2112211"]),
        State(
            testDescription: "SPAN clear", old: "0x1d3", new: "0x4001d7", saved: "0x1d3",
            values: ["ID_MMFR3_EL1": "0x2112211", "SCTLR_EL1": "0x450078"]),
        State(
            testDescription: "SPAN clear, no PAN", old: "0x1d3", new: "0x1d7", saved: "0x1d3",
            values: ["SCTLR_EL1": "0x450078"]),
        // SSBS, bit 23, is SCTLR.DSSBS, bit 31.
        State(
            testDescription: "SSBS", old: "0x8001d3", new: "0x1d7", saved: "0x8001d3",
            values: ["ID_PFR2_EL1": "0x10"]),
        State(
            testDescription: "DSSBS", old: "0x1d3", new: "0x8001d7", saved: "0x1d3",
            values: ["ID_PFR2_EL1": "0x10", "SCTLR_EL1": "0x80c50078"]),
        State(
            testDescription: "DSSBS, no SSBS", old: "0x1d3", new: "0x1d7", saved: "0x1d3",
            values: ["SCTLR_EL1": "0x80c50078"]),
        // SCTLR.EE, bit 25, is the new E, bit 9; SCTLR.TE, bit 30, the new T, bit 5.
        State(
            testDescription: "EE", old: "0x1d3", new: "0x3d7", saved: "0x1d3",
            values: ["SCTLR_EL1": "0x2c50078"]),
        State(
            testDescription: "TE", old: "0x1d3", new: "0x1f7", saved: "0x1d3",
            values: ["SCTLR_EL1": "0x40c50078"]),
    ])
    func programState(_ state: State) throws {
        let values = state.values.merging(["pstate": state.old]) { $1 }
        for exception in [.breakpoint(comment: 0), Self.abort] {
            let bank = try guest32(values)
            _ = try VCPUEdit.inject(exception, into: bank)
            #expect(try bank.text("pstate") == state.new)
            #expect(try bank.text("spsr_abt") == state.saved)
            #expect(try bank.text("spsr_el1") == "0x0", "that of Supervisor mode stays")
        }
    }

    // MARK: Refusals

    @Test(arguments: [0x1_0000_0000, .max] as [UInt64])
    func addressOfMoreThan32Bits(address: UInt64) throws {
        let exception = InjectedException.dataAbort(address: address, isWrite: false)
        let text = RegisterValue(address).description
        try expectImpossible(exception, in: try guest32(), "32-bit", text)
        try expectImpossible(exception, in: try liveGuest32(), "32-bit", text)
    }

    @Test func registerThatIsAbsent() throws {
        let bank = try snapshotBank(of: older, ["pstate": "0x1d3"], removing: ["IFSR32_EL2"])
        let edited = try changes(of: bank) {
            expect(.absent(.ifsr32EL2)) { try VCPUEdit.inject(.breakpoint(comment: 0), into: bank) }
        }
        #expect(edited == [:])
    }
}

// MARK: - SError

@Suite("Pending SErrors")
struct SErrorTests {
    /// Byte 0 says pending, byte 1 that there is a syndrome, bytes 8 to 15 are it.
    @Test(arguments: [
        (0 as UInt64, "0x101"), (0x11, "0x110000000000000101"),
        (0x1ff_ffff, "0x1ffffff0000000000000101"),
    ])
    func withSyndrome(syndrome: UInt64, events: String) throws {
        let exception = InjectedException.serror(syndrome: syndrome)
        try expectTaken(exception, in: try guest64(), ["VCPU_EVENTS": events])
        try expectTaken(exception, in: try liveGuest64([:]), ["VCPU_EVENTS": events])
    }

    /// With RAS the syndrome is IMPLEMENTATION DEFINED then, which bit 24 says; without, there is none.
    @Test func withoutSyndrome() throws {
        let exception = InjectedException.serror(syndrome: nil)
        let events = ["VCPU_EVENTS": "0x10000000000000000000101"]
        try expectTaken(exception, in: try guest64(), events)
        try expectTaken(exception, in: try liveGuest64([:]), events)
        try expectTaken(exception, in: try guest32(), ["VCPU_EVENTS": "0x1"])
        try expectTaken(exception, in: try liveGuest32(), ["VCPU_EVENTS": "0x1"])
    }

    @Test func replacesThePendingOne() throws {
        let bank = try guest64(["VCPU_EVENTS": "0x110000000000000101"])
        let second = InjectedException.serror(syndrome: 0x22)
        try expectTaken(second, in: bank, ["VCPU_EVENTS": "0x220000000000000101"])
        let edit = try VCPUEdit.inject(second, into: bank)
        #expect(edit.changes.isEmpty && edit.isComplete)
    }

    @Test func syndromeTakesTheRASExtension() throws {
        let exception = InjectedException.serror(syndrome: 0x11)
        for bank: any RegisterBank in [try guest32(), try liveGuest32()] {
            try expectImpossible(exception, in: bank, "ID_AA64PFR0_EL1.RAS")
        }
        // It is what the vCPU has that counts: RAS is bits 31:28.
        let hidden = try guest64(["ID_AA64PFR0_EL1": "0x1100000001110112"])
        try expectImpossible(exception, in: hidden, "ID_AA64PFR0_EL1.RAS")
    }

    /// A CPU that QEMU emulates can show the AArch32 view alone; RAS is bits 31:28 of that too.
    @Test func rasIsReadFromTheViewThatIsThere() throws {
        let exception = InjectedException.serror(syndrome: 0x11)
        func bank(_ values: [String: String], removing names: [String]) throws -> SnapshotBank {
            try snapshotBank(of: "6.12-max", values, removing: names)
        }
        let aarch64 = "ID_AA64PFR0_EL1"
        let with = try bank(["ID_PFR0_EL1": "0x10000131"], removing: [aarch64])
        try expectTaken(exception, in: with, ["VCPU_EVENTS": "0x110000000000000101"])
        let without = try bank(["ID_PFR0_EL1": "0x131"], removing: [aarch64])
        try expectImpossible(exception, in: without, "ID_PFR0_EL1.RAS is 0")
        let neither = try bank([:], removing: [aarch64, "ID_PFR0_EL1"])
        try expectImpossible(exception, in: neither, "neither ID_AA64PFR0_EL1 nor ID_PFR0_EL1")
    }

    @Test(arguments: [0x200_0000, 0x1_0000_0000, .max] as [UInt64])
    func syndromeOfMoreThan25Bits(syndrome: UInt64) throws {
        let exception = InjectedException.serror(syndrome: syndrome)
        let text = RegisterValue(syndrome).description
        for bank in [try guest64(), try guest32()] {
            try expectImpossible(exception, in: bank, "24:0", text)
        }
    }
}
