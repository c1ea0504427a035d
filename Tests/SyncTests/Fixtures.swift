import Registers
import VCPUModel

/// A bank that notes in which order it is accessed.
final class RecordingBank: RegisterBank {
    private let base: any RegisterBank
    private(set) var reads: [RegisterID] = []
    private(set) var writes: [RegisterID] = []

    init(_ base: any RegisterBank) {
        self.base = base
    }

    func list() throws(RegisterBankError) -> [RegisterID] { try base.list() }

    func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        reads.append(id)
        return try base.read(id)
    }

    func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        writes.append(id)
        try base.write(value, to: id)
    }

    func forget() {
        reads = []
        writes = []
    }
}
