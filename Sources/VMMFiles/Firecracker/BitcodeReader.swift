internal import LinuxSystem

/// Reads state that bitcode wrote (Formats/firecracker-vmstate.md, section 5): each place of the shape has its values in a
/// column, and the columns stand in the order in which the places are first come to.
struct BitcodeReader: StateReader {
    private(set) var columns: ColumnReader

    var cursor: ByteCursor { columns.cursor }

    init(_ cursor: ByteCursor) { columns = ColumnReader(cursor) }

    mutating func read(_ shape: StateShape) throws(VMMFileError) -> StateValue {
        try values(of: shape, count: 1)[0]
    }

    /// Reads `count` values that passed the same places.
    mutating func values(
        of shape: StateShape, count: Int
    ) throws(VMMFileError) -> [StateValue] {
        let place = Place(shape, count: count)
        var result: [StateValue] = []
        for _ in 0..<count { result.append(try value(at: place, depth: 0)) }
        return result
    }

    /// A place of the shape, and what is left of its values.
    private final class Place {
        let shape: StateShape
        /// How many values pass here.
        let count: Int
        /// Nil where nothing came here yet.
        var column: ColumnReader.Column?
        /// The values of the column that were given out.
        var taken = 0
        /// The places below: of a record one for each field, else one.
        var places: [Place] = []

        init(_ shape: StateShape, count: Int) {
            self.shape = shape
            self.count = count
        }

        /// The next `count` values of the column.
        /// - Precondition: there are so many: the places above have made sure of it.
        func next(_ count: Int) -> StateValue.Numbers {
            guard let column else { return StateValue.Numbers(values: [], width: 1, start: nil) }
            let range = taken..<taken + count
            taken = range.upperBound
            return StateValue.Numbers(
                values: Array(column.values[range]), width: column.width,
                start: column.start.map { $0 + range.lowerBound * column.width })
        }
    }

    private mutating func value(at place: Place, depth: Int) throws(VMMFileError) -> StateValue {
        try columns.budget.spend(pieces: 1, cursor)
        switch place.shape {
        case .number, .bool, .choice:
            let number = try numbers(1, at: place).values[0]
            if case .choice(let names) = place.shape, number >= names {
                throw cursor.damaged("numbers below \(names) before this byte", "\(number)")
            }
            return .number(number)
        case .text:
            let length = try length(at: place)
            return .text(String(decoding: try bytes(length, of: place), as: UTF8.self))
        case .list(let element): return try list(of: element, at: place, depth: depth)
        case .array(let count, let element):
            return .list(
                try values(of: Array(repeating: element, count: count), at: place, depth: depth))
        case .optional(let wrapped):
            let isThere = try numbers(1, at: place).values[0]
            guard isThere < 2 else {
                throw cursor.damaged("0 and 1 before this byte", "\(isThere)")
            }
            guard isThere == 1 else { return .optional(nil) }
            let below = below(place, wrapped) { $0.values.count { $0 == 1 } }
            return .optional(try value(at: below, depth: depth))
        case .record(let fields): return .record(try record(fields, at: place, depth: depth))
        case .rangeNode:
            try StateBudget.check(depth, cursor)
            return .record(try record(StateShape.nodeFields, at: place, depth: depth + 1))
        }
    }

    private mutating func record(
        _ fields: [StateShape.Field], at place: Place, depth: Int
    ) throws(VMMFileError) -> [(name: String, value: StateValue)] {
        if place.places.isEmpty {
            place.places = fields.map { Place($0.shape, count: place.count) }
        }
        var result: [(name: String, value: StateValue)] = []
        for (field, below) in zip(fields, place.places) {
            columns.cursor.part = field.name
            result.append((field.name, try value(at: below, depth: depth)))
        }
        return result
    }

    private mutating func values(
        of shapes: [StateShape], at place: Place, depth: Int
    ) throws(VMMFileError) -> [StateValue] {
        if place.places.isEmpty {
            place.places = shapes.map { Place($0, count: place.count) }
        }
        var result: [StateValue] = []
        for below in place.places { result.append(try value(at: below, depth: depth)) }
        return result
    }

    private mutating func list(
        of element: StateShape, at place: Place, depth: Int
    ) throws(VMMFileError) -> StateValue {
        let length = try length(at: place)
        let below = below(place, element) { $0.sum }
        if let width = element.width {
            return .numbers(
                length == 0
                    ? StateValue.Numbers(values: [], width: width, start: nil)
                    : try numbers(length, at: below))
        }
        var elements: [StateValue] = []
        for _ in 0..<length { elements.append(try value(at: below, depth: depth)) }
        return .list(elements)
    }

    /// The place below one that has one, with as many values as the column above says.
    private func below(
        _ place: Place, _ shape: StateShape, _ count: (ColumnReader.Column) -> Int
    ) -> Place {
        if let below = place.places.first { return below }
        let below = Place(shape, count: place.column.map(count) ?? 0)
        place.places = [below]
        return below
    }

    // MARK: Columns

    /// The next values of a place, whose column is read where this is the first time.
    private mutating func numbers(
        _ count: Int, at place: Place
    ) throws(VMMFileError) -> StateValue.Numbers {
        if place.column == nil {
            place.column =
                switch place.shape {
                case .number(let width): try columns.numbers(place.count, of: width)
                case .bool: try columns.bits(place.count)
                case .list, .text: try columns.lengths(place.count)
                default: try columns.bytes(place.count)
                }
        }
        return place.next(count)
    }

    private mutating func length(at place: Place) throws(VMMFileError) -> Int {
        Int(truncatingIfNeeded: try numbers(1, at: place).values[0])
    }

    /// The next bytes of texts, which stand behind their lengths.
    private mutating func bytes(
        _ length: Int, of place: Place
    ) throws(VMMFileError) -> ArraySlice<UInt8> {
        let all: Place
        if let below = place.places.first {
            all = below
        } else {
            let sum = place.column?.sum ?? 0
            all = below(place, .number(1)) { _ in sum }
            all.column = ColumnReader.Column(
                values: [], width: 1, start: try columns.cursor.take(sum).lowerBound)
        }
        let start = (all.column?.start ?? 0) + all.taken
        all.taken += length
        return cursor.bytes[start..<start + length]
    }
}
