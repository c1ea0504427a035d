internal import LinuxSystem

/// Reads whole columns of bitcode, each of which is written in the narrowest of a few ways.
struct ColumnReader {
    struct Column {
        let values: [UInt64]
        /// The width of each.
        let width: Int
        /// Where the first byte of the first value is; nil where the values do not stand there as they are.
        let start: Int?

        /// Of lengths, which were checked.
        var sum: Int { values.reduce(0) { $0 &+ Int(truncatingIfNeeded: $1) } }
    }

    var cursor: ByteCursor
    var budget = StateBudget()

    init(_ cursor: ByteCursor) { self.cursor = cursor }

    /// Numbers of 1, 2, 4 or 8 bytes.
    mutating func numbers(_ count: Int, of width: Int) throws(VMMFileError) -> Column {
        guard width > 1 else { return try bytes(count) }
        guard count > 0 else { return Column(values: [], width: width, start: nil) }
        let (narrowings, base) = try header(of: width, highest: width.trailingZeroBitCount)
        let stored = width >> narrowings
        let column = stored == 1 ? try bytes(count) : try raw(count, of: stored)
        let mask = UInt64.max >> UInt64(64 - width * 8)
        return Column(
            values: base == 0 ? column.values : column.values.map { ($0 &+ base) & mask },
            width: width, start: stored == width && base == 0 ? column.start : nil)
    }

    /// Numbers of a byte: what there are few of is written as digits.
    mutating func bytes(_ count: Int) throws(VMMFileError) -> Column {
        guard count > 2 else { return try raw(count, of: 1) }
        let (code, base) = try header(of: 1, highest: Self.digits.count - 1)
        let digits = Self.digits[code]
        guard code > 0 else { return try raw(count, of: 1) }
        try budget.spend(numbers: count, cursor)
        let stored = try cursor.take((count - 1) / digits.perByte + 1)
        var values: [UInt64] = []
        values.reserveCapacity(count)
        for byte in cursor.bytes[stored] {
            var rest = UInt64(byte)
            for _ in 0..<min(digits.perByte, count - values.count) {
                values.append((rest % digits.base &+ base) & 0xff)
                rest /= digits.base
            }
        }
        return Column(values: values, width: 1, start: nil)
    }

    mutating func bits(_ count: Int) throws(VMMFileError) -> Column {
        try budget.spend(numbers: count, cursor)
        let range = try cursor.take(count / 8 + (count % 8 == 0 ? 0 : 1))
        let bytes = cursor.bytes[range]
        let values = (0..<count).map {
            UInt64(bytes[range.lowerBound + $0 / 8] >> UInt8($0 % 8) & 1)
        }
        return Column(values: values, width: 1, start: nil)
    }

    /// Lengths, no more in all than anything could have: those from 255 on stand behind the others.
    mutating func lengths(_ count: Int) throws(VMMFileError) -> Column {
        var values = try bytes(count).values
        let long = values.indices.filter { values[$0] == 255 }
        for (index, length) in zip(long, try numbers(long.count, of: 8).values) {
            values[index] = length
        }
        var sum = Checked<Int>(0)
        for value in values { sum = sum + Checked(value) }
        guard let sum = sum.value, sum <= Self.mostPerByte * cursor.bytes.count else {
            throw cursor.damaged("lengths that fit into the file before this byte", "longer ones")
        }
        return Column(values: values, width: 8, start: nil)
    }

    /// A column is at least an eighth as long as it has values.
    private static let mostPerByte = 8

    /// By the code of a header: how many values a digit has, and how many digits a byte holds.
    private static let digits: [(base: UInt64, perByte: Int)] = [
        (256, 1), (16, 2), (6, 3), (4, 4), (3, 5), (2, 8),
    ]

    /// A header is twice its code, or one less where the smallest value follows and has to be added.
    private mutating func header(
        of width: Int, highest: Int
    ) throws(VMMFileError) -> (code: Int, base: UInt64) {
        let header = try cursor.number(1)
        guard header <= UInt64(highest * 2) else {
            throw cursor.damaged(
                "a column's header of at most \(highest * 2) before this byte", "\(header)")
        }
        let code = Int(truncatingIfNeeded: (header + 1) >> 1)
        return (code, header & 1 == 0 ? 0 : try cursor.number(width))
    }

    private mutating func raw(_ count: Int, of width: Int) throws(VMMFileError) -> Column {
        let range = try cursor.take(try cursor.checked(UInt64(count), of: width) * width)
        try budget.spend(numbers: count, cursor)
        let values =
            width == 1
            ? cursor.bytes[range].map { UInt64($0) }
            : stride(from: range.lowerBound, to: range.upperBound, by: width).map {
                cursor.bytes.littleEndian(in: $0..<$0 + width)
            }
        return Column(values: values, width: width, start: range.lowerBound)
    }
}
