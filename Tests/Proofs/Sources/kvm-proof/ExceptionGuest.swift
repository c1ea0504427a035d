import GuestPrograms
import VCPUSnap

/// The guest that counts until an exception comes, and writes down what it brought.
enum ExceptionGuest: String, CaseIterable {
    case el1h, el1t, el0, aarch32

    /// What the guest's handler wrote down.
    struct Record: Hashable {
        var vector: UInt64
        var syndrome: UInt64
        var faultAddress: UInt64
        var link: UInt64
        var savedState: UInt64
        var state: UInt64

        var text: String {
            let parts: [(String, UInt64)] = [
                ("vector", vector), ("esr", syndrome), ("far", faultAddress), ("elr", link),
                ("spsr", savedState), ("pstate", state),
            ]
            return parts.map { "\($0) \(RegisterValue($1))" }.joined(separator: " ")
        }
    }

    /// A machine with the guest before its first instruction.
    func machine(on system: borrowing KVMSystem) throws -> GuestMachine {
        let machine = try GuestMachine(on: system)
        var request = GuestProgram.initialization(of: machine.abilities)
        guard self == .aarch32 else {
            try machine.bank.initialize(with: request)
            try machine.start(guest_exceptions, argument: argument, pstate: 0x3c5)
            return machine
        }
        guard machine.abilities.features.contains(.el1In32Bit) else {
            throw ProofError("this CPU has no AArch32 at EL1")
        }
        request.features = [.el1In32Bit, .psci02]
        try machine.bank.initialize(with: request)
        // Supervisor mode, all exceptions masked.
        try machine.start(guest_exceptions_aarch32, argument: 0, pstate: 0x1d3)
        return machine
    }

    private var argument: UInt64 {
        switch self {
        case .el1h, .aarch32: UInt64(GUEST_COUNT_AT_EL1H)
        case .el1t: UInt64(GUEST_COUNT_AT_EL1T)
        case .el0: UInt64(GUEST_COUNT_AT_EL0)
        }
    }
}

extension GuestMachine {
    /// How far the guest has counted.
    var count: UInt64 { word(at: 0) }

    /// What the guest's handler wrote down.
    var record: ExceptionGuest.Record {
        let words = (0..<Int(GUEST_RECORD_COUNT)).map { number in
            word(at: Int(GUEST_RECORD_OFFSET) + number * 8)
        }
        return ExceptionGuest.Record(
            vector: words[0], syndrome: words[1], faultAddress: words[2], link: words[3],
            savedState: words[4], state: words[5])
    }

    /// 8 bytes of the data area.
    func word(at offset: Int) -> UInt64 {
        memory.loadUnaligned(
            fromByteOffset: Int(GUEST_DATA_OFFSET) + offset, as: UInt64.self
        ).littleEndian
    }

    /// Runs the guest until it has counted on from where it is, and stops it there.
    func runUntilItCounts() throws {
        let start = count
        for _ in 0..<1000 {
            let stop = try run(atMost: 5_000)
            guard stop == .interrupted else {
                throw ProofError("the guest stopped by itself: \(stop), \(record.text)")
            }
            if count > start { return }
        }
        throw ProofError("the guest does not count: \(count)")
    }

    /// Runs the guest until its handler says that an exception came.
    /// - Returns: false when none came.
    func runUntilException() throws -> Bool {
        switch try run(atMost: 2_000_000) {
        case .finished: return true
        case .interrupted: return false
        case let stop: throw ProofError("the guest is lost: \(stop)")
        }
    }
}
