internal import LinuxSystem
public import Registers

/// A vCPU as its AArch32 guest sees it: a bank that also has the coprocessor registers (p14, p15), which
/// KVM keeps in AArch64 registers.
///
/// Their ids are those of KVM on 32-bit hosts and of QEMU's lists; both banks of an id (bit 29) are the
/// same register, because KVM's guests are Non-secure. Everything else is the underlying bank's.
public final class AArch32Bank: RegisterBank {
    private let base: any RegisterBank

    /// Adds the coprocessor registers to a bank, which stays the place where everything is held.
    public init(_ base: any RegisterBank) {
        self.base = base
    }

    /// The bits of an AArch64 register that hold a coprocessor register.
    public struct Holder: Hashable, Sendable {
        /// The AArch64 register, such as SCTLR_EL1 for SCTLR.
        public var id: RegisterID
        /// The lowest of the bits.
        public var lsb: Int
        /// How many bytes there are.
        public var size: Int

        /// The coprocessor register's bits of the AArch64 register's value.
        package func extract(from value: RegisterValue) -> RegisterValue {
            RegisterValue(value.lowBits >> UInt64(lsb), size: size)
        }
    }

    /// Where a coprocessor register's state is; nil for other registers, and for one that no AArch64
    /// register holds.
    public static func holder(of id: RegisterID) -> Holder? {
        guard case .coprocessor = id.group, let size = id.size,
            let entry = RegisterDictionary.entry(for: id.inBank(nonSecure: false)),
            let mapping = entry.mapping
        else { return nil }
        return Holder(id: mapping, lsb: entry.mappingLSB, size: size)
    }

    /// The coprocessor registers that a guest with AArch32 at EL1 has in one of EL1's system registers, where their fields
    /// are not the ones of AArch64; empty for other registers.
    package static func views(in id: RegisterID) -> [RegisterID] { views[id] ?? [] }

    private static let views: [RegisterID: [RegisterID]] = Dictionary(
        grouping: RegisterDictionary.all.map(\.id).filter { view in
            guard let holder = holder(of: view)?.id, case .system(let encoding) = holder.group
            else { return false }
            return encoding.op1 == 0 && RegisterCategory(of: holder) == .system
        }
    ) { view in holder(of: view)?.id ?? view }

    /// The underlying bank's registers, and every coprocessor register that one of them holds, with bit
    /// 29 clear.
    /// - Throws: what listing the underlying bank throws.
    public func list() throws(RegisterBankError) -> [RegisterID] {
        let listed = try base.list()
        let present = Set(listed)
        let views = RegisterDictionary.all.map(\.id).filter { id in
            Self.holder(of: id).map { present.contains($0.id) } ?? false
        }
        return (views.filter { !present.contains($0) } + listed).sorted()
    }

    /// The value of one register; of a coprocessor register, its bits of the AArch64 register that holds it.
    /// - Throws: what reading the underlying bank throws, which may name the AArch64 register.
    public func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        guard let holder = viewed(id) else { return try base.read(id) }
        return holder.extract(from: try base.read(holder.id))
    }

    /// Writes one register; of the AArch64 register that holds a coprocessor register, the other bits stay.
    /// - Throws: errno `EINVAL` for a value of another size, and what the underlying bank throws, which may name the
    ///   AArch64 register.
    public func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        guard let holder = viewed(id) else { return try base.write(value, to: id) }
        try value.checkSize(for: id)
        let old = try base.read(holder.id)
        let mask = RegisterValue(.max, size: holder.size).lowBits << UInt64(holder.lsb)
        let bits = old.lowBits & ~mask | value.lowBits << UInt64(holder.lsb)
        try base.write(RegisterValue(bits, size: old.size), to: holder.id)
    }

    /// The holder of a coprocessor register that the underlying bank does not have itself.
    private func viewed(_ id: RegisterID) -> Holder? {
        guard let holder = Self.holder(of: id), (try? base.read(id)) == nil else { return nil }
        return holder
    }
}
