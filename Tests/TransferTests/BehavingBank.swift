import LinuxSystem
import Registers
import VCPUModel

/// A bank whose registers each behave in one chosen way.
final class BehavingBank: RegisterBank {
    enum Behavior {
        case stores
        /// Takes only these bits of a write; the others keep what they were.
        case keeps(mask: UInt64)
        case ignores
        /// Accepts a write and then holds this.
        case becomes(UInt64)
        case refuses(Errno)
        /// Cannot be read at all.
        case unreadable(Errno)
        /// Gains bits, as the PMU's SET registers do on Linux 6.7 to 6.14.
        case gainsBits
        /// Moves on by itself with every read.
        case counts
    }

    private(set) var values: [RegisterID: RegisterValue] = [:]
    private var behaviors: [RegisterID: Behavior] = [:]
    /// Every write that was tried, in order.
    private(set) var writes: [RegisterID] = []
    /// Called before each write.
    var onWrite: (RegisterID) -> Void = { _ in }

    func add(_ id: RegisterID, _ bits: UInt64, _ behavior: Behavior = .stores) {
        values[id] = RegisterValue(bits, size: min(id.size ?? 8, 8))
        behaviors[id] = behavior
    }

    func list() throws(RegisterBankError) -> [RegisterID] {
        values.keys.sorted()
    }

    func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        guard let value = values[id] else { throw RegisterBankError(.read, id, .noEntry) }
        switch behaviors[id] {
        case .unreadable(let errno): throw RegisterBankError(.read, id, errno)
        case .counts: values[id] = RegisterValue(value.lowBits &+ 10)
        default: break
        }
        return value
    }

    func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        onWrite(id)
        writes.append(id)
        guard let old = values[id] else { throw RegisterBankError(.write, id, .noEntry) }
        switch behaviors[id] ?? .stores {
        case .stores, .unreadable, .counts: values[id] = value
        case .keeps(let mask):
            values[id] = RegisterValue(
                old.lowBits & ~mask | value.lowBits & mask, size: value.size)
        case .ignores: break
        case .becomes(let bits): values[id] = RegisterValue(bits, size: value.size)
        case .refuses(let errno): throw RegisterBankError(.write, id, errno)
        case .gainsBits: values[id] = RegisterValue(old.lowBits | value.lowBits, size: value.size)
        }
    }

    /// The bank's present contents as a state to restore.
    func state(index: UInt32 = 0) -> UnitState {
        UnitState(
            .vcpu(index), RegisterList(values.map { ($0.key, $0.value) }) ?? .init())
    }
}

/// The id of a register that a test names.
func id(_ name: String) -> RegisterID {
    guard let id = RegisterID(parsing: name) else { preconditionFailure("no register \(name)") }
    return id
}
