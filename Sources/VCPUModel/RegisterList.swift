public import Registers

/// Registers with their values, in ascending order of id, each id once.
///
/// This is the (index, value) list of QEMU's `cpreg_indexes` and `cpreg_values`, for registers of
/// every width. Its invariant: every value has exactly the size its id says.
public struct RegisterList: Hashable, Sendable {
    /// The ids, ascending.
    public private(set) var ids: [RegisterID] = []
    /// The value of each id, at the same position as in `ids`.
    public private(set) var values: [RegisterValue] = []

    /// An empty list.
    public init() {}

    /// A list from pairs in any order; nil when an id stands twice or a value's size is not its id's.
    public init?(_ pairs: some Sequence<(RegisterID, RegisterValue)>) {
        let sorted = pairs.sorted { $0.0 < $1.0 }
        self.init(ids: sorted.map(\.0), values: sorted.map(\.1))
    }

    /// A list from ids in ascending order, each with its value; nil when they are not, or when a value's
    /// size is not its id's.
    public init?(ids: [RegisterID], values: [RegisterValue]) {
        guard ids.count == values.count, zip(ids, ids.dropFirst()).allSatisfy({ $0 < $1 }),
            zip(ids, values).allSatisfy({ $0.size == $1.size })
        else { return nil }
        self.ids = ids
        self.values = values
    }

    /// How many registers the list has.
    public var count: Int { ids.count }

    /// The value of a register, by binary search; nil when the list does not have it.
    public subscript(id: RegisterID) -> RegisterValue? {
        position(of: id).map { values[$0] }
    }

    /// Whether the list has a register.
    public func contains(_ id: RegisterID) -> Bool {
        position(of: id) != nil
    }

    /// Replaces or inserts a value; false when its size is not the id's.
    @discardableResult
    public mutating func set(_ value: RegisterValue, for id: RegisterID) -> Bool {
        guard id.size == value.size else { return false }
        let index = insertionPoint(of: id)
        if index < ids.count, ids[index] == id {
            values[index] = value
        } else {
            ids.insert(id, at: index)
            values.insert(value, at: index)
        }
        return true
    }

    /// Those registers for which this holds.
    package func filtered(where isKept: (RegisterID) -> Bool) -> RegisterList {
        var kept = RegisterList()
        for (id, value) in self where isKept(id) {
            kept.ids.append(id)
            kept.values.append(value)
        }
        return kept
    }

    private func position(of id: RegisterID) -> Int? {
        let index = insertionPoint(of: id)
        return index < ids.count && ids[index] == id ? index : nil
    }

    private func insertionPoint(of id: RegisterID) -> Int {
        ids.lowerBound { $0 < id }
    }
}

extension RegisterList: Sequence {
    /// Pairs of id and value, in ascending order of ids.
    public func makeIterator() -> Zip2Sequence<[RegisterID], [RegisterValue]>.Iterator {
        zip(ids, values).makeIterator()
    }
}
