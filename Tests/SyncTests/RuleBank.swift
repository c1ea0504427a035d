import LinuxSystem
import Registers
import TestSubjects
import VCPUModel

/// How one register of a `RuleBank` behaves.
enum RegisterRule: Hashable, CaseIterable {
    case stores
    /// Keeps its value; writes do nothing.
    case constant
    /// Refuses every value but its own.
    case invariant
    /// Takes the bits of its mask; the others keep their value.
    case changing
    /// Takes the bits of its mask; the others become zero.
    case keeping
    /// Reads as zero whatever is written.
    case zero
    /// Refuses values with bits outside its mask.
    case limited
    /// A write sets bits and clears none.
    case gainsBits
    /// Moves on with every read.
    case counts
    case absent
    /// Cannot be read.
    case unreadable
    /// Cannot be accessed without a side effect.
    case noRawAccess

    static let mask: UInt64 = 0xff00_ff0f
    static let step: UInt64 = 16

    /// Whether the register cannot be read at all.
    var isMute: Bool {
        switch self {
        case .absent, .unreadable, .noRawAccess: true
        default: false
        }
    }

    /// What a register holds after a write; nil when the write is refused.
    ///
    /// This is the whole rule: banks carry it out and tests foretell with it.
    func written(_ new: UInt64, over old: UInt64) -> UInt64? {
        switch self {
        case .stores, .counts: new
        case .constant, .zero: old
        case .invariant: new == old ? old : nil
        case .changing: old & ~Self.mask | new & Self.mask
        case .keeping: new & Self.mask
        case .limited: new & ~Self.mask == 0 ? new : nil
        case .gainsBits: old | new
        case .absent, .unreadable, .noRawAccess: nil
        }
    }
}

/// A bank of registers that follow rules; all are 64 bits wide.
final class RuleBank: RegisterBank {
    let rules: [RegisterID: RegisterRule]
    /// What the registers hold, seen without reading them.
    private(set) var values: [RegisterID: UInt64]

    init(_ registers: [RegisterID: (rule: RegisterRule, value: UInt64)]) {
        rules = registers.mapValues(\.rule)
        values = registers.mapValues { $0.rule == .zero ? 0 : $0.value }
    }

    /// Something outside the moves gives a register a value.
    func poke(_ id: RegisterID, _ value: UInt64) {
        if rules[id] != .zero, rules[id] != .constant { values[id] = value }
    }

    func list() throws(RegisterBankError) -> [RegisterID] {
        values.keys.filter { rules[$0] != .absent }.sorted()
    }

    func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        let value = try value(of: id, .read)
        if rules[id] == .counts { values[id] = value &+ RegisterRule.step }
        return RegisterValue(value)
    }

    func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        let old = try self.value(of: id, .write)
        guard let new = rules[id]?.written(value.lowBits, over: old) else {
            throw RegisterBankError(.write, id, .invalidArgument)
        }
        values[id] = new
    }

    private func value(
        of id: RegisterID, _ operation: RegisterBankError.Operation
    ) throws(RegisterBankError) -> UInt64 {
        switch rules[id] {
        case nil, .absent?: throw RegisterBankError(operation, id, .noEntry)
        case .unreadable?: throw RegisterBankError(operation, id, .notPermitted)
        case .noRawAccess?: throw RegisterBankError(operation, id, .notSupported)
        default: return values[id] ?? 0
        }
    }
}
