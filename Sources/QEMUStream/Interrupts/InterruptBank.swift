internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// What a stream tells of its interrupt controller, of one unit: it can be read, and is kept as it is.
final class InterruptBank: RegisterBank {
    private let registers: RegisterList

    init(_ registers: RegisterList) { self.registers = registers }

    func list() -> [RegisterID] { registers.ids }

    func has(_ id: RegisterID) -> Bool { registers.contains(id) }

    /// - Throws: `ENOENT` for a register that the stream does not tell.
    func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        guard let value = registers[id] else {
            throw RegisterBankError(
                .read, id, .noEntry, explanation: "the stream has no such register")
        }
        return value
    }

    /// - Throws: `EINVAL` for another value than it holds, `ENOENT` for a register that the stream does not tell.
    func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        try value.checkSize(for: id)
        guard try read(id) != value else { return }
        throw RegisterBankError(
            .write, id, .invalidArgument,
            explanation: "the stream's interrupt controller is kept as it is")
    }
}
