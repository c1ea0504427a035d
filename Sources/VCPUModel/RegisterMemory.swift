internal import LinuxSystem
public import Registers

/// Memory for the values of some registers, each at a place of its own: it is taken once and filled as often as
/// needed.
public final class RegisterMemory {
    /// The registers, ascending, each with a size.
    public let ids: [RegisterID]
    private let offsets: [Int]
    private let bytes: UnsafeMutableRawBufferPointer

    /// Takes memory for registers in ascending order, all zero at first.
    /// - Throws: `EINVAL` for an id that says no size, or one that is not above the one before it.
    public init(for ids: [RegisterID]) throws(RegisterBankError) {
        var (offsets, end) = ([Int](), 0)
        for (place, id) in ids.enumerated() {
            guard let size = id.size, place == 0 || ids[place - 1] < id else {
                throw RegisterBankError(
                    .list, id, .invalidArgument,
                    explanation: "ids ascend, and each says the size of its register")
            }
            offsets.append(end)
            end += (size + Self.alignment - 1) / Self.alignment * Self.alignment
        }
        self.ids = ids
        self.offsets = offsets
        bytes = .allocate(byteCount: end, alignment: Self.alignment)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { bytes.deallocate() }

    /// Every value begins at a multiple of this, so that C code can take it for a number.
    private static let alignment = 16

    /// The bytes of the register at a place among `ids`, little-endian; they live as long as this object.
    public func value(at place: Int) -> UnsafeMutableRawBufferPointer {
        let start = offsets[place]
        return UnsafeMutableRawBufferPointer(
            rebasing: bytes[start..<start + (ids[place].size ?? 0)])
    }

    /// The registers with what they hold here.
    public var registers: RegisterList {
        let values = ids.indices.compactMap { RegisterValue(littleEndian: value(at: $0)) }
        return RegisterList(ids: ids, values: values) ?? RegisterList()
    }
}

/// Registers of a bank that can be read again and again, into memory that is there already.
public protocol BulkRead: AnyObject {
    /// Reads all of them.
    /// - Throws: where one cannot be read; those before it were.
    func perform() throws(RegisterBankError)
}

extension RegisterBank {
    /// By default the registers are read one by one, which may take memory.
    /// - Throws: never by itself.
    public func bulkRead(into memory: RegisterMemory) throws(RegisterBankError) -> any BulkRead {
        SingleReads(self, memory)
    }
}

/// Reads by a bank's `read`.
private final class SingleReads: BulkRead {
    private let bank: any RegisterBank
    private let memory: RegisterMemory

    init(_ bank: any RegisterBank, _ memory: RegisterMemory) {
        self.bank = bank
        self.memory = memory
    }

    func perform() throws(RegisterBankError) {
        for (place, id) in memory.ids.enumerated() {
            let value = try bank.read(id)
            try value.checkSize(for: id, .read)
            memory.value(at: place).copyBytes(from: value.littleEndianBytes)
        }
    }
}
