import LinuxSystem
import Registers
import Testing
import VCPUModel

/// A bank that refuses every write with its own reason.
private final class ReadOnlyBank: RegisterBank {
    private let base: SnapshotBank

    init(_ base: SnapshotBank) {
        self.base = base
    }

    func list() throws(RegisterBankError) -> [RegisterID] { base.list() }

    func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue { try base.read(id) }

    func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        throw RegisterBankError(.write, id, .busy, explanation: "it is read-only")
    }
}

struct AArch32BankTests {
    private let sctlr = RegisterID(rawValue: 0x4020_0000_000f_0800)
    private let ttbr0 = RegisterID(rawValue: 0x4020_0000_000f_1000)
    private let ttbr0Wide = RegisterID(rawValue: 0x4030_0000_000f_0100)
    private let dfar = RegisterID(rawValue: 0x4020_0000_000f_3000)
    private let ifar = RegisterID(rawValue: 0x4020_0000_000f_3002)
    private let fcseidr = RegisterID(rawValue: 0x4020_0000_000f_6800)

    private let base: SnapshotBank
    private let bank: AArch32Bank

    init() throws {
        let registers = try #require(
            RegisterList([
                (RegisterID.x0, RegisterValue(1)),
                (RegisterID.sctlrEL1, RegisterValue(0x30d0_198d)),
                (RegisterID.ttbr0EL1, RegisterValue(0x00ab_0000_4100_0000)),
                (RegisterID.farEL1, RegisterValue(0x1122_3344_5566_7788)),
            ]))
        base = SnapshotBank(registers)
        bank = AArch32Bank(base)
    }

    /// What was thrown, as far as callers depend on it.
    private func errno(_ body: () throws -> Void) -> Errno? {
        do {
            try body()
            return nil
        } catch {
            return (error as? RegisterBankError)?.errno
        }
    }

    @Test func listHasTheViewsOfWhatIsThere() throws {
        let listed = try bank.list()
        #expect(
            listed == [sctlr, ttbr0, dfar, ifar, ttbr0Wide, .x0, .sctlrEL1, .ttbr0EL1, .farEL1])
        #expect(listed == listed.sorted())
        #expect(try AArch32Bank(SnapshotBank(RegisterList())).list().isEmpty)
        // TCMTR is the bank's own, and before the views.
        let tcmtr = RegisterID(rawValue: 0x4020_0000_000f_0002)
        let mixed = try #require(
            RegisterList([
                (tcmtr, RegisterValue(0, size: 4)), (RegisterID.farEL1, RegisterValue(0)),
            ]))
        #expect(try AArch32Bank(SnapshotBank(mixed)).list() == [tcmtr, dfar, ifar, .farEL1])
    }

    @Test func everythingListedCanBeRead() throws {
        for id in try bank.list() {
            #expect(try bank.read(id).size == id.size, "\(id)")
        }
    }

    @Test func readsTheBitsOfTheHolder() throws {
        #expect(try bank.read(dfar) == RegisterValue(0x5566_7788, size: 4))
        #expect(try bank.read(ifar) == RegisterValue(0x1122_3344, size: 4))
        #expect(try bank.read(sctlr) == RegisterValue(0x30d0_198d, size: 4))
        #expect(try bank.read(ttbr0) == RegisterValue(0x4100_0000, size: 4))
        #expect(try bank.read(ttbr0Wide) == RegisterValue(0x00ab_0000_4100_0000))
    }

    @Test func writingAHalfKeepsTheOther() throws {
        try bank.write(RegisterValue(0xffff_ffff, size: 4), to: dfar)
        #expect(try base.read(.farEL1) == RegisterValue(0x1122_3344_ffff_ffff))
        try bank.write(RegisterValue(0x8000_0001, size: 4), to: ifar)
        #expect(try base.read(.farEL1) == RegisterValue(0x8000_0001_ffff_ffff))
        try bank.write(RegisterValue(0, size: 4), to: dfar)
        #expect(try base.read(.farEL1) == RegisterValue(0x8000_0001_0000_0000))
        #expect(try base.read(.sctlrEL1) == RegisterValue(0x30d0_198d))
    }

    @Test func writingAWholeRegister() throws {
        try bank.write(RegisterValue(0xfedc_ba98_7654_3210), to: ttbr0Wide)
        #expect(try base.read(.ttbr0EL1) == RegisterValue(0xfedc_ba98_7654_3210))
        try bank.write(RegisterValue(0x10, size: 4), to: ttbr0)
        #expect(try bank.read(ttbr0Wide) == RegisterValue(0xfedc_ba98_0000_0010))
    }

    @Test func bothBanksAreOneRegister() throws {
        for id in [sctlr, ttbr0, dfar, ifar, ttbr0Wide] {
            let twin = RegisterID(rawValue: id.rawValue | 0x2000_0000)
            #expect(try bank.read(twin) == bank.read(id), "\(id)")
            let value = RegisterValue(0x1234_5678, size: try #require(id.size))
            try bank.write(value, to: twin)
            #expect(try bank.read(id) == value, "\(id)")
            #expect(AArch32Bank.holder(of: twin) == AArch32Bank.holder(of: id))
        }
    }

    @Test func otherSizesAreRefused() throws {
        let before = base.registers
        for (id, size) in [(dfar, 8), (ifar, 2), (ttbr0, 8), (ttbr0Wide, 4)] {
            let error = errno { try bank.write(RegisterValue(0, size: size), to: id) }
            #expect(error == .invalidArgument, "\(id)")
        }
        #expect(base.registers == before)
    }

    @Test func viewsOfAbsentRegistersAreAbsent() throws {
        let before = base.registers
        // DFSR is in ESR_EL1, DBGBXVR0 in DBGBVR0_EL1; this vCPU has neither.
        for name in ["DFSR", "DBGBXVR0", "DFSR_NS"] {
            let id = try #require(RegisterID(parsing: name))
            #expect(errno { _ = try bank.read(id) } == .noEntry, "\(name)")
            #expect(
                errno { try bank.write(RegisterValue(0, size: 4), to: id) } == .noEntry, "\(name)")
        }
        #expect(base.registers == before)
    }

    @Test func everythingElseIsTheBanksOwn() throws {
        #expect(try bank.read(.x0) == RegisterValue(1))
        try bank.write(RegisterValue(0x55), to: .farEL1)
        #expect(try base.read(.farEL1) == RegisterValue(0x55))
        #expect(errno { _ = try bank.read(.pstate) } == .noEntry)
        #expect(errno { try bank.write(RegisterValue(0, size: 4), to: .x0) } == .invalidArgument)
    }

    /// No AArch64 register holds FCSEIDR; a list of a 32-bit host has it all the same.
    @Test func registersWithoutAHolderAreTheBanksOwn() throws {
        #expect(errno { _ = try bank.read(fcseidr) } == .noEntry)
        let registers = try #require(RegisterList([(fcseidr, RegisterValue(7, size: 4))]))
        let legacy = AArch32Bank(SnapshotBank(registers))
        #expect(try legacy.list() == [fcseidr])
        #expect(try legacy.read(fcseidr) == RegisterValue(7, size: 4))
        try legacy.write(RegisterValue(9, size: 4), to: fcseidr)
        #expect(try legacy.read(fcseidr) == RegisterValue(9, size: 4))
    }

    @Test func refusalsOfTheBankPassThrough() throws {
        let readOnly = AArch32Bank(ReadOnlyBank(base))
        for (id, size) in [(dfar, 4), (RegisterID.x0, 8)] {
            do {
                try readOnly.write(RegisterValue(0, size: size), to: id)
                Issue.record("\(id) was written")
            } catch {
                #expect(error.errno == .busy)
                #expect(error.explanation == "it is read-only")
            }
        }
    }

    @Test func holders() throws {
        let upper = try #require(AArch32Bank.holder(of: ifar))
        #expect(upper.id == .farEL1 && upper.lsb == 32 && upper.size == 4)
        let lower = try #require(AArch32Bank.holder(of: dfar))
        #expect(lower.id == .farEL1 && lower.lsb == 0 && lower.size == 4)
        let whole = try #require(AArch32Bank.holder(of: ttbr0Wide))
        #expect(whole.id == .ttbr0EL1 && whole.lsb == 0 && whole.size == 8)
        // Others that the dictionary maps, and those that it does not.
        for name in ["SCTLR_EL1", "SCTLR_EL12", "x0", "FCSEIDR", "FPSCR", "d0", "VCPU_INIT"] {
            let id = try #require(RegisterID(parsing: name))
            #expect(AArch32Bank.holder(of: id) == nil, "\(name)")
        }
    }
}
