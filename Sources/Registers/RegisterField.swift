internal import CFormatData

/// A field in the layout of a register, at most 64 bits wide.
public struct RegisterField: Hashable, Sendable {
    let index: UInt16
    /// What is added to the name of a field that is named by its INTID.
    private let firstINTID: UInt16

    private var row: cformat_field { Tables.fields[Int(index)] }

    init(index: UInt16, firstINTID: UInt16 = 0) {
        self.index = index
        self.firstINTID = firstINTID
    }

    static func run(
        _ start: UInt16, _ count: UInt16, firstINTID: UInt16 = 0
    ) -> [RegisterField] {
        (start..<start + count).map { RegisterField(index: $0, firstINTID: firstINTID) }
    }

    /// What the bits of a field mean.
    ///
    /// The raw value is the word used in Formats/registers.
    public enum Kind: String, CaseIterable, Hashable, Sendable {
        /// A feature level: a larger unsigned value offers more.
        case unsignedEnum
        /// A feature level in two's complement.
        case signedEnum
        /// Named values without an order.
        case `enum`
        /// Plain bits.
        case field
        /// Reserved, zero.
        case res0
        /// Reserved, one.
        case res1
        /// Reads as zero.
        case raz
        /// An unknown value.
        case unkn
    }

    /// The field's name in the Arm ARM or the kernel: `CSV3`; that of a reserved field is its kind, such as `RES0`.
    public var name: String { interrupt.map { "\($0)" } ?? Tables.string(row.name) }

    /// The INTID that the field is about; nil where it is about none, or about more.
    public var interrupt: UInt16? {
        UInt16(Tables.string(row.name)).map { firstINTID + $0 }
    }

    /// The most significant bit, counted from bit 0 of the register.
    public var msb: Int { Int(row.msb) }

    /// The least significant bit.
    public var lsb: Int { Int(row.lsb) }

    /// The number of bits, 1 to 64.
    public var width: Int { msb - lsb + 1 }

    // The table's number is the position of the case (FIELD_KINDS of the generator).
    /// What the field's bits mean.
    public var kind: Kind { Kind.allCases[Int(row.kind)] }

    /// Whether the bits mean nothing: RES0, RES1, RAZ or UNKNOWN.
    public var isReserved: Bool {
        switch kind {
        case .res0, .res1, .raz, .unkn: true
        case .unsignedEnum, .signedEnum, .enum, .field: false
        }
    }

    /// The values that have a name, ascending.
    public var namedValues: [(value: UInt64, name: String)] {
        valueRows.map { (UInt64($0.value), Tables.string($0.name)) }
    }

    /// The name of a value of this field; nil when it has none.
    public func valueName(_ value: UInt64) -> String? {
        valueRows.first { UInt64($0.value) == value }.map { Tables.string($0.name) }
    }

    private var valueRows: Slice<Table<cformat_field_value>> {
        Tables.values[Tables.run(row.values, row.value_count)]
    }
}

extension RegisterField {
    /// The field's bits of the low 64 bits of a register, shifted down to bit 0; bits from 64 on
    /// count as zero.
    public func extract(from bits: UInt64) -> UInt64 {
        bits >> UInt64(lsb) & Self.ones(width)
    }

    /// The field's bits of a register of any width, shifted down to bit 0; bytes that are missing
    /// count as zero.
    public func extract(fromLittleEndian bytes: some Collection<UInt8>) -> UInt64 {
        var value: UInt64 = 0
        for (offset, byte) in bytes.dropFirst(lsb / 8).prefix(9).enumerated() {
            // A shift to the left past bit 63 gives 0, a negative one goes to the right.
            value |= UInt64(byte) << (offset * 8 - lsb % 8)
        }
        return value & Self.ones(width)
    }

    /// Whether any of these bits of the low 64 bits belongs to the field.
    public func touches(_ bits: UInt64) -> Bool {
        extract(from: bits) != 0
    }

    /// The field's bits of the low 64 bits of a register.
    package var mask: UInt64 { Self.ones(width) << UInt64(lsb) }

    /// A value of the field in its place; bits above the field's width are dropped.
    package func placing(_ value: UInt64) -> UInt64 { value << UInt64(lsb) & mask }

    /// The lowest `count` bits set, for 1 to 64.
    static func ones(_ count: Int) -> UInt64 {
        UInt64.max >> UInt64(64 - count)
    }
}
