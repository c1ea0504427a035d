internal import Registers

/// The places of a list's registers, phase by phase in the order of a restore.
///
/// Worked out once for all vCPUs that have the same registers.
struct RestoreOrder {
    let ids: [RegisterID]
    private let places: [[Int32]]

    init(_ ids: [RegisterID]) {
        self.ids = ids
        var places = [[Int32]](repeating: [], count: RestorePhase.allCases.count)
        for (place, id) in ids.enumerated() {
            places[RestorePhase(of: id).rawValue].append(Int32(place))
        }
        self.places = places
    }

    subscript(phase: RestorePhase) -> some Sequence<Int> {
        places[phase.rawValue].lazy.map { Int($0) }
    }

    /// The registers in the order in which they are written.
    var inOrder: some Sequence<RegisterID> { all.lazy.map { ids[$0] } }

    /// The places of all registers, in the order in which they are written.
    var all: some Sequence<Int> { places.lazy.joined().map { Int($0) } }
}
