import LinuxSystem
import Registers
import Testing
import Transfer
import VCPUModel

/// The reports of many vCPUs are made one by one, and those of vCPUs that fared alike from each other.
@Suite struct RestoreAccountTests {
    private static let registers = 40

    private func id(_ number: Int) -> RegisterID {
        RegisterID(rawValue: 0x6030_0000_0050_0000 + UInt64(number))
    }

    /// A bank in which register n is 100 + n but for `changes`, and some are lost in every way.
    private func bank(_ changes: [Int: UInt64]) -> BehavingBank {
        let bank = BehavingBank()
        for number in 1..<Self.registers {
            let behavior: BehavingBank.Behavior =
                switch number {
                case 2: .refuses(.invalidArgument)
                case 3: .keeps(mask: 0xf)
                case 4: .ignores
                case 5: .becomes(9)
                case 6: .unreadable(.notExecutable)
                default: .stores
                }
            bank.add(id(number), changes[number] ?? UInt64(100 + number), behavior)
        }
        // Only the destination has it.
        bank.add(id(Self.registers), 1)
        return bank
    }

    private func state(_ vcpu: Int, _ changes: [Int: UInt64]) throws -> UnitState {
        let pairs = (0..<Self.registers).map {
            (id($0), RegisterValue(changes[$0] ?? UInt64(200 + $0)))
        }
        return UnitState(.vcpu(UInt32(vcpu)), try #require(RegisterList(pairs)))
    }

    /// What was saved and what the destination holds, by vCPU: alike, nearly alike, and not alike.
    private static let vcpus: [(saved: [Int: UInt64], held: [Int: UInt64])] = [
        ([:], [:]), ([:], [:]), ([:], [7: 0]), ([:], [7: 207, 2: 202]), ([8: 1], [:]), ([:], [:]),
        ([:], Dictionary(uniqueKeysWithValues: (10..<30).map { ($0, UInt64(200 + $0)) })),
        ([:], Dictionary(uniqueKeysWithValues: (10..<31).map { ($0, UInt64(200 + $0)) })),
    ]

    @Test(arguments: [false, true])
    func eachReportIsThatOfTheVCPUAlone(strict: Bool) throws {
        var options = Restore.Options()
        options.isStrict = strict
        options.policy = RestorePolicy(
            name: "rules", base: .safe,
            rules: [
                PolicyRule(RegisterPattern(id(9).hex), .ignore),
                PolicyRule(RegisterPattern(id(4).hex), .acceptMasked(nil)),
            ])
        let states = try Self.vcpus.enumerated().map { try state($0, $1.saved) }
        let alone = try zip(states, Self.vcpus).map { state, vcpu in
            try #require(
                try Restore.run([state], into: [bank(vcpu.held)], options: options).first)
        }
        let account = try Restore.perform(
            states, into: Self.vcpus.map { bank($0.held) }, options: options)
        #expect(Array(account) == alone)
        #expect(account.indices.map { account[$0] } == alone)
        #expect(account.indices.reversed().map { account[$0] } == alone.reversed())
        #expect(account.isComplete == false)
        #expect(account.isUndone == strict)
        #expect(account.indices.map { account.guest(at: $0) } == states.map(\.registers))
    }

    /// Each register is read before it is written and once afterward, whoever asks for reports how often.
    @Test func reportsReadNothing() throws {
        let bank = CountingBank(bank([:]))
        let account = try Restore.perform([try state(0, [:])], into: [bank])
        let operations = bank.operations
        #expect(operations <= 3 * (Self.registers + 1))
        for _ in 0..<10 { #expect(account[0].registers.count == Self.registers + 1) }
        #expect(bank.operations == operations)
    }
}

/// Counts what is read and written.
private final class CountingBank: RegisterBank {
    private let base: any RegisterBank
    private(set) var operations = 0

    init(_ base: any RegisterBank) {
        self.base = base
    }

    func list() throws(RegisterBankError) -> [RegisterID] { try base.list() }

    func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        operations += 1
        return try base.read(id)
    }

    func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        operations += 1
        try base.write(value, to: id)
    }
}
