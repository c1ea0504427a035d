internal import CVCPUSnap
internal import LinuxSystem
internal import Registers
internal import SnapshotFormat
internal import VCPUModel

/// A unit that answers by functions of the caller's.
final class CallbackBank: RegisterBank {
    private let functions: vcpusnap_bank

    /// - Throws: where a function is missing.
    init(_ functions: vcpusnap_bank) throws(Failure) {
        guard functions.list != nil, functions.read != nil, functions.write != nil else {
            throw .argument("vcpusnap_bank: list, read and write are all needed, and one is NULL")
        }
        self.functions = functions
    }

    func list() throws(RegisterBankError) -> [RegisterID] {
        var ids = [UInt64](repeating: 0, count: SnapshotLimits.vmRegisters)
        var count = 0
        let result = functions.list(functions.context, &ids, ids.count, &count)
        if let errno = Self.errno(result) { throw RegisterBankError(.list, nil, errno) }
        guard 0...ids.count ~= count else {
            throw RegisterBankError(
                .list, nil, .argumentListTooLong,
                explanation: "\(UInt(bitPattern: count)) registers, where \(ids.count) are the most"
            )
        }
        return Set(ids.prefix(count)).sorted().map(RegisterID.init(rawValue:))
    }

    func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        var bytes = [UInt8](repeating: 0, count: RegisterID.maximumSize)
        let size = try Self.size(of: id, .read)
        if let errno = Self.errno(functions.read(functions.context, id.rawValue, &bytes, size)) {
            throw RegisterBankError(.read, id, errno)
        }
        guard let value = RegisterValue(littleEndian: bytes.prefix(size)) else {
            throw RegisterBankError(.read, id, .invalidArgument)
        }
        return value
    }

    func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        try value.checkSize(for: id)
        let bytes = value.littleEndianBytes
        let result = functions.write(functions.context, id.rawValue, bytes, bytes.count)
        if let errno = Self.errno(result) { throw RegisterBankError(.write, id, errno) }
    }

    func bulkRead(into memory: RegisterMemory) -> any BulkRead { Reads(functions, memory) }

    /// Reads straight into the memory.
    private final class Reads: BulkRead {
        private let functions: vcpusnap_bank
        private let memory: RegisterMemory

        init(_ functions: vcpusnap_bank, _ memory: RegisterMemory) {
            self.functions = functions
            self.memory = memory
        }

        func perform() throws(RegisterBankError) {
            for (place, id) in memory.ids.enumerated() {
                let room = memory.value(at: place)
                let result = functions.read(
                    functions.context, id.rawValue, room.baseAddress, room.count)
                if let errno = CallbackBank.errno(result) {
                    throw RegisterBankError(.read, id, errno)
                }
            }
        }
    }

    private static func size(
        of id: RegisterID, _ operation: RegisterBankError.Operation
    ) throws(RegisterBankError) -> Int {
        guard let size = id.size else {
            throw RegisterBankError(
                operation, id, .invalidArgument, explanation: "the id says no size that KVM has")
        }
        return size
    }

    /// What a function returned: an errno, or one as the kernel returns it, negated.
    private static func errno(_ result: Int32) -> Errno? {
        result == 0 ? nil : Errno(rawValue: Int32(clamping: result.magnitude))
    }
}
