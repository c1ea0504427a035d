internal import LinuxSystem

/// Reads state that bincode wrote with numbers of fixed width (Formats/firecracker-vmstate.md, section 4).
struct BincodeReader: StateReader {
    var cursor: ByteCursor
    private var budget = StateBudget()

    init(_ cursor: ByteCursor) { self.cursor = cursor }

    mutating func read(_ shape: StateShape) throws(VMMFileError) -> StateValue {
        try value(shape, depth: 0)
    }

    private mutating func value(
        _ shape: StateShape, depth: Int
    ) throws(VMMFileError) -> StateValue {
        try budget.spend(pieces: 1, cursor)
        switch shape {
        case .number(let width): return .number(try cursor.number(width))
        case .bool: return .number(try tag())
        case .text:
            let range = try cursor.take(try count(of: 1))
            return .text(String(decoding: cursor.bytes[range], as: UTF8.self))
        case .list(let element): return try list(of: element, depth: depth)
        case .array(let count, let element):
            var elements: [StateValue] = []
            for _ in 0..<count { elements.append(try value(element, depth: depth)) }
            return .list(elements)
        case .optional(let wrapped):
            return .optional(try tag() == 0 ? nil : try value(wrapped, depth: depth))
        case .choice(let names):
            let number = try cursor.number(4)
            guard number < names else {
                throw cursor.damaged("a number below \(names) before this byte", "\(number)")
            }
            return .number(number)
        case .record(let fields): return .record(try values(of: fields, depth: depth))
        case .rangeNode:
            try StateBudget.check(depth, cursor)
            return .record(try values(of: StateShape.nodeFields, depth: depth + 1))
        }
    }

    private mutating func values(
        of fields: [StateShape.Field], depth: Int
    ) throws(VMMFileError) -> [(name: String, value: StateValue)] {
        var result: [(name: String, value: StateValue)] = []
        for field in fields {
            cursor.part = field.name
            result.append((field.name, try value(field.shape, depth: depth)))
        }
        return result
    }

    private mutating func list(
        of element: StateShape, depth: Int
    ) throws(VMMFileError) -> StateValue {
        guard let width = element.width else {
            var elements: [StateValue] = []
            for _ in 0..<(try count(of: 1)) { elements.append(try value(element, depth: depth)) }
            return .list(elements)
        }
        let count = try count(of: width)
        try budget.spend(numbers: count, cursor)
        let range = try cursor.take(count * width)
        let values = stride(from: range.lowerBound, to: range.upperBound, by: width).map {
            cursor.bytes.littleEndian(in: $0..<$0 + width)
        }
        return .numbers(.init(values: values, width: width, start: range.lowerBound))
    }

    /// How many elements follow, of at least `size` bytes each.
    private mutating func count(of size: Int) throws(VMMFileError) -> Int {
        try cursor.checked(try cursor.number(8), of: size)
    }

    /// 0 or 1.
    private mutating func tag() throws(VMMFileError) -> UInt64 {
        let number = try cursor.number(1)
        guard number < 2 else { throw cursor.damaged("0 or 1 before this byte", "\(number)") }
        return number
    }
}

/// Reads state of a shape from where a cursor is.
protocol StateReader {
    var cursor: ByteCursor { get }

    init(_ cursor: ByteCursor)

    /// Reads one piece of state, as if nothing had been read before.
    mutating func read(_ shape: StateShape) throws(VMMFileError) -> StateValue
}
