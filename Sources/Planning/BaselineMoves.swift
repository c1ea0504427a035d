internal import Registers
internal import Transfer
internal import VCPUModel

/// Guests that are started with a baseline on each host and moved to every other, as often as it takes to know what
/// becomes of each of their registers.
///
/// What a host does to a register follows from the value, and from whether the guest's ID registers show the
/// register: a guest is moved to a host only where it has something in this sense that was not moved there yet.
final class BaselineMoves {
    let hosts: [BaselineHost]
    /// How many guests were started and moved so far.
    private(set) var restoreCount = 0
    private var numbers: [Trait: Int] = [:]
    /// What each host did to traits, by their numbers.
    private var verdicts: [[Verdict]]
    private var losses: [[Int: RegisterRestore]]
    /// The fields of ID registers that decide whether a register is there.
    private var deciding: [RegisterID: [IDFieldCondition]] = [:]
    /// Every register that a guest can have, or miss, ascending.
    private let ids: [RegisterID]

    /// A register as a guest has it.
    private struct Trait: Hashable {
        let id: RegisterID
        /// Nil where the guest does not have it.
        let value: RegisterValue?
        /// Whether the guest's ID registers show it, for each field that has a say.
        let isShown: [Bool]
    }

    private enum Verdict: UInt8 {
        case unknown, kept, lost
    }

    /// A guest that was started on a host.
    private struct Started {
        let state: UnitState
        let traits: [Int]
        let refusals: [(id: RegisterID, reason: String)]
    }

    init(among hosts: [BaselineHost]) {
        self.hosts = hosts
        verdicts = hosts.map { _ in [] }
        losses = hosts.map { _ in [:] }
        ids = Set(hosts.flatMap(\.registers.ids)).sorted()
        for id in ids {
            deciding[id] = (RegisterDictionary.entry(for: id)?.newestNeeds ?? []).compactMap {
                if case .idField(let field) = $0 { field } else { nil }
            }
        }
    }

    /// Why guests with a baseline cannot move among the hosts.
    /// - Returns: nil as soon as there are as many obstacles as `limit`.
    func obstacles(
        _ builder: BaselineBuilder, fewerThan limit: Int
    ) throws(RestoreError) -> [Baseline.Obstacle]? {
        var found = FoundObstacles(known: Set(builder.obstacles.map(\.register)))
        for (index, source) in hosts.enumerated() {
            let guest = try start(on: source, with: builder.registers)
            for (id, reason) in guest.refusals {
                found.add(id, "\(source.name) refuses it: \(reason)")
            }
            for (other, destination) in hosts.enumerated()
            where other != index || source.names.count > 1 {
                for loss in try losses(of: guest, on: other) {
                    found.add(
                        loss.id,
                        "\(source.name) to \(destination.names.last ?? ""): "
                            + loss.outcome.name + (loss.reason.map { ", \($0)" } ?? ""))
                }
            }
            guard builder.obstacles.count + found.count < limit else { return nil }
        }
        return builder.obstacles + found.obstacles
    }

    private func start(
        on host: BaselineHost, with baseline: RegisterList
    ) throws(RestoreError) -> Started {
        restoreCount += 1
        let (state, refusals) = try host.guest(with: baseline)
        return Started(state: state, traits: traits(of: state.registers), refusals: refusals)
    }

    private func losses(
        of guest: Started, on host: Int
    ) throws(RestoreError) -> [RegisterRestore] {
        let missing = numbers.count - verdicts[host].count
        verdicts[host] += repeatElement(.unknown, count: missing)
        if guest.traits.contains(where: { verdicts[host][$0] == .unknown }) {
            try move(guest, to: host)
        }
        return guest.traits.filter { verdicts[host][$0] == .lost }.compactMap { losses[host][$0] }
    }

    private func move(_ guest: Started, to host: Int) throws(RestoreError) {
        restoreCount += 1
        let lost = Dictionary(
            try hosts[host].losses(of: guest.state).map { ($0.id, $0) },
            uniquingKeysWith: { first, _ in first })
        for (id, trait) in zip(ids, guest.traits) {
            verdicts[host][trait] = lost[id] == nil ? .kept : .lost
            losses[host][trait] = lost[id]
        }
    }

    private func traits(of guest: RegisterList) -> [Int] {
        ids.map { id in
            let isShown = (deciding[id] ?? []).map { field in
                guest[field.register].map { field.holds(for: $0.lowBits) } ?? false
            }
            let trait = Trait(
                id: id, value: guest[id]?.withoutMotion(of: id), isShown: isShown)
            let number = numbers[trait] ?? numbers.count
            numbers[trait] = number
            return number
        }
    }
}

/// Registers that could not be moved between some of the hosts.
private struct FoundObstacles {
    /// Those that are obstacles anyway.
    let known: Set<RegisterID>
    /// For each the first move, and how many more there are.
    private(set) var moves: [RegisterID: (first: String, more: Int)] = [:]

    var count: Int { moves.count }

    mutating func add(_ id: RegisterID, _ move: @autoclosure () -> String) {
        guard !known.contains(id) else { return }
        if let (first, more) = moves[id] {
            moves[id] = (first, more + 1)
        } else {
            moves[id] = (move(), 0)
        }
    }

    var obstacles: [Baseline.Obstacle] {
        moves.sorted { $0.key < $1.key }.map { id, move in
            let text = move.first + (move.more > 0 ? ", and \(move.more) more" : "")
            return Baseline.Obstacle(register: id, text: text, brief: text)
        }
    }
}
