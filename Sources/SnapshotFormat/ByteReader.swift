/// A cursor over bytes of a file: little-endian numbers, and errors that say where.
struct ByteReader {
    /// What the bytes are, for errors.
    struct Place {
        var chunk: ChunkKind?
        /// Where the bytes, or the chunk they were decompressed from, start in the file.
        var offset: Int
        var isDecompressed = false
    }

    private let bytes: [UInt8]
    private(set) var position = 0
    let place: Place

    init(_ bytes: [UInt8], _ place: Place) {
        self.bytes = bytes
        self.place = place
    }

    var remaining: Int { bytes.count - position }

    mutating func take(
        _ count: Int, _ what: String
    ) throws(SnapshotFormatError) -> ArraySlice<UInt8> {
        guard count <= remaining else {
            throw malformed("\(what) needs \(count) bytes, \(remaining) are left")
        }
        position += count
        return bytes[position - count..<position]
    }

    mutating func byte(_ what: String) throws(SnapshotFormatError) -> UInt8 {
        try integer(what)
    }

    /// A little-endian number of the width of `Value`.
    mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(
        _ what: String, as type: Value.Type = Value.self
    ) throws(SnapshotFormatError) -> Value {
        let text = try take(Value.bitWidth / 8, what)
        // Shifting a whole UInt8 out gives 0: smart shifts do not trap.
        return text.reversed().reduce(0) { ($0 << 8) | Value($1) }
    }

    /// A number of variable length.
    ///
    /// Seven bits a byte, least significant first, bit 7 set on all but the last byte. Numbers
    /// above 64 bits and superfluous bytes are refused.
    mutating func variableNumber(_ what: String) throws(SnapshotFormatError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            let next = try byte(what)
            let bits = UInt64(next & 0x7f)
            guard (bits << shift) >> shift == bits else { break }
            value |= bits << shift
            guard next < 0x80 else { continue }
            guard next != 0 || shift == 0 else {
                throw malformed("\(what) is written longer than it needs to be")
            }
            return value
        }
        throw malformed("\(what) is above 64 bits")
    }

    /// A number of variable length that is a count of something limited.
    mutating func count(_ what: String, limit: Int) throws(SnapshotFormatError) -> Int {
        let value = try variableNumber(what)
        guard value <= limit else {
            throw error(.limitExceeded, "\(what) is \(value), the limit is \(limit)")
        }
        return Int(value)
    }

    /// Strictly ascending numbers, each written as its distance from the one before, less one.
    mutating func ascendingNumbers(
        _ count: Int, _ what: String
    ) throws(SnapshotFormatError) -> [UInt64] {
        var values: [UInt64] = []
        values.reserveCapacity(min(count, remaining))
        for _ in 0..<count {
            let gap = try variableNumber(what)
            guard let previous = values.last else {
                values.append(gap)
                continue
            }
            let (value, overflow) = previous.addingReportingOverflow(gap)
            guard !overflow, value < .max else { throw malformed("\(what) is above 64 bits") }
            values.append(value + 1)
        }
        return values
    }

    func finish() throws(SnapshotFormatError) {
        guard remaining == 0 else {
            throw malformed("\(remaining) bytes are left over after its content")
        }
    }

    func malformed(_ message: String) -> SnapshotFormatError {
        error(.malformed, message)
    }

    func error(_ code: SnapshotFormatError.Code, _ message: String) -> SnapshotFormatError {
        guard place.isDecompressed else {
            return SnapshotFormatError(
                code, chunk: place.chunk, offset: place.offset + position, message)
        }
        return SnapshotFormatError(
            code, chunk: place.chunk, offset: place.offset,
            "\(message) (at byte \(position) of its decompressed content)")
    }
}
