/// What a piece of Firecracker's state consists of, whichever codec it is written in.
///
/// Not all of it is indirect, so that no pointer has marks in it, which would hide constants from checkers of leaks.
enum StateShape: Sendable {
    /// An unsigned number of so many bytes.
    case number(Int)
    case bool
    case text
    /// As many as the file says; of `.number(1)` it is what Firecracker calls bytes, too.
    indirect case list(StateShape)
    /// As many as the shape says.
    indirect case array(Int, StateShape)
    indirect case optional(StateShape)
    /// One of so many names.
    case choice(Int)
    case record([Field])
    /// A node of a tree of address ranges, with trees of lower and higher ones.
    case rangeNode

    struct Field: Sendable {
        let name: String
        let shape: StateShape

        init(_ name: String, _ shape: StateShape) {
            self.name = name
            self.shape = shape
        }
    }

    static let bytes = StateShape.list(.number(1))

    /// What a node of a tree of address ranges has.
    static let nodeFields = [
        Field("start", .number(8)), Field("end", .number(8)), Field("state", .choice(2)),
        Field("left", .optional(.rangeNode)), Field("right", .optional(.rangeNode)),
        Field("height", .number(8)),
    ]

    /// The width of what is a number; nil for everything else.
    var width: Int? {
        if case .number(let width) = self { width } else { nil }
    }
}

/// A piece of state that was read.
indirect enum StateValue {
    case number(UInt64)
    case numbers(Numbers)
    case text(String)
    case list([StateValue])
    case optional(StateValue?)
    /// In the order of the shape's fields.
    case record([(name: String, value: StateValue)])

    /// Numbers that follow one another.
    struct Numbers {
        var values: [UInt64]
        /// The width of each.
        let width: Int
        /// Where the first byte of the first one is; nil where they do not stand in the file as they are.
        let start: Int?
    }

    subscript(name: String) -> StateValue? {
        guard case .record(let fields) = self else { return nil }
        return fields.first { $0.name == name }?.value
    }

    var number: UInt64? {
        if case .number(let number) = self { number } else { nil }
    }

    var numbers: Numbers? {
        if case .numbers(let numbers) = self { numbers } else { nil }
    }

    var text: String? {
        if case .text(let text) = self { text } else { nil }
    }

    /// Nil for none, and for what is none by its shape.
    var some: StateValue? {
        if case .optional(let value) = self { value } else { nil }
    }

    var elements: [StateValue] {
        if case .list(let elements) = self { elements } else { [] }
    }
}

/// What keeps a file from taking more memory or a deeper stack than any VM's state needs.
struct StateBudget {
    /// A tree of address ranges is balanced: this is the height of one with 10^9 nodes and more.
    static let depth = 48

    /// Pieces of state that are no numbers, of which 512 vCPUs have fewer.
    private var pieces = 1 << 18
    /// Numbers.
    private var numbers = 1 << 24

    mutating func spend(pieces count: Int, _ cursor: ByteCursor) throws(VMMFileError) {
        pieces -= count
        guard pieces >= 0 else { throw cursor.damaged("the state of a VM", "far too many parts") }
    }

    mutating func spend(numbers count: Int, _ cursor: ByteCursor) throws(VMMFileError) {
        guard count <= numbers else {
            throw cursor.damaged("the state of a VM", "far too many numbers")
        }
        numbers -= count
    }

    static func check(_ depth: Int, _ cursor: ByteCursor) throws(VMMFileError) {
        guard depth <= Self.depth else {
            throw cursor.damaged("a tree of at most \(Self.depth) levels", "more")
        }
    }
}
