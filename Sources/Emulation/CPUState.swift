package import VCPUModel

/// The state of the emulated CPU, as QEMU's `CPUARMState` is for its emulated CPUs.
///
/// What a register is called and how it may be written is in `RegisterTable`; this is only storage.
public struct CPUState: Hashable, Sendable {
    /// The general registers, in the order of `struct kvm_regs`; see `RegisterStorage.general`.
    private var general = [UInt64](repeating: 0, count: 41)
    /// Z0 to Z31, 256 bytes each; V registers are their low 16 bytes.
    private var vectors = [UInt8](repeating: 0, count: 32 * Self.vectorSize)
    /// P0 to P15 and FFR, 32 bytes each.
    private var predicates = [UInt8](repeating: 0, count: 17 * Self.predicateSize)
    private var vectorLengths = [UInt8](repeating: 0, count: 64)
    /// By slot; each value has its register's size once the register was reset.
    private var system: [RegisterValue]

    /// FPSR, the floating-point status.
    public var fpsr: UInt32 = 0
    /// FPCR, the floating-point control.
    public var fpcr: UInt32 = 0

    /// What KVM keeps outside its register list.
    public internal(set) var run = RunState()

    private static let vectorSize = 256
    private static let predicateSize = 32

    /// All zero, with storage for `systemCount` system registers.
    init(systemCount: Int) {
        system = Array(repeating: RegisterValue(0), count: systemCount)
    }
}

extension CPUState {
    /// X0 to X30.
    /// - Precondition: the index is 0 to 30.
    public subscript(x index: Int) -> UInt64 {
        get { general[index] }
        set { general[index] = newValue }
    }

    /// PC, the address of the next instruction.
    public var programCounter: UInt64 {
        get { general[32] }
        set { general[32] = newValue }
    }

    /// PSTATE, laid out as SPSR_EL1.
    public var pstate: UInt64 {
        get { general[33] }
        set { general[33] = newValue }
    }
}

extension CPUState {
    /// What one register holds.
    ///
    /// The size of the value is the register's; writing one of another
    /// size changes as many bytes as both have.
    package internal(set) subscript(storage: RegisterStorage, size size: Int) -> RegisterValue {
        get {
            switch storage {
            case .general(let word): RegisterValue(general[word])
            case .vector(let index), .scalable(let index):
                Self.value(in: vectors, at: index * Self.vectorSize, size)
            case .predicate(let index):
                Self.value(in: predicates, at: index * Self.predicateSize, size)
            case .fpsr: RegisterValue(UInt64(fpsr), size: 4)
            case .fpcr: RegisterValue(UInt64(fpcr), size: 4)
            case .vectorLengths: Self.value(in: vectorLengths, at: 0, size)
            case .system(let slot): system[slot]
            case .zero: RegisterValue.zero(size: size) ?? RegisterValue(0)
            }
        }
        set {
            switch storage {
            case .general(let word): general[word] = newValue.lowBits
            case .vector(let index), .scalable(let index):
                Self.set(newValue, in: &vectors, at: index * Self.vectorSize, size)
            case .predicate(let index):
                Self.set(newValue, in: &predicates, at: index * Self.predicateSize, size)
            case .fpsr: fpsr = UInt32(truncatingIfNeeded: newValue.lowBits)
            case .fpcr: fpcr = UInt32(truncatingIfNeeded: newValue.lowBits)
            case .vectorLengths: Self.set(newValue, in: &vectorLengths, at: 0, size)
            case .system(let slot): system[slot] = newValue
            case .zero: break
            }
        }
    }

    private static func value(in bytes: [UInt8], at start: Int, _ size: Int) -> RegisterValue {
        RegisterValue(littleEndian: bytes[start..<start + size]) ?? RegisterValue(0)
    }

    private static func set(
        _ value: RegisterValue, in bytes: inout [UInt8], at start: Int, _ size: Int
    ) {
        let new = value.littleEndianBytes.prefix(size)
        bytes.replaceSubrange(start..<start + new.count, with: new)
    }
}
