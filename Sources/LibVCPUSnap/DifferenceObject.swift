public import CVCPUSnap
internal import Registers
internal import VCPUModel

/// A `vcpusnap_difference`.
final class DifferenceObject {
    private let value: SnapshotDifference
    private let registers: [(unit: UnitID, difference: RegisterDifference)]
    private var count = 0
    /// What the caller was given last.
    private var (name, left, right): (CText?, CBytes?, CBytes?)

    init(_ value: SnapshotDifference) {
        self.value = value
        registers = value.units.flatMap { unit in
            (unit.registers + unit.volatile).sorted { $0.id < $1.id }.map { (unit.unit, $0) }
        }
    }

    var isSame: Bool { value.isSame }

    /// The next register; nil after the last, and the next call begins anew.
    func next() -> vcpusnap_register_difference? {
        guard count < registers.count else {
            count = 0
            return nil
        }
        let (unit, difference) = registers[count]
        count += 1
        let name = CText(difference.id.name)
        self.name = name
        left = difference.left.map { CBytes($0.littleEndianBytes) }
        right = difference.right.map { CBytes($0.littleEndianBytes) }
        return vcpusnap_register_difference(
            unit: unit.number, id: difference.id.rawValue, name: name.start, left: left?.start,
            right: right?.start, value_size: difference.id.size ?? 0,
            is_volatile: difference.isVolatile ? 1 : 0)
    }
}

// MARK: - Functions

/// Compares two snapshots.
@_cdecl("vcpusnap_compare")
public func compare(
    _ left: OpaquePointer?, _ right: OpaquePointer?, _ difference: ObjectPlace?,
    _ error: ErrorPlace?
) -> vcpusnap_status {
    making(difference, error) { () throws(Failure) in
        let left = try object(left, SnapshotObject.self).value
        let right = try object(right, SnapshotObject.self).value
        return DifferenceObject(SnapshotDifference(left, right))
    }
}

/// Whether they are the same.
@_cdecl("vcpusnap_difference_is_same")
public func isSame(_ difference: OpaquePointer?) -> Int32 {
    optional(difference, DifferenceObject.self)?.isSame == true ? 1 : 0
}

/// Gives the next register that differs.
@_cdecl("vcpusnap_difference_next")
public func nextDifference(
    _ difference: OpaquePointer?, _ entry: UnsafeMutablePointer<vcpusnap_register_difference>?
) -> Int32 {
    giving(entry) { optional(difference, DifferenceObject.self)?.next() }
}

/// Takes a difference back.
@_cdecl("vcpusnap_difference_destroy")
public func destroyDifference(_ difference: OpaquePointer?) {
    destroy(difference, DifferenceObject.self)
}
