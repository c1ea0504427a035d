public import Registers

/// What differs between two snapshots.
public struct SnapshotDifference: Hashable, Sendable {
    /// Provenance entries that differ, with nil for a side that has none.
    public var provenance: [ProvenanceDifference]
    /// One for each unit that either side has and that differs.
    public var units: [UnitDifference]

    /// Compares two snapshots, unit by unit.
    public init(_ left: Snapshot, _ right: Snapshot) {
        provenance = ProvenanceDifference.between(left.provenance, right.provenance)
        let sides = [left, right].map { side in
            Dictionary(side.units.map { ($0.unit, $0.registers) }) { first, _ in first }
        }
        units = Set(sides.flatMap(\.keys)).sorted().compactMap { unit in
            let difference = UnitDifference(unit, sides[0][unit], sides[1][unit])
            return difference.isEmpty ? nil : difference
        }
    }

    /// Whether the guests would see the same: provenance and volatile registers do not count.
    public var isSame: Bool { units.allSatisfy { $0.registers.isEmpty && $0.presence == nil } }

    /// Whether nothing differs at all, volatile registers included; provenance does not count.
    public var isExactlySame: Bool { units.isEmpty }
}

/// A provenance entry that differs.
public struct ProvenanceDifference: Hashable, Sendable {
    /// The entry's key.
    public var key: Provenance.Key
    /// The left snapshot's value; nil where it has no such entry.
    public var left: String?
    /// The right snapshot's value; nil where it has no such entry.
    public var right: String?

    static func between(_ left: Provenance, _ right: Provenance) -> [ProvenanceDifference] {
        let added = right.entries.map(\.key).filter { left[$0] == nil }
        return (left.entries.map(\.key) + added).compactMap { key in
            // As bytes: texts that Unicode calls equivalent are not the same in the file.
            guard left[key].map({ Array($0.utf8) }) != right[key].map({ Array($0.utf8) })
            else { return nil }
            return ProvenanceDifference(key: key, left: left[key], right: right[key])
        }
    }
}

/// What differs between two states of one unit.
public struct UnitDifference: Hashable, Sendable {
    /// One of the two snapshots that are compared.
    public enum Side: Hashable, Sendable {
        /// The one that is named first.
        case left
        /// The other.
        case right
    }

    /// Which unit.
    public var unit: UnitID
    /// The only side that has the vCPU, or any state of the VM itself; nil where both do.
    public var presence: Side?
    /// Registers that differ in more than volatile bits, or that one side lacks.
    public var registers: [RegisterDifference]
    /// Registers that differ only in bits that move by themselves.
    public var volatile: [RegisterDifference]

    var isEmpty: Bool { presence == nil && registers.isEmpty && volatile.isEmpty }

    init(_ unit: UnitID, _ left: RegisterList?, _ right: RegisterList?) {
        self.unit = unit
        presence = left == nil ? .right : right == nil ? .left : nil
        // Without state of its own a VM is there all the same, and has none of the registers.
        let isCompared = presence == nil || unit == .vm
        let all = isCompared ? Self.differences(left ?? .init(), right ?? .init()) : []
        registers = all.filter { !$0.isVolatile }
        volatile = all.filter(\.isVolatile)
    }

    private static func differences(
        _ left: RegisterList, _ right: RegisterList
    ) -> [RegisterDifference] {
        guard left != right else { return [] }
        let ids = left.ids == right.ids ? left.ids : Set(left.ids).union(right.ids).sorted()
        let isAArch32 = left.hasAArch32AtEL1 || right.hasAArch32AtEL1
        return ids.compactMap { id in
            let (before, after) = (left[id], right[id])
            guard before != after else { return nil }
            return RegisterDifference(id, before, after, isAArch32: isAArch32)
        }
    }
}

/// One register that differs.
public struct RegisterDifference: Hashable, Sendable {
    /// The register that differs.
    public var id: RegisterID
    /// The left side's value; nil where that side has no such register.
    public var left: RegisterValue?
    /// The right side's value; nil where that side has no such register.
    public var right: RegisterValue?
    /// Whether a guest with AArch32 at EL1 has registers of its own in it, whose fields are others.
    private var hasOtherFields: Bool

    /// - Parameter isAArch32: whether the guest on either side has AArch32 at EL1.
    package init(
        _ id: RegisterID, _ left: RegisterValue?, _ right: RegisterValue?, isAArch32: Bool
    ) {
        self.id = id
        self.left = left
        self.right = right
        hasOtherFields = isAArch32 && !AArch32Bank.views(in: id).isEmpty
    }

    /// What the register is for, to group reports by.
    public var category: RegisterCategory { RegisterCategory(of: id) }

    /// Whether only bits differ that move by themselves.
    public var isVolatile: Bool {
        guard let left, let right else { return false }
        return left.differingBits(from: right, of: id)?.isZero == true
    }

    /// The fields that differ, most significant first; empty when the dictionary has no layout for
    /// the register, the two values have different ones, the fields are not the guest's, or one side lacks it.
    public var fields: [FieldDifference] {
        guard let left, let right, !hasOtherFields, let entry = RegisterDictionary.entry(for: id)
        else { return [] }
        let layout = entry.fields(of: left.lowBits)
        guard layout == entry.fields(of: right.lowBits) else { return [] }
        return layout.compactMap { field in
            let values = (field.extract(from: left), field.extract(from: right))
            guard values.0 != values.1 else { return nil }
            return FieldDifference(field: field, left: values.0, right: values.1)
        }
    }
}

/// One field of a register that differs.
public struct FieldDifference: Hashable, Sendable {
    /// The field in the register's layout.
    public var field: RegisterField
    /// The left side's bits of the field, shifted down to bit 0.
    public var left: UInt64
    /// The right side's bits of the field, shifted down to bit 0.
    public var right: UInt64
}
